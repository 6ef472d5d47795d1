// SPDX-License-Identifier: Apache-2.0
// One recorded step as a graph: the intervals of all ranks and what each had to wait for - the interval before it on
// its lane, the ops its program says, and for collectives the last rank to arrive. Replaying the graph with other
// durations answers "what if this were free"; replaying it unchanged gives back the recorded times exactly.
#pragma once
#include "traces/result.h"
#include "traces/trace_reader.h"

namespace shardscope {

struct StepNode {
    IntervalEvent event;
    int32_t rank = 0;
    int32_t meeting = -1;       // collectives: all ranks' calls that belong together
    std::vector<int32_t> waits; // nodes that had to end first, and did
    int64_t delay_ns = 0;       // from the last of them, or the step's start, to the start of this one
};

struct StepGraph {
    int32_t step = -1;
    TimeRange range;
    int64_t contradictions = 0;  // waits that the recorded times rule out; they are not in `nodes`
    bool recorded = false;       // waits come from a program; else from the order on the rank alone
    std::vector<StepNode> nodes; // by start
    std::vector<std::vector<int32_t>> meetings;

    int64_t lastArrival(int32_t node) const; // of its meeting; its own start without one
};

// The graph of a step; without steps in the trace, of everything. Fails with a sentence when there is no such step or
// nothing in it. `step` -1: the one whose duration is the median.
Result<StepGraph> stepGraph(const TraceReader&, int32_t step = -1);

// The end of the last node when the work and the delays are scaled: a factor of 0 makes them free.
struct Factors {
    std::vector<bool> free; // per node: takes no time; waiting for others stays
    bool no_delays = false; // every node starts as soon as it can
};
int64_t replayedEnd(const StepGraph&, const Factors&);

} // namespace shardscope
