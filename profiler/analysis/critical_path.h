// SPDX-License-Identifier: Apache-2.0
// The chain of work and waiting that made a step as long as it was: from the step's end back to its start, at every
// point the one thing that had to end. Its parts add up to the step. Freeing anything else shortens nothing.
#pragma once
#include "profiler/analysis/step_graph.h"
#include "profiler/analysis/table.h"

namespace shardscope {

struct PathSegment {
    int32_t node = -1; // of the graph; -1: the end of the step after its last interval
    bool host = false; // before the node's start, when all it waited for had ended
    int64_t start_ns = 0, end_ns = 0;
    int64_t duration() const { return end_ns - start_ns; }
};

std::vector<PathSegment> criticalPath(const StepGraph&); // by time; without gaps from range.start_ns to range.end_ns

// Tables composition, what_if and path of one step.
Result<Report> criticalPathReport(const TraceReader&, int32_t step = -1);

} // namespace shardscope
