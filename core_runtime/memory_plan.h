// SPDX-License-Identifier: Apache-2.0
// What a program needs, before anything runs: the peak of every category and of the total to the byte, and an address
// for every buffer in one arena per rank. All ranks are equal. The executor uses the addresses, so nothing is allocated
// inside a step.
#pragma once
#include "core_runtime/step_program.h"
#include <array>
#include <vector>

namespace shardscope {

struct MemoryPlan {
    std::array<int64_t, all_memory_categories.size()> category_peak{}; // each at its own time
    std::array<int64_t, all_memory_categories.size()> at_peak{};       // when the total peaks
    int64_t peak_bytes = 0;
    OpId peak_op = OpId::none; // the alloc that reaches the peak; none: the persistent buffers alone
    int64_t persistent_bytes = 0;
    std::vector<int64_t> addresses; // by buffer, in bytes from the arena's start, multiples of alignment
    int64_t arena_bytes = 0;        // >= peak_bytes: alignment and fragmentation
    static constexpr int64_t alignment = 256;
};

MemoryPlan planMemory(const StepProgram&);

} // namespace shardscope
