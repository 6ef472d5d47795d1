// SPDX-License-Identifier: Apache-2.0
// The numbers of a trace, exact in integer nanoseconds and bytes; definitions with formulas in docs/metrics.md. The
// same struct serves the CLI, the GUI and the JSON document.
#pragma once
#include "traces/trace_reader.h"
#include <map>
#include <string>
#include <vector>

namespace shardscope {

// Per rank over the analysed range. compute_ns + exposed_comm_ns + exposed_copy_ns + idle_ns == span_ns, always.
struct RankBudget {
    int32_t rank = 0;
    int64_t span_ns = 0;         // end of last - start of first interval of the rank (or the range asked for)
    int64_t busy_ns = 0;         // union of all intervals
    int64_t compute_ns = 0;      // union of compute intervals
    int64_t comm_ns = 0;         // union of collective intervals
    int64_t copy_ns = 0;         // union of copies
    int64_t overlap_ns = 0;      // |comm ∩ compute|
    int64_t exposed_comm_ns = 0; // |comm \ compute|
    int64_t exposed_copy_ns = 0; // |copy \ (compute ∪ comm)|
    int64_t idle_ns = 0;         // span - busy
    int64_t emulated_ns = 0;     // part of comm added by a link model
    double overlap_percent = 0;  // 100 * overlap / comm, 0 when there is no communication
};

struct StepSummary {
    int32_t step = 0;
    double loss = 0;
    double tokens_per_s = 0;
    int64_t step_ns = 0;
    std::vector<RankBudget> budgets; // per rank, within the step
};

struct MemoryRow {
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    std::string category; // a MemoryCategory or "total"
    int64_t planned_peak_bytes = 0;
    int64_t peak_bytes = 0;
};

struct TrafficRow {
    int32_t rank = 0;
    int32_t step = 0;
    OpClass collective = OpClass::all_reduce;
    int64_t sent_bytes = 0;
    int64_t bytes = 0;
    int64_t count = 0;
};

struct Summary {
    std::string path;
    std::map<std::string, std::string> run; // selected run keys
    std::vector<RankBudget> ranks;
    std::vector<StepSummary> steps;
    std::vector<MemoryRow> memory;
    std::vector<TrafficRow> traffic;
    std::vector<WarningEvent> warnings;
    int64_t median_step_ns = 0; // the first step is warm-up and left out when there are more than two
};

Summary summarize(const TraceReader&);
int64_t medianStepNs(std::vector<int64_t> steps_in_order); // lower median, warm-up left out; always one of the steps
RankBudget rankBudget(const TraceReader&, int32_t rank, TimeRange); // of any range, e.g. a selection
std::string summaryJson(const Summary&);                            // indented; the documented field names
std::string summaryText(const Summary&);

} // namespace shardscope
