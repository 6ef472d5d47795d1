// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/training.h"
#include "core_runtime/checkpoint.h"
#include "core_runtime/planner.h"
#include <cassert>

namespace shardscope {
namespace {

Result<void> saveCheckpoint(Engine& engine, const TrainingRequest& request) {
    const Result<std::string> path = engine.saveCheckpoint(request.checkpoint_folder);
    if (!path) return path.error();
    if (request.checkpoint_keep > 0)
        if (auto removed = removeOldCheckpoints(request.checkpoint_folder, request.checkpoint_keep); !removed)
            return removed;
    if (request.on_checkpoint) request.on_checkpoint(*path);
    return {};
}

} // namespace

BatchSource batchesOf(const Dataset& data, const Engine& engine) {
    return [&data, &engine](int64_t step, int64_t micro, int64_t rank, std::span<int32_t> ids,
                            std::span<int32_t> targets) {
        const Plan& plan = engine.plan();
        const int64_t samples = plan.config.train_micro_batch_size_per_gpu;
        data.batch(step, (micro * plan.ranks + rank) * samples, samples, samples * plan.ranks * plan.accumulation(),
                   plan.sequence, engine.seed(), ids, targets);
    };
}

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
    if (!request.resume_folder.empty())
        if (const auto loaded = engine.loadCheckpoint(request.resume_folder, request.resume_tag); !loaded)
            return loaded.error();

    const BatchSource source = batchesOf(*request.data, engine);
    TrainingOutcome outcome;
    int64_t saved_at = -1;
    while (engine.state().global_steps < request.steps) {
        if (request.stop && request.stop->load()) {
            outcome.stopped = true;
            break;
        }
        const Result<StepReport> report = engine.trainBatch(source);
        if (!report) return report.error();
        outcome.losses.push_back(report->loss);
        ++outcome.completed_steps;
        if (request.on_step) request.on_step(*report);
        const int64_t steps = engine.state().global_steps;
        if (request.checkpoint_folder.empty() || request.checkpoint_every == 0 || steps % request.checkpoint_every != 0)
            continue;
        if (const auto saved = saveCheckpoint(engine, request); !saved) return saved.error();
        saved_at = steps;
    }
    if (const Result<void> drained = engine.drain(); !drained) return drained.error();
    if (!request.checkpoint_folder.empty() && outcome.completed_steps > 0 && saved_at != engine.state().global_steps)
        if (const auto saved = saveCheckpoint(engine, request); !saved) return saved.error();
    outcome.global_steps = engine.state().global_steps;
    if (request.keep_weights) outcome.weights = engine.weights();
    if (!outcome.stopped && request.plain_steps > 0)
        if (const auto compared = engine.compareWithPlainSteps(source, request.plain_steps, request.stop); !compared)
            return compared.error();
    engine.finish();
    return outcome;
}

} // namespace shardscope
