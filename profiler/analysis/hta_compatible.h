// SPDX-License-Identifier: Apache-2.0
// The temporal breakdown and overlap of Holistic Trace Analysis (HTA), digit for digit, for people who compare with it:
// its row filter by steps, its rounding to microseconds, its two decimals. Our own numbers in Summary are exact; why
// the two differ is said in docs/metrics.md.
#pragma once
#include "profiler/analysis/table.h"
#include "traces/trace_reader.h"

namespace shardscope {

struct HtaBreakdown {
    int32_t rank = 0;
    int64_t kernel_time_us = 0, idle_time_us = 0, compute_time_us = 0, non_compute_time_us = 0;
    double idle_percent = 0, compute_percent = 0, non_compute_percent = 0;
    double overlap_percent = 0; // not a number without communication
};

// include_last_step is HTA's include_last_profiler_step.
std::vector<HtaBreakdown> htaBreakdown(const TraceReader&, bool include_last_step = false);
Report htaReport(const std::vector<HtaBreakdown>&);

// The same choice of rows without any rounding, in the fields and formulas of RankBudget.
Report htaExactReport(const TraceReader&, bool include_last_step = false);

} // namespace shardscope
