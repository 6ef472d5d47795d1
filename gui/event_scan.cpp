// SPDX-License-Identifier: Apache-2.0
#include "gui/event_scan.h"
#include <algorithm>

namespace shardscope::gui {

namespace {

constexpr uint32_t stretch_events = 32'768;
constexpr double finest = 1e-6, coarse_parts = 4'096;

// Starts of stretches that hold about `stretch_events` each, and the end of the last.
std::vector<int64_t> stretches(const TraceReader& trace, LaneId lane, TimeRange range) {
    std::vector<int64_t> edges{range.start_ns};
    uint64_t events = 0;
    for (const LaneRect& rect : trace.rects(lane, range, static_cast<double>(range.duration()) / coarse_parts)) {
        if (events >= stretch_events && rect.start_ns > edges.back()) {
            edges.push_back(rect.start_ns);
            events = 0;
        }
        events += rect.count;
    }
    edges.push_back(range.end_ns);
    return edges;
}

} // namespace

void forEachEvent(const TraceReader& trace, LaneId lane, TimeRange range,
                  const std::function<bool(EventId, const IntervalEvent&)>& visit) {
    if (range.duration() <= 0) return;
    const std::vector<int64_t> edges = stretches(trace, lane, range);
    for (size_t i = 0; i + 1 < edges.size(); ++i) {
        const TimeRange stretch{edges[i], edges[i + 1]};
        const std::vector<LaneRect> rects = trace.rects(lane, stretch, finest);
        auto rect = rects.begin();
        for (const IntervalEvent& event : trace.events(lane, stretch)) {
            if (event.start_ns < stretch.start_ns) continue;
            while (rect != rects.end() && rect->start_ns < event.start_ns) ++rect;
            const bool found = rect != rects.end() && rect->start_ns == event.start_ns;
            // Of a run that starts together with a longer event, the longest comes last.
            const auto last = found && rect + 1 != rects.end() && rect[1].start_ns == event.start_ns ? rect + 1 : rect;
            const EventId id = !found ? EventId::none : last->end_ns == event.end_ns ? last->event : rect->event;
            if (!visit(id, event)) return;
        }
    }
}

} // namespace shardscope::gui
