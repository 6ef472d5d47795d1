// SPDX-License-Identifier: Apache-2.0
#include "gui/event_order.h"
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr double every_event = 1e-3; // ns per pixel: nothing is merged
constexpr int64_t narrowest_ns = 1'000, growth = 8;

} // namespace

EventId neighbourEvent(const TraceReader& reader, EventId from, int direction) {
    const auto details = reader.details(from);
    if (!details) return EventId::none;
    const IntervalEvent& event = details->event;
    const TimeRange span = reader.span();
    int64_t reach = std::max(narrowest_ns, 4 * (event.end_ns - event.start_ns));
    for (;;) {
        const TimeRange window{direction < 0 ? std::max(span.start_ns, event.start_ns - reach) : event.start_ns,
                               direction < 0 ? event.start_ns + 1 : std::min(span.end_ns, event.start_ns + reach) + 1};
        auto near = reader.rects(event.lane, window, every_event);
        std::stable_sort(near.begin(), near.end(),
                         [](const LaneRect& a, const LaneRect& b) { return a.start_ns < b.start_ns; });
        const auto here =
            std::find_if(near.begin(), near.end(), [from](const LaneRect& rect) { return rect.event == from; });
        if (here != near.end() && direction > 0 && here + 1 != near.end()) return (here + 1)->event;
        if (here != near.end() && direction < 0 && here != near.begin()) return (here - 1)->event;
        const bool all = direction < 0 ? window.start_ns <= span.start_ns : window.end_ns > span.end_ns;
        if (all) return EventId::none;
        reach = reach > INT64_MAX / growth ? INT64_MAX / 4 : reach * growth;
    }
}

EventId firstEvent(const TraceReader& reader, LaneId lane, TimeRange range) {
    const double coarse = std::max(1.0, static_cast<double>(range.duration()) / 2'000);
    const auto seen = reader.rects(lane, range, coarse);
    return seen.empty() ? EventId::none : seen.front().event;
}

} // namespace shardscope::gui
