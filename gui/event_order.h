// SPDX-License-Identifier: Apache-2.0
// Walking through a lane event by event. Looks at a growing part of the lane around the event, never at all of it
// unless its neighbour is that far.
#pragma once
#include "traces/trace_reader.h"

namespace shardscope::gui {

// The event that starts next (direction +1) or before (-1) in the same lane; EventId::none at the end of the lane.
EventId neighbourEvent(const TraceReader&, EventId, int direction);
// The first event of a lane that touches the range; EventId::none if nothing does.
EventId firstEvent(const TraceReader&, LaneId, TimeRange);

} // namespace shardscope::gui
