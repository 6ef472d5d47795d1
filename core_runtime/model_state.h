// SPDX-License-Identifier: Apache-2.0
// The fp32 parameters and optimizer states of a run as whole tensors, whatever the stage, the tier and the shard layout
// of the executor that holds them. Between steps only. For initialisation, weights in and out, and checkpoints.
#pragma once
#include "core_runtime/executor.h"
#include "core_runtime/planner.h"
#include <functional>

namespace shardscope {

enum class StateKind : uint8_t { master, exp_avg, exp_avg_sq };

// Fills elements [first, first + out.size()) of a parameter (or of its state).
using ValueSource = std::function<void(int32_t parameter, int64_t first, std::span<float> out)>;

// Every copy of the parameters on every rank (gathered, sharded, master) and nothing else. No rank ever gets more of
// the model than its plan says. std::runtime_error when a swap file fails; so for the others.
void setParameters(Executor&, const Plan&, const ValueSource&);
void setState(Executor&, const Plan&, StateKind, const ValueSource&); // exp_avg, exp_avg_sq
// By parameter of parametersOf(), like the indices above; from the ranks that own them.
std::vector<std::vector<float>> collectState(Executor&, const Plan&, StateKind);

} // namespace shardscope
