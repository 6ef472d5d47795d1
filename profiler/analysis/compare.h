// SPDX-License-Identifier: Apache-2.0
// Two to four traces side by side: what differs in the configuration, the step budget, the memory, the losses.
#pragma once
#include "profiler/analysis/summary.h"
#include "traces/result.h"

namespace shardscope {

struct ConfigDifference {
    std::string key;                 // "zero_optimization.stage"
    std::vector<std::string> values; // one per trace; "(unknown)" where a trace has no configuration
};

// The step whose duration is the median one stands for the run (the first step is warm-up and left out when there are
// more than two), or everything in a trace without steps; its parts are averaged over ranks, so that they add up to it
// exactly. Integer ns.
struct RunFigures {
    std::string label;                       // "A", "B" ...
    std::string title;                       // "ZeRO-2"
    bool whole_trace = false;                // no steps
    bool configured = false;                 // the trace has the configuration of the run
    int64_t step_ns = 0, step_spread_ns = 0; // median, half of the interquartile range
    int64_t compute_ns = 0, exposed_comm_ns = 0, exposed_copy_ns = 0, idle_ns = 0; // sum = step budget
    int64_t other_ns = 0;                                 // part of the budget of imported traces only
    int64_t comm_ns = 0, overlap_ns = 0, emulated_ns = 0; // emulated: part of comm added by a link model
    double overlap_percent = 0;
    double tokens_per_s = 0;
    std::array<int64_t, all_memory_categories.size()> peak_bytes{}; // worst rank, per category, when the total peaks
    int64_t peak_total_bytes = 0, planned_total_bytes = 0;          // of that rank, device
    int64_t peak_host_bytes = 0, peak_nvme_bytes = 0;               // each of its worst rank
    std::vector<double> losses;
    std::vector<Statistics> statistics; // over the steps, as in Summary
};

// A number of one run beside that of A.
struct Change {
    double difference = 0; // to A
    double ratio = 0;      // to A; not a number when A has 0
    std::string verdict;   // "real", "within noise", "too few steps"; empty where steps say nothing
};

struct ComparedMetric {
    std::string metric;          // of Statistics, or "peak_total_bytes"
    std::vector<double> values;  // medians, one per run
    std::vector<Change> changes; // one per run; that of A is empty
};

// An op of the program, all its micro-batches together, or a kernel name of an imported trace. Its time is per step,
// the mean of the ranks, and the median over the steps; without steps that of the whole trace.
struct ComparedOp {
    Phase phase = Phase::forward;
    std::string name;
    std::vector<std::optional<double>> ns; // one per run; none: the run has no such op
    std::vector<Change> changes;
    bool everywhere() const;
};

struct ComparedStep {
    int32_t step = 0;
    std::vector<std::optional<int64_t>> ns; // one per run
};

struct Comparison {
    std::vector<RunFigures> runs;
    std::vector<ConfigDifference> differences;
    bool losses_equal = false; // bitwise, all runs, all common steps
    std::string
        loss_statement; // "losses of 20 steps are bitwise equal in 4 runs", where they part, or that there are none
    std::vector<ComparedMetric> metrics;
    std::vector<ComparedOp> ops; // the greatest difference first, those that not all runs have at the end
    std::vector<ComparedStep> steps;
};

Comparison compare(const std::vector<const TraceReader*>&);
std::vector<ComparedOp> compareOps(const std::vector<const TraceReader*>&); // part of compare()
std::string comparisonText(const Comparison&);
Report comparisonReport(const Comparison&); // tables metrics, ops, unmatched, steps, differences

// "exposed_comm_ns<5%": no run may have 5 % more than A. Without the percent sign: the value itself. Operators < <= >
// >=.
struct Gate {
    std::string text, metric, relation;
    double limit = 0;
    bool relative = false;
};
struct GateResult {
    std::string gate, run;
    double value = 0; // the relative change in percent, or the value
    bool passed = false;
    std::string sentence;
};
std::string comparisonJson(const Comparison&, const std::vector<GateResult>& gates = {});
Result<Gate> parseGate(const std::string&);
Result<std::vector<GateResult>> checkGates(const Comparison&, const std::vector<Gate>&); // every run but A

} // namespace shardscope
