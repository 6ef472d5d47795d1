// SPDX-License-Identifier: Apache-2.0
// Walks the events of a lane with their ids in stretches of a bounded number, so that lanes of any length can be
// searched. Events of one lane that start at the same nanosecond share the id of the longest: no picture tells them
// apart either.
#pragma once
#include "traces/trace_reader.h"
#include <functional>

namespace shardscope::gui {

// By start, until visit says false. Only events that start within the range.
void forEachEvent(const TraceReader&, LaneId, TimeRange,
                  const std::function<bool(EventId, const IntervalEvent&)>& visit);

} // namespace shardscope::gui
