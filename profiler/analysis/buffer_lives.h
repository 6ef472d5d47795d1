// SPDX-License-Identifier: Apache-2.0
// Every buffer of one rank and tier as an interval: when it was allocated and released, where it lay, for which op.
// Lives are in order of allocation, and each knows which change of the ledger began and which ended it, so that what
// was alive after a change is exact even where many changes share one time stamp.
#pragma once
#include "profiler/analysis/interval_tree.h"
#include "profiler/analysis/planned_memory.h"
#include "traces/result.h"
#include "traces/trace_reader.h"
#include <atomic>
#include <cstdint>

namespace shardscope {

struct BufferLife {
    int64_t start_ns = 0, end_ns = 0; // never released: end_ns is the greatest time there is
    int64_t bytes = 0;
    int64_t address = 0;
    uint32_t allocated_by = 0, released_by = never; // numbers of changes
    NameId name = NameId::none;
    OpId alloc_op = OpId::none, free_op = OpId::none; // positions in the program, as in MemoryEvent::op
    int32_t step = -1;                                // of the allocation
    int32_t planned = -1;                             // index of BufferLives::plan
    MemoryCategory category = MemoryCategory::other;
    static constexpr uint32_t never = UINT32_MAX;
    bool released() const { return released_by != never; }
};

enum class AddressSource {
    plan,    // recorded by the planner: where the buffer really lay
    best_fit // not recorded: the smallest hole that holds it, as a caching allocator would choose
};

class BufferLives {
public:
    static constexpr int64_t forever_ns = int64_t{1} << 61;

    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    std::vector<PlannedBuffer> plan; // of all tiers; empty where the trace has none
    AddressSource addresses = AddressSource::best_fit;
    int64_t unnamed = 0;   // releases of buffers without a name: paired with the latest allocation of that size
    int64_t unmatched = 0; // releases of what was allocated before the recording began
    int64_t left_out = 0;  // changes beyond the limit

    const std::vector<BufferLife>& all() const { return m_lives; }
    const std::vector<int64_t>& changeTimes() const { return m_change_times; } // by number of change
    uint32_t changeAt(int64_t time_ns) const;             // the last change not after this time; never if there is none
    uint32_t peakChange() const { return m_peak_change; } // the change that first reached the peak
    int64_t peakBytes() const { return m_peak_bytes; }
    int64_t arenaBytes() const { return m_arena_bytes; } // above the highest address

    const IntervalTree& byTime() const { return m_by_time; } // indexes are those of all()
    std::vector<size_t> aliveAfter(uint32_t change) const;   // the greatest first

    // `totals` is the ledger after each change: it also knows of releases whose allocation was not recorded.
    void set(std::vector<BufferLife>, std::vector<int64_t> change_times, const std::vector<int64_t>& totals);

private:
    std::vector<BufferLife> m_lives;
    std::vector<int64_t> m_change_times;
    IntervalTree m_by_time;
    uint32_t m_peak_change = BufferLife::never;
    int64_t m_peak_bytes = 0, m_arena_bytes = 0;
};

struct LifeLimits {
    int64_t changes = 4'000'000;             // of one rank and tier; more are left out and counted
    const std::atomic<bool>* stop = nullptr; // looked at now and then
};
Result<BufferLives> bufferLives(const TraceReader&, int32_t rank, MemoryTier, const LifeLimits& = {});

// Allocations and releases have positions of their own in the program: the op that a buffer was allocated for comes
// next, the op after which it was released comes before.
const ProgramOpEvent* opAfter(const TraceReader&, OpId position);
const ProgramOpEvent* opBefore(const TraceReader&, OpId position);

} // namespace shardscope
