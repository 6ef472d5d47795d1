// SPDX-License-Identifier: Apache-2.0
// What a trace says about itself in sentences: why a bucket did not overlap, who keeps the others waiting, why memory
// peaked, and how far its numbers can be trusted. Every sentence rests on numbers of the other analyses.
#pragma once
#include "profiler/analysis/table.h"
#include "traces/trace_reader.h"

namespace shardscope {

struct Finding {
    std::string kind;    // "trust": about the recording; "time", "memory": about the run
    std::string subject; // "bucket 2", "rank 1", "steps"
    int64_t cost_ns = 0; // of a step, as far as it can be said
    std::string config_key;
    std::string sentence; // may be several
};

std::vector<Finding> diagnose(const TraceReader&); // trust first, then by cost
Report doctorReport(const std::vector<Finding>&);  // table findings
std::string doctorText(const std::vector<Finding>&);

} // namespace shardscope
