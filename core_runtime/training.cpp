// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/training.h"
#include "core_runtime/planner.h"
#include <cassert>

namespace shardscope {

Result<TrainingOutcome> train(const TrainingRequest& request, TraceSink* sink, const std::function<void()>& commit) {
    assert(request.data);
    if (request.steps < 1) return Error{"steps is " + std::to_string(request.steps) + ": at least 1 is needed."};
    EngineOptions options = request;
    options.run_info.insert(options.run_info.end(), {{"config_given", request.config_given},
                                                     {"command", request.command},
                                                     {"steps", std::to_string(request.steps)},
                                                     {"data", request.data->name()}});
    Result<std::unique_ptr<Engine>> created = Engine::initialize(std::move(options), sink, commit);
    if (!created) return created.error();
    Engine& engine = **created;

    const int64_t micro_batch = request.config.train_micro_batch_size_per_gpu;
    const int64_t sequence = engine.plan().sequence;
    const int64_t samples = micro_batch * request.ranks * engine.plan().accumulation();
    const BatchSource source = [&](int64_t step, int64_t micro, int64_t rank, std::span<int32_t> ids,
                                   std::span<int32_t> targets) {
        request.data->batch(step, (micro * request.ranks + rank) * micro_batch, micro_batch, samples, sequence,
                            request.seed, ids, targets);
    };
    TrainingOutcome outcome;
    for (int64_t step = 0; step < request.steps; ++step) {
        if (request.stop && request.stop->load()) {
            outcome.stopped = true;
            break;
        }
        const Result<StepReport> report = engine.trainBatch(source);
        if (!report) return report.error();
        outcome.losses.push_back(report->loss);
        ++outcome.completed_steps;
        if (request.on_step) request.on_step(*report);
    }
    if (const Result<void> drained = engine.drain(); !drained) return drained.error();
    engine.finish();
    if (request.keep_weights) outcome.weights = engine.weights();
    return outcome;
}

} // namespace shardscope
