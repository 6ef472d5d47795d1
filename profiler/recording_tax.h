// SPDX-License-Identifier: Apache-2.0
// What recording cost a run. Counted for every run: the records of the lane that made most of them times the measured
// cost of one, and on GPUs what CUPTI says of itself. Steps without recording tell it directly, where a run made some.
#pragma once
#include "traces/trace_event.h"
#include <cstdint>
#include <vector>

namespace shardscope {

// Time of one record on the thread of its lane, both time stamps included; takes about a millisecond.
double measureRecordNs();

struct RecordingTax {
    int64_t steps_ns = 0;  // all recorded steps together
    int64_t records = 0;   // of the lane that recorded most
    double record_ns = 0;  // one of them
    int64_t writer_ns = 0; // processor time of the thread that writes the trace, beside the lanes
    // With CUPTI: naming the launches of the busiest lane's ops, and the overhead that CUPTI itself recorded, of all
    // threads together.
    bool cupti = false;
    int64_t tags = 0;
    double tag_ns = 0;
    int64_t cupti_overhead_ns = 0;
    std::vector<int64_t> recorded_step_ns, plain_step_ns; // to compare; both empty: the run made no plain steps

    double countedPercent() const;
    double writerPercent() const; // of one core
    bool compared() const { return !recorded_step_ns.empty() && !plain_step_ns.empty(); }
    double comparedPercent() const; // may be negative: steps vary
    double noisePercent() const;    // half the distance between the quartiles of either, the greater one
};

// Run keys profiler_tax_percent (counted; with CUPTI compared where steps were), profiler_tax_method and profiler_tax.
std::vector<TraceEvent> describe(const RecordingTax&);

} // namespace shardscope
