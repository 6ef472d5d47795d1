// SPDX-License-Identifier: Apache-2.0
// What a program needs, before anything runs: per tier the peak of every category and of the total to the byte, and an
// address for every buffer in one arena per rank and tier. All ranks are equal. The executor uses the addresses, so
// nothing is allocated inside a step.
#pragma once
#include "core_runtime/step_program.h"
#include <array>
#include <vector>

namespace shardscope {

struct TierPlan {
    std::array<int64_t, all_memory_categories.size()> category_peak{}; // each at its own time
    std::array<int64_t, all_memory_categories.size()> at_peak{};       // when the total peaks
    int64_t peak_bytes = 0;
    OpId peak_op = OpId::none; // the alloc that reaches the peak; none: the persistent buffers alone
    int64_t persistent_bytes = 0;
    int64_t arena_bytes = 0; // >= peak_bytes: alignment and fragmentation
};

struct MemoryPlan {
    std::array<TierPlan, all_memory_tiers.size()> tiers;
    std::vector<int64_t> addresses; // by buffer, in bytes from the start of its tier's arena
    const TierPlan& tier(MemoryTier t) const { return tiers[static_cast<size_t>(t)]; }
    const TierPlan& device() const { return tier(MemoryTier::device); }
    int64_t arenaBytes() const { // in memory, of one rank
        return tier(MemoryTier::device).arena_bytes + tier(MemoryTier::host).arena_bytes;
    }
};

// Of buffer addresses. Host and NVMe buffers start on pages, as unbuffered I/O asks.
constexpr int64_t alignmentOf(MemoryTier tier) { return tier == MemoryTier::device ? 256 : 4096; }

MemoryPlan planMemory(const StepProgram&);

} // namespace shardscope
