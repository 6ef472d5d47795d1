// SPDX-License-Identifier: Apache-2.0
// The micro-batches of one training step of a decoder, forward and backward, as ops: the order of layers, what is kept
// and what is recomputed. Knows neither the model's family (layer_ops.h) nor ZeRO: where parameters and gradients are
// is asked for.
#pragma once
#include "core_runtime/zero_gradients.h"
#include "core_runtime/zero_parameters.h"

namespace shardscope {

void emitTransformerStep(Plan&, ProgramBuilder&, ZeroParameters&, ZeroGradients&);

} // namespace shardscope
