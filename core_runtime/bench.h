// SPDX-License-Identifier: Apache-2.0
// Benchmarks of the runtime. Each returns a text or JSON table of ratios against a bound or a plain implementation
// measured in the same run; no number is remembered from elsewhere.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <string>

namespace shardscope {

struct BenchStepRequest {
    std::string model = "gpt2-tiny";
    int64_t micro_batch = 4;
    int64_t sequence = 0; // 0 = the model's context
    int64_t steps = 8;
    bool json = false;
};
// Tokens per second of 1 rank and of 4 ranks at the same global batch, fp32 and bf16, as a share of this machine's own
// measured matrix-product rate and of the step's floor (step_floor.h), and the share of a step that recording costs.
Result<std::string> benchStep(const BenchStepRequest&);
// All-reduce, reduce-scatter and all-gather of 4 ranks against a classic ring over the same threads and the memory
// bound.
std::string benchCollectives(bool json);

} // namespace shardscope
