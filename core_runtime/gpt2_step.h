// SPDX-License-Identifier: Apache-2.0
// One micro-batch of GPT-2 forward and backward, as ops. Knows the model, not ZeRO: parameters and gradients are asked
// for.
#pragma once
#include "core_runtime/zero_pass.h"

namespace shardscope {

// The order in which the model uses its layers in one step, and how many of these uses belong to the forward pass. The
// head shares the embedding's weights and keeps them from its forward into its backward use.
struct LayerUses {
    std::vector<int32_t> layers;
    size_t first_backward_use = 0;
};
LayerUses gpt2Uses(const ModelSpec&);

void emitGpt2Step(Plan&, ProgramBuilder&, ZeroPass&);

} // namespace shardscope
