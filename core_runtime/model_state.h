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

// A rank's share of the states, whatever the stage: all ranks' shares together hold every element once. A parameter has
// at most one stretch per rank and state.
struct StateStretch {
    StateKind kind;
    int32_t parameter; // of Plan::parameters: tiles count by themselves
    int64_t first, elements;
};
std::vector<StateStretch> shareOf(const Plan&, int64_t rank); // in the order in which visitShare gives them
using StateVisitor = std::function<void(const StateStretch&, std::span<const float>)>;
void visitShare(Executor&, const Plan&, int64_t rank, const StateVisitor&);

// exp_avg and exp_avg_sq on every rank.
using StateSource = std::function<void(StateKind, int32_t parameter, int64_t first, std::span<float> out)>;
void setMoments(Executor&, const Plan&, const StateSource&);
// fp32 weights by parameter of parametersOf(), like the indices of the sources above.
std::vector<std::vector<float>> collectWeights(Executor&, const Plan&);

} // namespace shardscope
