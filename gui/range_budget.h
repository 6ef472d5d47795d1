// SPDX-License-Identifier: Apache-2.0
// The step budget of any stretch of time: what each rank of the shown traces did in it, and the mean over its ranks.
#pragma once
#include "profiler/analysis/summary.h"
#include <atomic>

namespace shardscope::gui {

struct RangeBudget {
    TimeRange range; // trace time
    std::vector<RankBudget> ranks;
    RankBudget mean; // rank -1
};

RangeBudget rangeBudget(const TraceReader&, TimeRange, const std::atomic<bool>& cancelled);

} // namespace shardscope::gui
