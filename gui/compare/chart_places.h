// SPDX-License-Identifier: Apache-2.0
// Where in a trace the cell of a chart comes from: the one event that shows best what the cell counts. Reads what would
// be drawn of a lane rather than every event, so that a trace of any size answers at once.
#pragma once
#include "gui/compare/comparison_charts.h"
#include "traces/trace_reader.h"

namespace shardscope::gui {

struct ChartPlace {
    EventId event = EventId::none; // none: there is nothing to show
    int32_t step = -1;
    std::string sentence; // what was found, or why nothing was
};

// Part of the step budget, in the step that stands for the run.
ChartPlace budgetPlace(const TraceReader&, const RunFigures&, int32_t rank, BudgetPart);
ChartPlace overlapPlace(const TraceReader&, const RunFigures&, int32_t rank); // the best hidden collective
ChartPlace peakPlace(const TraceReader&, const RunFigures&);                  // what ran when memory peaked
// The longest event of an op as compare() tells ops apart, of a rank in a step (-1: anywhere).
EventId eventOfOp(const TraceReader&, const ComparedOp&, int32_t rank, int32_t step);

} // namespace shardscope::gui
