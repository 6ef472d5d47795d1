// SPDX-License-Identifier: Apache-2.0
// What one rank does over a whole trace as sets of nanoseconds, and the budget of any range of it. The one place that
// decides which interval is compute, communication or copy, and what an idle nanosecond waited for (docs/metrics.md).
#pragma once
#include "profiler/analysis/interval_set.h"
#include "profiler/analysis/summary.h"
#include <functional>
#include <set>
#include <unordered_map>

namespace shardscope {

// `none` is what only describes or causes work, such as a call that launches a kernel.
enum class Activity : uint8_t { compute, comm, copy, other, none };

// Host computation counts as compute and storage as copy, so that the kinds cover everything a rank does.
Activity activityOf(OpClass);
std::set<int32_t> ranksOf(const TraceReader&);

// Calls visit(event) for all intervals of a rank, lane by lane in order of start.
void forEachInterval(const TraceReader&, int32_t rank, const std::function<void(const IntervalEvent&)>& visit);

struct RankActivity {
    int32_t rank = 0;
    IntervalSet compute, comm, copy, emulated, busy;
    std::unordered_map<int64_t, int64_t> launches; // of work that ends a gap, where known: its start to its launch
    TimeRange extent() const;                      // from its first interval to its last; {0, 0} without any
};

RankActivity activityOf(const TraceReader&, int32_t rank);
// Only of what touches the range: as quick as the range is short. Budgets of other ranges mean nothing then, and gaps
// that reach beyond the range are not explained.
RankActivity activityWithin(const TraceReader&, int32_t rank, TimeRange);
RankBudget budgetOf(const TraceReader&, const RankActivity&, TimeRange);

} // namespace shardscope
