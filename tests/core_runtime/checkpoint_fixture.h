// SPDX-License-Identifier: Apache-2.0
// Engines on small models that train, save and continue, for the tests of checkpoints.
#pragma once
#include "core_runtime/checkpoint.h"
#include "small_runs.h"
#include "support/catch.h"
#include "support/temporary_folder.h"
#include <functional>

namespace shardscope::test {

using Change = std::function<void(Config&)>;

inline std::unique_ptr<Engine> engineOf(const Variant& v, int64_t ranks, const Change& change = {}, uint64_t seed = 7,
                                        const ModelSpec& model = smallModel()) {
    EngineOptions options{.config = configOf(v, ranks), .model = model, .ranks = ranks, .seed = seed};
    if (change) change(options.config);
    Result<std::unique_ptr<Engine>> engine = Engine::initialize(std::move(options));
    if (!engine) FAIL(engine.error().message);
    return *std::move(engine);
}

// The losses of so many steps.
inline std::vector<double> train(Engine& engine, int64_t steps) {
    const BatchSource source = batchesOf(smallData(), engine);
    std::vector<double> losses;
    for (int64_t step = 0; step < steps; ++step) {
        const Result<StepReport> report = engine.trainBatch(source);
        if (!report) FAIL(report.error().message);
        losses.push_back(report->loss);
    }
    return losses;
}

inline std::string save(Engine& engine, const std::string& folder, const std::string& tag = "") {
    const Result<std::string> path = engine.saveCheckpoint(folder, tag);
    if (!path) FAIL(path.error().message);
    return *path;
}

inline void load(Engine& engine, const std::string& folder, const std::string& tag = "") {
    const Result<void> loaded = engine.loadCheckpoint(folder, tag);
    if (!loaded) FAIL(loaded.error().message);
}

// Every state of every parameter as a checkpoint holds it.
inline std::vector<std::vector<float>> statesIn(const std::string& folder, const std::string& tag = "") {
    const Result<CheckpointReader> reader = CheckpointReader::open(folder, tag);
    if (!reader) FAIL(reader.error().message);
    std::vector<std::vector<float>> states;
    const std::vector<ParameterInfo> parameters = parametersOf(reader->info().model);
    for (const StateKind kind : {StateKind::master, StateKind::exp_avg, StateKind::exp_avg_sq})
        for (size_t p = 0; p < parameters.size(); ++p) {
            states.emplace_back(static_cast<size_t>(parameters[p].elements));
            REQUIRE(reader->read(kind, static_cast<int32_t>(p), 0, states.back()));
        }
    return states;
}

} // namespace shardscope::test
