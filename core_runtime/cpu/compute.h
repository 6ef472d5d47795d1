// SPDX-License-Identifier: Apache-2.0
// Runs one compute op of a step program with the CPU kernels.
#pragma once
#include "core_runtime/backend.h"

namespace shardscope {

void runCompute(const StepProgram&, const Op&, int64_t rank, const std::vector<std::byte*>& addresses,
                const StepContext&);

} // namespace shardscope
