// SPDX-License-Identifier: Apache-2.0
// Why memory peaked: per rank and tier the moment of the peak, what was alive then, and what a plan had promised.
// Integer bytes; definitions in docs/metrics.md.
#pragma once
#include "profiler/analysis/table.h"
#include "traces/trace_reader.h"

namespace shardscope {

struct AliveBuffer {
    std::string buffer; // empty: the trace does not name it
    MemoryCategory category = MemoryCategory::other;
    int64_t bytes = 0, count = 0; // buffers of this name and category together
    std::string op;               // the op that the first of them was allocated for; empty: lives through the run
};

struct MemoryPeak {
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    int64_t peak_bytes = 0, time_ns = 0; // the first time it was reached
    int32_t step = -1;
    std::string op, buffer; // whose allocation reached it
    std::string running;    // names of the intervals of the rank at that time
    std::array<int64_t, all_memory_categories.size()> category_bytes{};
    std::vector<AliveBuffer> alive; // the greatest first
};

Result<std::vector<MemoryPeak>> memoryPeaks(const TraceReader&);
Result<Report> memoryReport(const TraceReader&); // tables peaks, categories, alive, fragmentation

} // namespace shardscope
