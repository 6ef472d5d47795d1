// SPDX-License-Identifier: Apache-2.0
// Two to four traces side by side: what differs in the configuration, the step budget, the memory, the losses. One of
// them is the baseline; every change is told against it, and any run can become it without the traces.
#pragma once
#include "profiler/analysis/run_identity.h"
#include "profiler/analysis/summary.h"
#include "traces/result.h"

namespace shardscope {

struct ConfigDifference {
    std::string key;                  // "zero_optimization.stage"
    std::vector<std::string> values;  // one per trace; "(unknown)" where a trace has no configuration
    std::vector<std::string> origins; // one per trace: given, default or derived; empty where it is not said
    std::string unit;                 // of the values; empty where it is not said
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
    int32_t shown_step = -1; // the step that stands for the run; -1: the whole trace
    std::array<int64_t, all_memory_categories.size()> peak_bytes{}; // worst rank, per category, when the total peaks
    int64_t peak_total_bytes = 0, planned_total_bytes = 0;          // of that rank, device
    int32_t peak_rank = -1;                                         // that rank; -1: no memory was recorded
    int64_t peak_time_ns = 0;                                       // when its total peaks first
    int64_t peak_host_bytes = 0, peak_nvme_bytes = 0;               // each of its worst rank
    std::vector<double> losses;
    std::vector<int32_t> loss_steps; // the steps of `losses`
    int64_t common_steps_ns = 0;     // recorded time from the start of the first to the end of the last common step
    RunIdentity identity;
    std::vector<Statistics> statistics; // over the steps, as in Summary
};

// A number of one run beside that of the baseline.
struct Change {
    double difference = 0; // to the baseline
    double ratio = 0;      // to the baseline; not a number when that has 0
    std::string verdict;   // "real", "within noise", "too few steps"; empty where steps say nothing
};

struct ComparedMetric {
    std::string metric;          // of Statistics, or "peak_total_bytes"
    std::vector<double> values;  // medians, one per run
    std::vector<Change> changes; // one per run; that of the baseline is empty
};

// An op of the program, all its micro-batches together, or a kernel name of an imported trace. Its time is per step,
// the mean of the ranks, and the median over the steps; without steps that of the whole trace.
struct ComparedOp {
    Phase phase = Phase::forward;
    std::string name;
    std::vector<std::optional<double>> ns;             // one per run; none: the run has no such op
    std::vector<Change> changes;                       // one per run that has it beside the baseline
    std::vector<std::optional<Statistics>> statistics; // of `ns`
    bool everywhere() const;
};

struct ComparedStep {
    int32_t step = 0;
    std::vector<std::optional<int64_t>> ns; // one per run
};

// How the losses of the common steps agree. To rounding: at no step do they differ by more than 1e-5 of their value.
enum class LossRelation { none, bitwise, rounding, different };

struct Comparison {
    std::vector<RunFigures> runs;
    size_t baseline = 0; // the run that the others are compared with
    std::vector<ConfigDifference> differences;
    int64_t equal_keys = 0;              // that all configured runs have alike
    std::vector<ConfigDifference> known; // tool, device, world size, steps: where they differ or the keys are not known
    std::vector<std::string> notes;      // sentences about what limits the comparison
    LossRelation loss_relation = LossRelation::none;
    int64_t common_losses = 0;        // steps that all runs have
    std::vector<int32_t> losses_part; // per run: the first common step at which it differs from the baseline; or -1
    bool losses_equal = false;        // bitwise, all runs, all common steps
    std::string
        loss_statement; // "losses of 20 steps are bitwise equal in 4 runs", where they part, or that there are none
    std::vector<ComparedMetric> metrics;
    std::vector<ComparedOp> ops; // the greatest difference first, those that not all runs have at the end
    std::vector<ComparedStep> steps;
};

Comparison compare(const std::vector<const TraceReader*>&, size_t baseline = 0);
void setBaseline(Comparison&, size_t baseline);                               // tells all changes anew
const Statistics* statisticsOf(const RunFigures&, const std::string& metric); // null if the run has none of this name
const ComparedMetric* metricOf(const Comparison&, const std::string& metric);
std::string comparedName(const std::string& recorded_name);                 // of an op: all its micro-batches have one
std::vector<ComparedOp> compareOps(const std::vector<const TraceReader*>&); // part of compare()
std::string comparisonText(const Comparison&);
Report comparisonReport(const Comparison&); // tables metrics, ops, unmatched, steps, differences

// "exposed_comm_ns<5%": no run may have 5 % more than the baseline. Without the percent sign: the value itself.
// Operators < <= >
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
Result<std::vector<GateResult>> checkGates(const Comparison&, const std::vector<Gate>&); // every run but the baseline

} // namespace shardscope
