// SPDX-License-Identifier: Apache-2.0
// The timers that DeepSpeed prints with wall_clock_breakdown, from what one rank recorded. DeepSpeed synchronises the
// device around each of them; here nothing waits for being timed, so lanes that overlap are seen overlapping.
#pragma once
#include "traces/trace_event.h"
#include <map>
#include <string>
#include <vector>

namespace shardscope {

struct MicroBatchTimers {      // ns of wall time
    int64_t fwd = 0;           // first to last forward op of the compute lane, with what it waited for in between
    int64_t bwd_inner = 0;     // the same of backward and recompute ops
    int64_t bwd_allreduce = 0; // from there until the last gradient collective of the micro-batch has ended
    int64_t bwd() const { return bwd_inner + bwd_allreduce; }
};

struct StepTimers {
    int32_t step = 0;
    std::vector<MicroBatchTimers> micro_batches;
    int64_t optimizer = 0; // ns, first to last optimizer op of any lane: norm, update, gathering parameters
};

class StepTimerCollector {
public:
    explicit StepTimerCollector(int32_t rank)
        : m_rank(rank) {}
    void addLane(LaneId, const LaneInfo&);
    void add(const IntervalEvent&);
    StepTimers take(int32_t step); // after all intervals of the step; forgets them

private:
    int32_t m_rank;
    std::map<LaneId, LaneKind> m_lanes; // of the rank
    std::map<int32_t, std::vector<IntervalEvent>> m_steps;
};

// One line per micro-batch with DeepSpeed's names ending in _microstep, then the sums of the step; ms.
std::string timerText(const StepTimers&, int32_t rank);

} // namespace shardscope
