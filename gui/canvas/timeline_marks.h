// SPDX-License-Identifier: Apache-2.0
// What lies over the lanes of a trace: matches of a search, twins of the selected operation, and arrows to what it
// waited for. Values found by workers; the drawing only looks them up.
#pragma once
#include "traces/vocabulary.h"
#include <cstdint>
#include <memory>
#include <vector>

namespace shardscope::gui {

struct TraceMatches {
    struct Match {
        int64_t start_ns = 0;
        EventId event = EventId::none;
        bool operator==(const Match&) const = default;
    };
    std::vector<std::vector<Match>> lanes; // index = LaneId, each by start
    int64_t count = 0;                     // of all that match; `lanes` hold the first of each lane when they are many

    // Whether anything that starts within [start, end) of a lane matches.
    bool within(LaneId, int64_t start_ns, int64_t end_ns) const;
    bool is(LaneId, int64_t start_ns, EventId) const;
};

// From the end of one operation to the start of another that waited for it, in trace time.
struct TimelineFlow {
    LaneId from_lane = LaneId::none, to_lane = LaneId::none;
    int64_t from_ns = 0, to_ns = 0;
    EventId other = EventId::none; // the end of the arrow that is not the selected operation
    bool incoming = true;          // the selected operation waited for `other`
    bool operator==(const TimelineFlow&) const = default;
};

struct TraceMarks {
    std::shared_ptr<const TraceMatches> matches = {}; // null: nothing is searched for, nothing is dimmed
    std::vector<EventId> twins = {};                  // in other ranks and in the neighbouring steps
    std::vector<TimelineFlow> flows = {};
};

} // namespace shardscope::gui
