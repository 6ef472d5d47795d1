// SPDX-License-Identifier: Apache-2.0
// What the Buckets place says about one step of one rank: a row per collective, and the step as blocks to draw. Plain
// values worked out from a trace on a worker; everything was recorded, nothing is predicted.
#pragma once
#include "profiler/analysis/interval_set.h"
#include "traces/trace_reader.h"
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

struct CollectiveRow {
    std::string name;   // "bucket 3", "block 2", or the name of an imported kernel
    std::string layers; // "5 4", "embedding"
    OpClass op_class = OpClass::all_reduce;
    Phase phase = Phase::unknown;
    int32_t bucket = -1;
    int64_t elements = 0;            // 0: not known
    std::optional<int64_t> ready_ns; // since the start of the step; none without a recorded program
    int64_t sent_ns = 0;             // since the start of the step
    int64_t wait_ns = 0, transfer_ns = 0, exposed_ns = 0, emulated_ns = 0;
    double bus_gb_per_s = 0; // 0: not known
    std::string config_key;  // empty: none
    std::string reason;      // why the bucket ends where it does
    std::string change;      // against the baseline, see markChanges
    LaneId lane = LaneId::none;
    TimeRange time; // on the trace's clock
};

struct StepBlock {
    TimeRange time; // since the start of the step
    OpClass op_class = OpClass::compute;
    Phase phase = Phase::forward;
    std::string label; // "F0", "RS 3"
    std::vector<TimeRange> exposed;
    int64_t emulated_ns = 0;
    LaneId lane = LaneId::none;
    int64_t start_ns = 0, end_ns = 0; // of what a click selects, on the trace's clock
};

struct BucketView {
    std::string path;
    int32_t rank = 0, step = -1; // step -1: the trace has none, this is all of it
    int64_t step_ns = 0, exposed_ns = 0;
    std::vector<CollectiveRow> rows; // by start
    std::vector<StepBlock> compute, comm;
    size_t left_out = 0;       // rows beyond what a table can show
    bool has_program = false;  // else nobody knows when a collective was ready, or because of which key it is
    bool has_baseline = false; // rows carry changes
    std::string reduce_bucket_size, allgather_bucket_size, prefetch_bucket_size; // as resolved; empty: not said
};

inline constexpr size_t max_bucket_rows = 2'000;

// `step` -1, or one that the trace does not have: the one with the median duration.
Result<BucketView> bucketView(const TraceReader&, int32_t step);

// Says of each row what is different from the row of the same bucket, or of the same name, in the baseline.
void markChanges(BucketView&, const BucketView& baseline);

std::string layersOf(const std::string& parameters); // of a bucket: "5 4", "0 embedding"

} // namespace shardscope::gui
