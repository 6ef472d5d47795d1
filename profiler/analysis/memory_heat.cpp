// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/memory_heat.h"
#include <algorithm>

namespace shardscope {

std::vector<MemoryHeatRow> memoryHeat(const TraceReader& trace) {
    std::vector<MemoryHeatRow> rows;
    for (int32_t rank = 0; rank < trace.ranks(); ++rank)
        for (const MemoryTier tier : all_memory_tiers) {
            const MemoryCurve& curve = trace.memory(rank, tier);
            if (curve.time_ns.empty()) continue;
            MemoryHeatRow row{.rank = rank, .tier = tier};
            row.total_peak_bytes = curve.peak_bytes;
            row.total_peak_time_ns = curve.peak_time_ns;
            for (size_t c = 0; c < curve.bytes.size(); ++c) {
                const auto peak = std::max_element(curve.bytes[c].begin(), curve.bytes[c].end());
                row.peak_bytes[c] = *peak;
                row.peak_time_ns[c] = curve.time_ns[static_cast<size_t>(peak - curve.bytes[c].begin())];
            }
            rows.push_back(row);
        }
    for (const PlannedPeakEvent& planned : trace.plannedPeaks()) {
        if (planned.category) continue;
        for (MemoryHeatRow& row : rows)
            if (row.rank == planned.rank && row.tier == planned.tier) row.planned_peak_bytes = planned.bytes;
    }
    return rows;
}

MemoryMoment memoryAt(const MemoryCurve& curve, int64_t time_ns) {
    MemoryMoment moment;
    const auto after = std::upper_bound(curve.time_ns.begin(), curve.time_ns.end(), time_ns);
    if (after == curve.time_ns.begin()) return moment;
    const auto at = static_cast<size_t>(after - curve.time_ns.begin()) - 1;
    for (size_t c = 0; c < curve.bytes.size(); ++c) moment.bytes[c] = curve.bytes[c][at];
    moment.total_bytes = curve.total_bytes[at];
    moment.recorded = true;
    return moment;
}

} // namespace shardscope
