// SPDX-License-Identifier: Apache-2.0
// Two to four traces side by side: what differs in the configuration, the step budget, the memory, the losses.
#pragma once
#include "profiler/analysis/summary.h"
#include "traces/result.h"

namespace shardscope {

struct ConfigDifference {
    std::string key;                 // "zero_optimization.stage"
    std::vector<std::string> values; // one per trace
};

// The step whose duration is the median one stands for the run (the first step is warm-up and left out when there are
// more than two); its parts are averaged over ranks, so that they add up to it exactly. Integer ns.
struct RunFigures {
    std::string label;                       // "A", "B" ...
    std::string title;                       // "ZeRO-2"
    int64_t step_ns = 0, step_spread_ns = 0; // median, half of the interquartile range
    int64_t compute_ns = 0, exposed_comm_ns = 0, exposed_copy_ns = 0, idle_ns = 0; // sum = step budget
    int64_t comm_ns = 0, overlap_ns = 0, emulated_ns = 0; // emulated: part of comm added by a link model
    double overlap_percent = 0;
    double tokens_per_s = 0;
    std::array<int64_t, all_memory_categories.size()> peak_bytes{}; // worst rank, per category, when the total peaks
    int64_t peak_total_bytes = 0, planned_total_bytes = 0;          // of that rank
    std::vector<double> losses;
};

struct Comparison {
    std::vector<RunFigures> runs;
    std::vector<ConfigDifference> differences;
    bool losses_equal = false;  // bitwise, all runs, all common steps
    std::string loss_statement; // "losses of 20 steps are bitwise equal in 4 runs" or where they part
};

Comparison compare(const std::vector<const TraceReader*>&);
std::string comparisonJson(const Comparison&);
std::string comparisonText(const Comparison&);

} // namespace shardscope
