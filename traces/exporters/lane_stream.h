// SPDX-License-Identifier: Apache-2.0
// The intervals of one lane in the order JSON traces want them, read through a reader of its own, so that no more than
// one lane is in memory however large the trace is. Internal to the exporters.
#pragma once
#include "traces/exporters/export.h"
#include <functional>

namespace shardscope {

// Cut to the range; by start, the longer one first. `visit` gets false for `whole` when an end was cut off.
Result<void> forEachOfLane(const std::string& trace, LaneId, TimeRange,
                           const std::function<void(const IntervalEvent&, bool whole)>& visit);
// What is exported: the whole trace or the range asked for, which must lie in it.
Result<TimeRange> exportedRange(const TraceReader&, const ExportOptions&);

} // namespace shardscope
