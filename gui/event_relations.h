// SPDX-License-Identifier: Apache-2.0
// How one operation stands to others of its trace: the same operation in other ranks and in the neighbouring steps,
// what it waited for, and who waited for it. Found by workers; nothing here waits for anyone. Relations of runs come
// from the step program, those of imported traces from the correlation of a launch and its kernel.
#pragma once
#include "gui/canvas/timeline_marks.h"
#include "traces/trace_reader.h"
#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

struct RelatedEvent {
    EventId event = EventId::none;
    LaneId lane = LaneId::none;
    int32_t rank = 0, step = -1;
    int64_t start_ns = 0, end_ns = 0, wait_ns = 0;
    std::string name;
    bool operator==(const RelatedEvent&) const = default;
};

struct EventRelations {
    RelatedEvent self;
    std::vector<RelatedEvent> ranks; // the same in every rank, this one included, by rank; one alone is no table
    std::optional<RelatedEvent> previous_step, next_step;
    std::vector<RelatedEvent> waited_for, waited_by;
    std::optional<RelatedEvent> last_to_arrive; // of a collective that waited: the same in the rank that came last
    std::vector<TimelineFlow> flows;
    std::vector<EventId> twins; // ranks without self, and the neighbouring steps
};

EventRelations relationsOf(const TraceReader&, EventId, const std::atomic<bool>& cancelled);

} // namespace shardscope::gui
