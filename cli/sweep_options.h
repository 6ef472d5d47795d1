// SPDX-License-Identifier: Apache-2.0
// The command line of `sweep`, and what it comes to: the points with their configurations, before anything runs.
#pragma once
#include "cli/run_options.h"
#include "profiler/analysis/sweep.h"

namespace shardscope::cli {

struct SweepOptions : RunOptions {
    std::vector<std::string> vary;
    int64_t steps = 20, warmup_steps = 2, repeat = 5;
    std::string data, link = "none", host_link = "none", storage_link = "none";
    uint64_t seed = 1;
    std::string output, format = "text", table, progress = "auto";
    bool keep_all_traces = false;
};

struct PlannedSweep {
    Sweep sweep;                      // without runs
    std::vector<std::string> configs; // by point: the DeepSpeed JSON of its runs
    std::vector<bool> wanted;         // by point: asked for today, itself or as the plan of another
    std::vector<std::string> notices; // sentences for the user
};

// Everything that can be refused is refused here: values, ranges, and configurations that cannot be planned. Takes over
// what an `earlier` sweep in the same folder has measured; refuses one that measured something else.
Result<PlannedSweep> planSweep(const SweepOptions&, const Sweep* earlier);

} // namespace shardscope::cli
