// SPDX-License-Identifier: Apache-2.0
// The least time a training step could take on rates that were measured in the same run: its products at the rate of
// one large product, and the traffic that no cache holds at the rate of plain streaming, one after the other. What is
// small beside them (norms, GELU, residuals, biases, the hand-over between ops) counts nothing.
#pragma once
#include "core_runtime/model_spec.h"

namespace shardscope {

struct MachineRates {           // of all cores together
    double product_flops = 0;   // per second, in the type that is trained
    double attention_flops = 0; // in fp32: attention computes in float whatever the type
    double stream_bytes = 0;    // per second, read plus written
};

struct StepShape {
    int64_t tokens = 0, sequence = 0; // of the global batch; of a sample
    int64_t element_bytes = 4;        // of parameters, gradients and activations
    int64_t replicas = 1;             // of the optimizer states: ranks at stage 0
};

struct StepFloor {
    double product_s = 0; // 6 x multiplied parameters x tokens: forward, gradient of the input, gradient of the weight
    double attention_s = 0; // causal scores and sums of values, and their four products backward
    double optimizer_s = 0; // AdamW: 28 bytes per parameter and replica
    double traffic_s = 0;   // logits read and their gradient written; q, k, v, the result and their gradients once each
    double seconds() const { return product_s + attention_s + optimizer_s + traffic_s; }
};

StepFloor stepFloor(const ModelSpec&, const StepShape&, const MachineRates&);

} // namespace shardscope
