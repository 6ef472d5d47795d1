// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/timeline_marks.h"
#include <algorithm>

namespace shardscope::gui {

namespace {

auto firstFrom(const std::vector<TraceMatches::Match>& matches, int64_t start_ns) {
    return std::lower_bound(matches.begin(), matches.end(), start_ns,
                            [](const TraceMatches::Match& m, int64_t time) { return m.start_ns < time; });
}

} // namespace

bool TraceMatches::within(LaneId lane, int64_t start_ns, int64_t end_ns) const {
    if (lane < LaneId{0} || static_cast<size_t>(lane) >= lanes.size()) return false;
    const auto& matches = lanes[static_cast<size_t>(lane)];
    const auto found = firstFrom(matches, start_ns);
    return found != matches.end() && (found->start_ns < end_ns || found->start_ns == start_ns);
}

bool TraceMatches::is(LaneId lane, int64_t start_ns, EventId event) const {
    if (lane < LaneId{0} || static_cast<size_t>(lane) >= lanes.size()) return false;
    const auto& matches = lanes[static_cast<size_t>(lane)];
    for (auto at = firstFrom(matches, start_ns); at != matches.end() && at->start_ns == start_ns; ++at)
        if (at->event == event) return true;
    return false;
}

} // namespace shardscope::gui
