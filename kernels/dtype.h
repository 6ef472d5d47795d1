// SPDX-License-Identifier: Apache-2.0
// Element types of the kernels. bfloat16 is storage only: every kernel computes in float and rounds once, to nearest
// even.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

namespace shardscope {

enum class DType : uint8_t { f32, bf16, i32, f16, f64 };

constexpr int64_t bytesOf(DType t) { return t == DType::f64 ? 8 : t == DType::bf16 || t == DType::f16 ? 2 : 4; }
constexpr const char* toText(DType t) {
    switch (t) {
    case DType::f32:
        return "f32";
    case DType::bf16:
        return "bf16";
    case DType::i32:
        return "i32";
    case DType::f16:
        return "f16";
    case DType::f64:
        return "f64";
    }
    return "";
}

struct bfloat16 {
    uint16_t bits = 0;
    bfloat16() = default;
    explicit bfloat16(float value) {
        const uint32_t u = std::bit_cast<uint32_t>(value);
        bits = (u & 0x7fffffffu) > 0x7f800000u ? static_cast<uint16_t>((u >> 16) | 0x40u) // keep NaN a NaN
                                               : static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
    }
    explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
    bool operator==(const bfloat16&) const = default;
};
static_assert(sizeof(bfloat16) == 2);

} // namespace shardscope
