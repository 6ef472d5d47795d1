// SPDX-License-Identifier: Apache-2.0
// From a configuration to a verified step program. The model's ops are written once (transformer_step.cpp); ZeRO
// (zero_parameters.cpp, zero_gradients.cpp, zero_optimizer.cpp) says where
// parameters and gradients are and adds the collectives and copies; waits and alloc/free are derived
// (derive.cpp) and the result is checked (verify.cpp).
#pragma once
#include "core_runtime/config.h"
#include "core_runtime/layout.h"
#include "core_runtime/model_spec.h"
#include "core_runtime/step_program.h"
#include "traces/result.h"
#include <optional>

namespace shardscope {

// What one optimizer update touches at once: whole segments, in order. Below stage 3 there is one group per bucket.
struct SubGroup {
    std::vector<int32_t> segments;
    int64_t elements = 0;           // of a rank's share
    BufferId swap = BufferId::none; // NVMe offload: [master | exp_avg | exp_avg_sq], elements each
};

// Where a rank keeps its shard of a gather unit at stage 3.
struct UnitStore {
    BufferId buffer = BufferId::none;
    bool by_unit = false; // a buffer of its own, segments at unit_offset / N; else the flat shard, at shard_offset
};

struct Plan {
    Config config;
    ModelSpec model;
    int64_t ranks = 1;
    int64_t sequence = 0;
    std::vector<ParameterInfo> parameters; // with tiles; files and states outside go by parametersOf(model)
    Layout layout;
    StepProgram program;
    std::vector<SubGroup> sub_groups;
    // Buffers the runtime fills and reads around a step.
    BufferId ids = BufferId::none, targets = BufferId::none, losses = BufferId::none;
    std::vector<BufferId> unit_buffers; // by unit; none where a unit is gathered per use
    std::vector<UnitStore> unit_stores; // by unit; stage 3
    // Optimizer states: of a rank's shard at shard_offset, or of everything at unit_offset (stage 0). None where the
    // sub-groups are on NVMe; no master where the fp32 parameters themselves are updated.
    BufferId master = BufferId::none, exp_avg = BufferId::none, exp_avg_sq = BufferId::none;
    BufferId staging = BufferId::none; // offload: updated parameters on the host, on their way back, at shard_offset
    BufferId control = BufferId::none; // see GradientControl; none where nothing checks or scales gradients

    bool shards_optimizer() const { return config.zero.stage >= 1; }
    DType dtype() const; // of parameters, activations and gradients
    int64_t accumulation() const { return config.gradient_accumulation_steps; }
    // Offset of a segment's shard in its unit's store.
    int64_t storeOffset(const Segment&) const;
    // Offset of a segment in the optimizer states: of the rank's slice, or of the whole at stage 0.
    int64_t stateOffset(const Segment& s) const { return shards_optimizer() ? s.shard_offset : s.unit_offset; }
};

// The values of Plan::control, one float each.
enum class GradientControl : uint8_t { scale, skip, norm, count };

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
