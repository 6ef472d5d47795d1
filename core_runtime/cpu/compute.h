// SPDX-License-Identifier: Apache-2.0
// Runs one compute op of a step program with the CPU kernels.
#pragma once
#include "core_runtime/step_program.h"
#include "kernels/ops.h"
#include <functional>
#include <span>

namespace shardscope {

struct StepContext {
    int64_t step = 0;
    uint64_t seed = 1; // of dropout
    kernels::AdamWStep adamw{};
    double gradient_clipping = 0;  // 0 = off
    double loss_scale = 1;         // what the loss was multiplied with
    bool skip_on_overflow = false; // fp16: a step with a gradient that is not finite changes nothing
    bool skip_update = false;      // delayed update: there are no gradients yet
    bool only_update = false;      // delayed update: nothing but the optimizer phase runs
    // Fills ids and targets of a rank for a micro-batch of a step.
    std::function<void(int64_t step, int64_t micro_batch, int64_t rank, std::span<int32_t> ids,
                       std::span<int32_t> targets)>
        load_batch;
};

void runCompute(const StepProgram&, const Op&, int64_t rank, const std::vector<std::byte*>& addresses,
                const StepContext&);

} // namespace shardscope
