// SPDX-License-Identifier: Apache-2.0
// Element types of the kernels. bfloat16 and float16 (IEEE 754 binary16) are storage only: every kernel computes in
// float and rounds once, to nearest even; what lies beyond the largest number becomes infinity, NaN stays NaN.
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
    constexpr explicit bfloat16(float value) {
        const uint32_t u = std::bit_cast<uint32_t>(value);
        bits = (u & 0x7fffffffu) > 0x7f800000u ? static_cast<uint16_t>((u >> 16) | 0x40u) // keep NaN a NaN
                                               : static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
    }
    constexpr explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
    bool operator==(const bfloat16&) const = default;
};
static_assert(sizeof(bfloat16) == 2);

struct float16 {
    uint16_t bits = 0;
    float16() = default;
    constexpr explicit float16(float value) {
        const uint32_t u = std::bit_cast<uint32_t>(value), magnitude = u & 0x7fffffffu;
        uint32_t half = 0;
        if (magnitude > 0x7f800000u)
            half = 0x7e00u | (magnitude >> 13 & 0x3ffu); // a quiet NaN with the upper part of its payload
        else if (magnitude >= 0x477ff000u)
            half = 0x7c00u;               // 65520 and above are nearer to infinity than to 65504
        else if (magnitude < 0x38800000u) // subnormal: the steps of floats in [0.5, 1) are 2^-24, as are these
            half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
        else
            half = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
        bits = static_cast<uint16_t>(u >> 16 & 0x8000u) | static_cast<uint16_t>(half);
    }
    constexpr explicit operator float() const {
        const uint32_t sign = (bits & 0x8000u) << 16, magnitude = (bits & 0x7fffu) << 13;
        if (magnitude >= 0x0f800000u) // infinity, or NaN, which becomes quiet
            return std::bit_cast<float>(sign | 0x7f800000u | magnitude | (magnitude > 0x0f800000u ? 0x400000u : 0u));
        if (magnitude >= 0x00800000u) return std::bit_cast<float>(sign | (magnitude + (112u << 23)));
        return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(magnitude >> 13) * 0x1p-24f));
    }
    bool operator==(const float16&) const = default;
};
static_assert(sizeof(float16) == 2);

} // namespace shardscope
