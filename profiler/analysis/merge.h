// SPDX-License-Identifier: Apache-2.0
// Traces of single ranks, or of some ranks each, as one trace of the run. Their clocks are fitted by the collectives
// they have in common; without those the join is refused, or labelled in the trace's warnings.
#pragma once
#include "profiler/analysis/clock_fit.h"
#include "traces/result.h"

namespace shardscope {

struct MergedInput {
    std::string path;
    std::vector<int32_t> ranks; // in the merged trace
    ClockFit fit;               // of the first input: none
};

// Fails with a sentence: not readable, different programs, no collectives in common, clocks that run differently.
Result<std::vector<MergedInput>> mergeTraces(const std::vector<std::string>& inputs, const std::string& output,
                                             bool allow_unfitted);

} // namespace shardscope
