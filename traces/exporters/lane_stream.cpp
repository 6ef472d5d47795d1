// SPDX-License-Identifier: Apache-2.0
#include "traces/exporters/lane_stream.h"
#include <algorithm>
#include <fmt/format.h>

namespace shardscope {

Result<void> forEachOfLane(const std::string& trace, LaneId lane, TimeRange range,
                           const std::function<void(const IntervalEvent&, bool whole)>& visit) {
    const auto reader = TraceReader::open(trace);
    if (!reader) return reader.error();
    std::vector<IntervalEvent> events = (*reader)->events(lane, range);
    // Sorted by start already; only runs of the same start need care.
    std::stable_sort(events.begin(), events.end(), [](const IntervalEvent& a, const IntervalEvent& b) {
        return a.start_ns != b.start_ns ? a.start_ns < b.start_ns : a.end_ns > b.end_ns;
    });
    for (IntervalEvent& e : events) {
        const IntervalEvent before = e;
        e.start_ns = std::max(e.start_ns, range.start_ns);
        e.end_ns = std::min(e.end_ns, range.end_ns);
        if (e.end_ns < e.start_ns) continue;
        visit(e, e.start_ns == before.start_ns && e.end_ns == before.end_ns);
    }
    return {};
}

Result<TimeRange> exportedRange(const TraceReader& reader, const ExportOptions& options) {
    const TimeRange span = reader.span();
    const TimeRange all{span.start_ns, span.end_ns + 1}; // with what has no length and lies at the end
    if (!options.range) return all;
    const TimeRange range = *options.range;
    if (range.end_ns <= range.start_ns)
        return Error{fmt::format("--range {}:{} is empty; its end must be greater than its start.", range.start_ns,
                                 range.end_ns)};
    if (range.end_ns <= span.start_ns || range.start_ns >= span.end_ns)
        return Error{fmt::format("--range {}:{} holds nothing; the trace reaches from {} to {} ns.", range.start_ns,
                                 range.end_ns, span.start_ns, span.end_ns)};
    return range;
}

} // namespace shardscope
