// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti/trace_output.h"
#include <fmt/format.h>

namespace shardscope::cupti {

std::string laneName(const LaneKey& lane) {
    switch (lane.row) {
    case Row::stream:
        return fmt::format("GPU {} stream {}", lane.device, lane.number);
    case Row::parts:
        return fmt::format("GPU {} stream {} kernels of collectives", lane.device, lane.number);
    case Row::calls:
        return fmt::format("api{}, CUDA thread {}",
                           lane.of == LaneKind::compute ? "" : " " + std::string(toText(lane.of)), lane.number);
    case Row::waits:
        return fmt::format("GPU {} synchronization", lane.device);
    case Row::overhead:
        return "overhead, CUDA and CUPTI";
    case Row::ops:
        return fmt::format("{} ops without a stream", toText(lane.kind));
    }
    return "";
}

void TraceOutput::write(TraceSink& sink, const Delivery& delivery) {
    for (const std::string& name : delivery.new_names) m_names.push_back(sink.intern(name));
    std::vector<TraceEvent> events;
    events.reserve(delivery.joined.size());
    for (const JoinedEvent& joined : delivery.joined) {
        const auto [lane, fresh] = m_lanes.try_emplace(joined.lane, LaneId::none);
        if (fresh)
            lane->second =
                sink.addLane({.rank = joined.lane.rank, .kind = joined.lane.kind, .name = laneName(joined.lane)});
        IntervalEvent event = joined.event;
        event.lane = lane->second;
        if (joined.name >= 0) event.name = m_names[static_cast<size_t>(joined.name)];
        events.emplace_back(event);
    }
    sink.append(events);
}

} // namespace shardscope::cupti
