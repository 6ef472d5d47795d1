// SPDX-License-Identifier: Apache-2.0
// Everything that can stand in a trace, as plain values. Times are int64 nanoseconds on the trace's own clock (0 =
// start of recording), bytes and elements are int64. `std::visit` over TraceEvent makes a forgotten kind a compile
// error.
#pragma once
#include "traces/vocabulary.h"
#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

namespace shardscope {

struct LaneInfo {
    int32_t rank = 0;
    LaneKind kind = LaneKind::compute;
    std::string name; // "rank 0 compute"
    bool operator==(const LaneInfo&) const = default;
};

// Something a lane did. For collectives: [start, start+wait) was spent waiting for the last rank to arrive, the rest is
// transfer, of which the last `emulated_ns` were added by a link model and not measured.
struct IntervalEvent {
    LaneId lane = LaneId::none;
    OpId op = OpId::none; // row of the program that caused it, if any
    NameId name = NameId::none;
    int64_t start_ns = 0;
    int64_t end_ns = 0;
    int32_t step = -1;
    Phase phase = Phase::forward;
    OpClass op_class = OpClass::compute;
    int32_t layer = -1;         // -1: none; 0..L-1 transformer blocks, L: final norm and head; embedding is -2
    int32_t bucket = -1;        // gradient bucket, or -1
    int64_t elements = 0;       // collectives: elements of the whole (gathered, reduced) range, padding included
    int64_t bytes = 0;          // the same in bytes; compute: bytes written
    int64_t sent_bytes = 0;     // collectives: what this rank sends under the ring convention, e.g. (N-1)/N * bytes
    int64_t wait_ns = 0;        // collectives: own arrival to last arrival
    int64_t emulated_ns = 0;    // tail of the interval added by the link model
    int64_t correlation = -1;   // a kernel or copy and the call that launched it share it, within one rank
    int32_t process_group = -1; // imported: the group of ranks a collective ran in
};

// One allocation (delta_bytes > 0) or release (< 0) in the ledger of one rank.
struct MemoryEvent {
    int64_t time_ns = 0;
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    MemoryCategory category = MemoryCategory::other;
    int64_t delta_bytes = 0;
    NameId buffer = NameId::none;
    OpId op = OpId::none; // the op it happened for; none for what lives through the whole run
    int32_t step = -1;
};

// One optimizer step over all ranks.
struct StepEvent {
    int32_t step = 0;
    int64_t start_ns = 0; // first rank to begin
    int64_t end_ns = 0;   // last rank to end
    double loss = 0;      // mean over the global batch
    double learning_rate = 0;
    int64_t tokens = 0;                                              // of the global batch
    double gradient_norm = std::numeric_limits<double>::quiet_NaN(); // L2, before clipping; NaN: not computed
    double loss_scale = 1;                                           // fp16: of this step's backward pass
    bool skipped = false; // fp16: a gradient overflowed and nothing was updated
};

// --- what is known before the first step -------------------------------------------------------------------------

// A key of the run: "config_given", "config_resolved" (JSON texts), "model" (JSON), "hardware" (JSON), "software",
// "command", "link" (JSON), "ranks", "stage", "status" (running | finished | stopped | failed), "error", ...
struct RunInfoEvent {
    std::string key;
    std::string value;
};

// One op of the step program; the same for all ranks.
struct ProgramOpEvent {
    OpId op = OpId::none;
    std::string name; // "block 3 attention forward", "reduce_scatter bucket 1"
    LaneKind lane = LaneKind::compute;
    Phase phase = Phase::forward;
    OpClass op_class = OpClass::compute;
    int32_t layer = -1;
    int32_t bucket = -1;
    int64_t elements = 0;
    int64_t bytes = 0;
    std::string
        config_key; // the DeepSpeed key that caused it, e.g. "zero_optimization.reduce_bucket_size"; may be empty
    std::vector<OpId> waits_for;
};

// One gradient bucket of the program.
struct BucketEvent {
    int32_t bucket = 0;
    int64_t elements = 0;        // without padding
    int64_t padded_elements = 0; // with padding
    int64_t bytes = 0;           // padded, in the dtype that travels
    std::string parameters;      // names, comma separated
    std::string closed_because;  // "the next parameter would have passed reduce_bucket_size" | "last parameter" | ...
};

// What the planner promised before the run. Category nullopt is the peak of the total.
struct PlannedPeakEvent {
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    std::optional<MemoryCategory> category;
    int64_t bytes = 0;
};

// Anything a user should know about the numbers: dropped records, repairs, a stopped run.
struct WarningEvent {
    std::string kind; // short and stable, e.g. "dropped_records"
    std::string text; // one sentence
    int64_t count = 1;
};

// --- what imported traces have (counters: recordings of GPUs as well)
// ---------------------------------------------------------------------------------

// Ranks that communicate with each other, as the profiled program named them.
struct ProcessGroupEvent {
    int32_t group = 0; // what IntervalEvent::process_group says
    std::string name;
    std::string description;
    int64_t size = 0;  // ranks; 0: not said
    std::string ranks; // "0, 1, 2", possibly empty or cut short by the profiler
};

// A value of a counter that holds until the next one of the same rank and name.
struct CounterEvent {
    int64_t time_ns = 0;
    int32_t rank = 0;
    NameId name = NameId::none;
    double value = 0;
};

using TraceEvent = std::variant<IntervalEvent, MemoryEvent, StepEvent, RunInfoEvent, ProgramOpEvent, BucketEvent,
                                PlannedPeakEvent, WarningEvent, ProcessGroupEvent, CounterEvent>;

} // namespace shardscope
