// SPDX-License-Identifier: Apache-2.0
// How much memory every rank needs for what, as one table of ranks and categories: the peaks of a whole trace, or what
// was held at one moment.
#pragma once
#include "traces/trace_reader.h"

namespace shardscope {

using CategoryBytes = std::array<int64_t, all_memory_categories.size()>;

struct MemoryHeatRow {
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    CategoryBytes peak_bytes{}, peak_time_ns{}; // of each category by itself
    int64_t total_peak_bytes = 0, total_peak_time_ns = 0;
    int64_t planned_peak_bytes = -1; // of the total; -1: there was no plan
};

// By rank, then tier; ranks without recorded memory are left out.
std::vector<MemoryHeatRow> memoryHeat(const TraceReader&);

struct MemoryMoment {
    CategoryBytes bytes{};
    int64_t total_bytes = 0;
    bool recorded = false; // false: before the first change
};
MemoryMoment memoryAt(const MemoryCurve&, int64_t time_ns);

} // namespace shardscope
