// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/planner.h"
#include "core_runtime/gpt2_step.h"
#include "core_runtime/program_builder.h"
#include "core_runtime/zero_pass.h"

namespace shardscope {

Result<Plan> plan(const Config& config, const ModelSpec& model, int64_t ranks, int64_t sequence) {
    if (ranks < 1) return Error{"ranks is " + std::to_string(ranks) + ": at least 1 is needed."};
    if (sequence == 0) sequence = model.context;
    if (sequence < 1 || sequence > model.context)
        return Error{"sequence is " + std::to_string(sequence) + ", but " + model.name + " takes 1 to " +
                     std::to_string(model.context) + " tokens."};
    if (model.heads < 1 || model.channels % model.heads != 0)
        return Error{"heads is " + std::to_string(model.heads) + ", which does not divide the " +
                     std::to_string(model.channels) + " channels of " + model.name + "."};
    Plan plan{
        .config = config, .model = model, .ranks = ranks, .sequence = sequence, .parameters = parametersOf(model)};
    plan.layout = makeLayout(plan.parameters, config.zero, ranks);
    plan.program.ranks = ranks;
    ProgramBuilder build(plan.program);
    ZeroPass zero(plan, build);
    emitGpt2Step(plan, build, zero);
    zero.optimizerStep();
    deriveWaits(plan.program);
    deriveLifetimes(plan.program);
    for (const Bucket& bucket : plan.layout.buckets)
        plan.program.buckets.push_back({.elements = bucket.elements,
                                        .padded_elements = bucket.padded_elements,
                                        .bytes = bucket.padded_elements * (config.bf16_enabled ? 2 : 4),
                                        .parameters = bucket.parameters,
                                        .closed_because = bucket.closed_because});
    if (auto fault = findFault(plan.program))
        return Error{"The planned step is wrong, please report it: " + *fault + "."};
    return plan;
}

} // namespace shardscope
