// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: a value depends on (key, counter) only, so that any rank can make any part of a
// sequence.
#pragma once
#include "kernels/random.h"
#include <cstdint>

namespace shardscope {

// In (0, 1], with 53 bits.
constexpr double uniformAboveZero(uint64_t bits) { return static_cast<double>((bits >> 11) + 1) * 0x1p-53; }

// Key of the mask with which one place of the model drops parts of one sample of the step's global batch: the same on
// any number of ranks, for any split into micro-batches, and in recomputation. `place` counts the model's dropouts in
// the order of the forward pass.
constexpr uint64_t dropoutKey(uint64_t seed, int64_t step, int64_t place, int64_t sample) {
    constexpr uint64_t drops = 0x64726f706f757473u; // apart from what else the seed makes
    const uint64_t of_step = randomBits(seed ^ drops, static_cast<uint64_t>(step));
    return randomBits(randomBits(of_step, static_cast<uint64_t>(place)), static_cast<uint64_t>(sample));
}

} // namespace shardscope
