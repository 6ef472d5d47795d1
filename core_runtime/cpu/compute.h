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
    kernels::AdamWStep adamw{};
    // Fills ids and targets of a rank for a step.
    std::function<void(int64_t step, int64_t rank, std::span<int32_t> ids, std::span<int32_t> targets)> load_batch;
};

void runCompute(const StepProgram&, const Op&, int64_t rank, const std::vector<std::byte*>& addresses,
                const StepContext&);

} // namespace shardscope
