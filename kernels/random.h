// SPDX-License-Identifier: Apache-2.0
// Counter-based random bits: a value depends on (key, counter) only, so that any rank and any thread can make any part
// of a sequence. Dropout draws 32 bits per element from it.
#pragma once
#include <cstdint>

namespace shardscope {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), applied twice so that neighbouring keys share nothing.
constexpr uint64_t mixBits(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}
constexpr uint64_t randomBits(uint64_t key, uint64_t counter) { return mixBits(mixBits(key) ^ mixBits(~counter)); }

namespace kernels {

// Elements 2i and 2i+1 take the lower and the upper half of one 64-bit value.
constexpr uint32_t dropoutThreshold(float p) { return static_cast<uint32_t>(static_cast<double>(p) * 0x1p32); }
constexpr bool dropoutKeeps(uint64_t key, int64_t element, uint32_t threshold) {
    const uint64_t pair = randomBits(key, static_cast<uint64_t>(element) / 2);
    return static_cast<uint32_t>(element % 2 ? pair >> 32 : pair) >= threshold;
}

} // namespace kernels
} // namespace shardscope
