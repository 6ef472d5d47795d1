// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: a value depends on (key, counter) only, so that any rank can make any part of a
// sequence.
#pragma once
#include "kernels/random.h"
#include <cstdint>

namespace shardscope {

// In (0, 1], with 53 bits.
constexpr double uniformAboveZero(uint64_t bits) { return static_cast<double>((bits >> 11) + 1) * 0x1p-53; }

} // namespace shardscope
