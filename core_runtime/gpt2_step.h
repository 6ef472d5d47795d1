// SPDX-License-Identifier: Apache-2.0
// The micro-batches of one GPT-2 step, forward and backward, as ops. Knows the model, not ZeRO: where parameters and
// gradients are is asked for.
#pragma once
#include "core_runtime/zero_gradients.h"
#include "core_runtime/zero_parameters.h"

namespace shardscope {

void emitGpt2Step(Plan&, ProgramBuilder&, ZeroParameters&, ZeroGradients&);

} // namespace shardscope
