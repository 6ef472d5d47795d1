// SPDX-License-Identifier: Apache-2.0
// One training run from start to end: plan, verify, execute on CPU ranks, record. Everything the CLI, the tests and the
// benchmarks need of the runtime.
#pragma once
#include "core_runtime/config.h"
#include "core_runtime/dataset.h"
#include "core_runtime/link_model.h"
#include "core_runtime/model_spec.h"
#include "traces/result.h"
#include "traces/trace_sink.h"
#include <atomic>
#include <functional>
#include <vector>

namespace shardscope {

struct StepReport { // after each step, on the caller's thread
    int64_t step = 0;
    double loss = 0;
    int64_t step_ns = 0;
    double tokens_per_s = 0;
};

struct TrainingRequest {
    Config config;
    ModelSpec model;
    LinkModel link;
    int64_t ranks = 1;
    int64_t steps = 1;
    int64_t sequence = 0; // 0 = the model's context
    uint64_t seed = 1;
    const Dataset* data = nullptr; // not owned
    bool record_intervals = true;  // off: memory and steps only; for measuring the tax of tracing
    std::string config_given;      // the text of the configuration as the user wrote it, stored in the trace
    std::string command;           // command line, stored in the trace
    std::function<void(const StepReport&)> on_step;
    const std::atomic<bool>* stop = nullptr; // set from a signal handler: the run ends after the current step
};

struct TrainingOutcome {
    std::vector<double> losses; // per completed step
    int64_t completed_steps = 0;
    bool stopped = false;
    std::vector<std::vector<float>> weights; // final fp32 weights by parameter, definition order ([out, in] storage)
};

// `sink` may be null. `commit` is called by the recorder after each batch it has appended. Errors: a sentence about the
// request, or a failure inside an op with its name, rank and step.
Result<TrainingOutcome> train(const TrainingRequest&, TraceSink* sink, const std::function<void()>& commit);

} // namespace shardscope
