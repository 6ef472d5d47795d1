// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/step_floor.h"

namespace shardscope {
namespace {

constexpr double adamw_bytes = 28; // fp32: 3 values read and written, the gradient read; bf16: 2 + 2 + 3 x 8

// Parameters that multiply activations: the matrices, without positions and without a token table that is only read.
int64_t multipliedParameters(const ModelSpec& model) {
    int64_t sum = 0;
    for (const ParameterInfo& p : parametersOf(model)) {
        const bool table =
            p.role == ParameterRole::position_embedding || (p.role == ParameterRole::token_embedding && !model.tied);
        if (p.shape.size() == 2 && !table) sum += p.elements;
    }
    return sum;
}

} // namespace

StepFloor stepFloor(const ModelSpec& model, const StepShape& step, const MachineRates& rates) {
    const auto tokens = static_cast<double>(step.tokens), bytes = static_cast<double>(step.element_bytes);
    const auto layers = static_cast<double>(model.layers), channels = static_cast<double>(model.channels);
    const auto qkv = static_cast<double>(model.qkvChannels());
    const double keys = (static_cast<double>(step.sequence) + 1) / 2; // that a query sees, on average
    StepFloor floor;
    floor.product_s = 6 * static_cast<double>(multipliedParameters(model)) * tokens / rates.product_flops;
    floor.attention_s = 6 * 2 * layers * tokens * channels * keys / rates.attention_flops;
    floor.optimizer_s = adamw_bytes * static_cast<double>(parameterCount(model) * step.replicas) / rates.stream_bytes;
    const double logits = 2 * tokens * static_cast<double>(model.vocabulary);
    const double attention = 3 * layers * tokens * (qkv + channels); // forward once, backward read again and written
    floor.traffic_s = (logits + attention) * bytes / rates.stream_bytes;
    return floor;
}

} // namespace shardscope
