// SPDX-License-Identifier: Apache-2.0
// The steps of a run as repeated measurements: median, spread, and an interval that holds the true median, so that a
// comparison can say whether a difference is more than noise.
#pragma once
#include "profiler/analysis/summary.h"

namespace shardscope {

// The interval comes from order statistics of the binomial distribution, which assume nothing about how times are
// distributed (David and Nagaraja, Order Statistics, section 7.1). Fewer than six values have no interval of 95 %.
Statistics statisticsOf(const std::string& metric, std::vector<double> values);

// One row per metric of the step budget; a step's value is the mean over its ranks. The first step is warm-up and left
// out when there are more than two.
std::vector<Statistics> stepStatistics(const std::vector<StepSummary>&);

enum class Difference { noise, real, unknown };
// Real when the two intervals do not touch; unknown without intervals.
Difference differenceOf(const Statistics&, const Statistics&);

} // namespace shardscope
