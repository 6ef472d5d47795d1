// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/planner.h"
#include "core_runtime/program_builder.h"
#include "core_runtime/tiling.h"
#include "core_runtime/transformer_step.h"
#include "core_runtime/zero_optimizer.h"

namespace shardscope {

DType Plan::dtype() const {
    switch (config.precision()) {
    case Precision::bf16:
        return DType::bf16;
    case Precision::fp16:
        return DType::f16;
    case Precision::fp32:
        break;
    }
    return DType::f32;
}

int64_t Plan::storeOffset(const Segment& segment) const {
    const UnitStore& store = unit_stores[static_cast<size_t>(segment.unit)];
    return store.by_unit ? segment.unit_offset / ranks : segment.shard_offset;
}

namespace {

// What a configuration asks for and this model or combination cannot have.
std::optional<Error> refusal(const Plan& plan) {
    const ZeroConfig& zero = plan.config.zero;
    if (plan.config.delayed_update &&
        (zero.offload_optimizer.device != OffloadDevice::cpu || zero.offload_param.device != OffloadDevice::none))
        return Error{
            "shardscope.delayed_update needs zero_optimization.offload_optimizer.device \"cpu\" and parameters "
            "on the device; set offload_param.device to \"none\" or delayed_update to false."};
    if (zero.offload_param.device != OffloadDevice::nvme) return std::nullopt;
    for (const GatherUnit& unit : plan.layout.units)
        if (const int64_t elements = unit.padded_elements / plan.ranks;
            !unit.stays_gathered && elements > zero.offload_param.buffer_size)
            return Error{"zero_optimization.offload_param.buffer_size is " +
                         std::to_string(zero.offload_param.buffer_size) + " elements, but a rank's shard of " +
                         unit.name + " has " + std::to_string(elements) + "; raise buffer_size to at least that."};
    return std::nullopt;
}

} // namespace

Result<Plan> plan(const Config& config, const ModelSpec& model, int64_t ranks, int64_t sequence) {
    if (ranks < 1) return Error{"ranks is " + std::to_string(ranks) + ": at least 1 is needed."};
    if (sequence == 0) sequence = model.context;
    if (sequence < 1 || sequence > model.context)
        return Error{"sequence is " + std::to_string(sequence) + ", but " + model.name + " takes 1 to " +
                     std::to_string(model.context) + " tokens."};
    if (const auto mistake = findMistake(model)) return Error{model.name + ": " + *mistake + "."};
    Plan plan{
        .config = config, .model = model, .ranks = ranks, .sequence = sequence, .parameters = tiledParametersOf(model)};
    plan.layout = makeLayout(plan.parameters, config.zero, ranks);
    plan.program.ranks = ranks;
    ProgramBuilder build(plan.program);
    if (auto error = refusal(plan)) return *error;
    ZeroParameters parameters(plan, build);
    ZeroGradients gradients(plan, build);
    ZeroOptimizer optimizer(plan, build);
    if (config.delayed_update) optimizer.emitDelayedUpdate(gradients, parameters);
    emitTransformerStep(plan, build, parameters, gradients);
    if (config.delayed_update)
        optimizer.emitDelayedReturn(gradients);
    else
        optimizer.emit(gradients, parameters);
    deriveWaits(plan.program);
    deriveLifetimes(plan.program);
    for (const Bucket& bucket : plan.layout.buckets)
        plan.program.buckets.push_back({.elements = bucket.elements,
                                        .padded_elements = bucket.padded_elements,
                                        .bytes = bucket.padded_elements * bytesOf(plan.dtype()),
                                        .parameters = bucket.parameters,
                                        .closed_because = bucket.closed_because});
    if (auto fault = findFault(plan.program))
        return Error{"The planned step is wrong, please report it: " + *fault + "."};
    return plan;
}

} // namespace shardscope
