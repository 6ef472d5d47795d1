// SPDX-License-Identifier: Apache-2.0
// From a configuration to a verified step program. The model's ops are written once (gpt2_step.cpp); ZeRO
// (zero_pass.cpp) says where parameters and gradients are and adds the collectives; waits and alloc/free are derived
// (derive.cpp) and the result is checked (verify.cpp).
#pragma once
#include "core_runtime/config.h"
#include "core_runtime/layout.h"
#include "core_runtime/model_spec.h"
#include "core_runtime/step_program.h"
#include "traces/result.h"
#include <optional>

namespace shardscope {

struct Plan {
    Config config;
    ModelSpec model;
    int64_t ranks = 1;
    int64_t sequence = 0;
    std::vector<ParameterInfo> parameters;
    Layout layout;
    StepProgram program;
    // Buffers the runtime fills and reads around a step.
    BufferId ids = BufferId::none, targets = BufferId::none, losses = BufferId::none;
    std::vector<BufferId> unit_buffers;        // by unit; none where a unit is gathered per use
    BufferId parameter_shard = BufferId::none; // stage 3
    BufferId master = BufferId::none;          // bf16 only
    bool shards_optimizer() const { return config.zero.stage >= 1; }
};

// `sequence` 0 = the model's context. Errors are about the request: sequence too long, more slices than elements, ...
Result<Plan> plan(const Config&, const ModelSpec&, int64_t ranks, int64_t sequence);

// Adds the waits that data needs: an op waits for earlier ops of other lanes that touch the same range when one of them
// writes.
void deriveWaits(StepProgram&);
// Adds alloc and free ops on the compute lane from first and last use. A buffer last used by another lane is freed
// where the compute lane first knows that use to be over.
void deriveLifetimes(StepProgram&);
// Checks a finished program by other means than it was made: bounds, every read has a writer, no use outside a buffer's
// life, conflicting ops of different lanes are ordered, waits point backwards. nullopt: fine.
std::optional<std::string> findFault(const StepProgram&);

} // namespace shardscope
