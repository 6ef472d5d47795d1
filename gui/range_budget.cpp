// SPDX-License-Identifier: Apache-2.0
#include "gui/range_budget.h"
#include "profiler/analysis/rank_activity.h"

namespace shardscope::gui {

RangeBudget rangeBudget(const TraceReader& trace, TimeRange range, const std::atomic<bool>& cancelled) {
    RangeBudget budget;
    budget.range = range;
    for (const int32_t rank : ranksOf(trace)) {
        if (cancelled) return budget;
        budget.ranks.push_back(budgetOf(trace, activityWithin(trace, rank, range), range));
    }
    budget.mean.rank = -1;
    const auto ranks = static_cast<int64_t>(budget.ranks.size());
    if (ranks == 0) return budget;
    for (auto member :
         {&RankBudget::span_ns, &RankBudget::busy_ns, &RankBudget::compute_ns, &RankBudget::comm_ns,
          &RankBudget::copy_ns, &RankBudget::overlap_ns, &RankBudget::exposed_comm_ns, &RankBudget::exposed_copy_ns,
          &RankBudget::idle_ns, &RankBudget::emulated_ns, &RankBudget::other_ns}) {
        for (const RankBudget& rank : budget.ranks) budget.mean.*member += rank.*member / ranks;
    }
    if (budget.mean.comm_ns > 0)
        budget.mean.overlap_percent =
            100.0 * static_cast<double>(budget.mean.overlap_ns) / static_cast<double>(budget.mean.comm_ns);
    return budget;
}

} // namespace shardscope::gui
