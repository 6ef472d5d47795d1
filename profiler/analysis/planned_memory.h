// SPDX-License-Identifier: Apache-2.0
// The memory that a plan promises after each op of the program, and that promise laid over the times at which the ops
// of a rank really ran, so that it can be compared with what was recorded, moment by moment.
#pragma once
#include "traces/result.h"
#include "traces/trace_reader.h"

namespace shardscope {

// One buffer of the plan, the same on all ranks. `alloc_op` and `free_op` are positions in the program, as
// MemoryEvent::op says of the changes; none: it lives through the whole run.
struct PlannedBuffer {
    std::string name;
    MemoryTier tier = MemoryTier::device;
    MemoryCategory category = MemoryCategory::other;
    int64_t bytes = 0;
    int64_t address = 0; // from the start of its tier's arena
    OpId alloc_op = OpId::none, free_op = OpId::none;
    std::string config_key; // what asked for it; empty: the model, at its micro-batch
};
// Of the key memory_plan of a run; empty where the trace has none or it cannot be read.
std::vector<PlannedBuffer> plannedBuffers(const TraceReader&);

// Of one tier; the same for all ranks. After position op[i], until op[i + 1], total_bytes[i] are planned.
struct PlannedMemory {
    std::vector<OpId> op; // rising
    std::vector<int64_t> total_bytes;
    int64_t persistent_bytes = 0; // before the first op, and after the last one of a step

    int64_t after(OpId) const;
    int64_t peak() const;
};
PlannedMemory plannedMemory(const std::vector<PlannedBuffer>&, MemoryTier);

// total_bytes[i] holds from time_ns[i] on. Begins with the first op of the first step.
struct PlannedCurve {
    std::vector<int64_t> time_ns, total_bytes;
    int64_t moments = 0, different = 0; // recorded changes within steps, and those after which the bytes were others

    std::optional<int64_t> at(int64_t time_ns) const; // nothing before the first op
    // The highest promise within [from, to), the one that holds at its start included. Asks whole chunks at a time.
    std::optional<int64_t> highest(int64_t from_ns, int64_t to_ns) const;
    void seal(); // after the last point
private:
    static constexpr size_t chunk_points = 128;
    std::vector<int64_t> m_chunk_highest;
};
using PlannedCurves = std::map<std::pair<int32_t, MemoryTier>, PlannedCurve>; // by rank and tier

// Empty where the trace has no plan. `limit` bounds the points of all curves together; the ranks that do not fit are
// left out.
Result<PlannedCurves> plannedCurves(const TraceReader&, int64_t limit = 4'000'000);

} // namespace shardscope
