// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti/outside_memory.h"
#include <algorithm>

namespace shardscope::cupti {

void OutsideMemory::add(const std::vector<MemoryChange>& changes) {
    m_changes.insert(m_changes.end(), changes.begin(), changes.end());
}

OutsideMemory::Curves OutsideMemory::curves(const OpJoin& join) const {
    std::vector<MemoryChange> changes = m_changes;
    std::stable_sort(changes.begin(), changes.end(),
                     [](const MemoryChange& a, const MemoryChange& b) { return a.time_ns < b.time_ns; });
    Curves curves;
    std::map<std::pair<uint32_t, uint64_t>, int64_t> held; // by device and address
    std::map<uint32_t, int64_t> sum;
    for (const MemoryChange& c : changes) {
        if (m_own.contains(c.address)) continue;
        const std::pair place{c.device, c.address};
        int64_t delta = c.bytes;
        if (c.bytes > 0) {
            held[place] = c.bytes;
        } else if (const auto known = held.find(place); known != held.end()) {
            delta = -known->second;
            held.erase(known);
        } else {
            ++curves.unmatched_releases;
            continue;
        }
        curves.points.push_back({c.time_ns, join.rankOfDevice(c.device), c.device, sum[c.device] += delta});
    }
    return curves;
}

void writeCounters(TraceSink& sink, const OutsideMemory::Curves& curves) {
    for (const auto& point : curves.points) {
        const TraceEvent event =
            CounterEvent{.time_ns = point.time_ns,
                         .rank = point.rank,
                         .name = sink.intern("GPU " + std::to_string(point.device) + " bytes outside the arenas"),
                         .value = static_cast<double>(point.bytes)};
        sink.append({&event, 1});
    }
}

} // namespace shardscope::cupti
