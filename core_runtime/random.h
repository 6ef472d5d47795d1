// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: a value depends on (key, counter) only, so that any rank can make any part of a
// sequence.
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

// In (0, 1], with 53 bits.
constexpr double uniformAboveZero(uint64_t bits) { return static_cast<double>((bits >> 11) + 1) * 0x1p-53; }

} // namespace shardscope
