// SPDX-License-Identifier: Apache-2.0
// The numbers of a trace, exact in integer nanoseconds and bytes; definitions with formulas in docs/metrics.md. The
// same struct serves the CLI, the GUI and the JSON document.
#pragma once
#include "profiler/analysis/recording_facts.h"
#include "profiler/analysis/table.h"
#include "traces/trace_reader.h"
#include <map>
#include <string>
#include <vector>

namespace shardscope {

// Per rank over the analysed range. Always compute_ns + exposed_comm_ns + exposed_copy_ns + other_ns + idle_ns ==
// span_ns, and the three parts of idle_ns add up to it.
struct RankBudget {
    int32_t rank = 0;
    int64_t span_ns = 0;            // end of last - start of first interval of the rank (or the range asked for)
    int64_t busy_ns = 0;            // union of all intervals
    int64_t compute_ns = 0;         // union of compute intervals
    int64_t comm_ns = 0;            // union of collective intervals
    int64_t copy_ns = 0;            // union of copies
    int64_t overlap_ns = 0;         // |comm ∩ compute|
    int64_t exposed_comm_ns = 0;    // |comm \ compute|
    int64_t exposed_copy_ns = 0;    // |copy \ (compute ∪ comm)|
    int64_t idle_ns = 0;            // span - busy
    int64_t emulated_ns = 0;        // part of comm added by a link model
    double overlap_percent = 0;     // 100 * overlap / comm, 0 when there is no communication
    int64_t other_ns = 0;           // busy with none of these: synchronisation of imported traces
    int64_t idle_host_ns = 0;       // all that the next op waits for has ended, but the host has not started it
    int64_t idle_dependency_ns = 0; // other ranks still work in the step
    int64_t idle_other_ns = 0;      // nothing recorded explains it
};

struct StepSummary {
    int32_t step = 0;
    double loss = 0;
    double tokens_per_s = 0;
    int64_t step_ns = 0;
    double learning_rate = 0;
    double gradient_norm = 0; // NaN: not computed
    double loss_scale = 1;
    bool skipped = false;            // fp16: overflow, no update
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

// A metric over the steps of a run. `low` and `high` enclose the true median with the given probability.
struct Statistics {
    std::string metric;                                      // "step_ns"
    int64_t count = 0;                                       // of steps
    double median = 0, spread = 0, minimum = 0, maximum = 0; // spread: half of the distance between the quartiles
    double low = 0, high = 0;
    double coverage_percent = 0; // 0: too few steps to say
};

// What the collectives with something in common cost, summed over all ranks and steps.
struct CommunicationRow {
    std::string by;  // "collective", "op", "bucket", "layer", "phase", "config_key" or "process_group"
    std::string key; // "reduce_scatter", "bucket 3 ...", "zero_optimization.reduce_bucket_size"
    int64_t calls = 0, bytes = 0;
    int64_t comm_ns = 0;         // nanoseconds of comm that this group accounts for; disjoint, see docs/metrics.md
    int64_t exposed_ns = 0;      // of these, not covered by compute
    int64_t exposed_wait_ns = 0; // of these, waiting for the last rank
    int64_t wait_ns = 0, transfer_ns = 0, emulated_ns = 0;
    double algorithm_gb_per_s = 0, bus_gb_per_s = 0; // nccl-tests' definitions, over the transfers; 0: not known
};

// Who arrives last at collectives, and what that costs the others.
struct StragglerRow {
    int32_t rank = 0;
    int64_t calls = 0, last = 0; // collectives, and those in which this rank came last
    int64_t waited_ns = 0;       // for others
    int64_t caused_wait_ns = 0;  // of all others together, while waiting for this rank
    double mean_lateness_ns = 0; // behind the first rank to arrive
};

// The same operation while communication runs beside it, and alone.
struct SlowdownRow {
    std::string operation; // names of ops with every number as #
    int64_t elements = 0;  // of one call: calls of other sizes are other work
    int64_t alone_count = 0, beside_count = 0;
    int64_t alone_ns = 0, beside_ns = 0; // medians
    double slowdown = 1;                 // beside / alone
};

struct Summary {
    std::string path;
    std::map<std::string, std::string> run; // selected run keys
    RecordingFacts recording;
    std::vector<RankBudget> ranks;
    std::vector<StepSummary> steps;
    std::vector<MemoryRow> memory;
    std::vector<TrafficRow> traffic;
    std::vector<WarningEvent> warnings;
    int64_t median_step_ns = 0; // the first step is warm-up and left out when there are more than two
    std::vector<Statistics> statistics;
    std::vector<CommunicationRow> communication;
    std::vector<StragglerRow> stragglers; // empty with one rank
    std::vector<SlowdownRow> slowdown;
    double compute_slowdown = 0; // of all these operations together; 0: nothing to compare
};

Summary summarize(const TraceReader&);
std::vector<MemoryRow> memoryRows(const TraceReader&);      // planned and recorded peaks
std::vector<StepSummary> stepSummaries(const TraceReader&); // the budgets of the steps alone
StepSummary wholeTrace(const TraceReader&);                 // from the first to the last work of any rank, as one step
int64_t medianStepNs(std::vector<int64_t> steps_in_order);  // lower median, warm-up left out; always one of the steps
RankBudget rankBudget(const TraceReader&, int32_t rank, TimeRange); // of any range, e.g. a selection
std::string summaryJson(const Summary&);                            // indented; the documented field names
std::string summaryText(const Summary&);
Report summaryReport(const Summary&); // the same as tables: ranks, steps, step_ranks, statistics, ...

} // namespace shardscope
