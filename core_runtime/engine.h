// SPDX-License-Identifier: Apache-2.0
// A ZeRO training engine in DeepSpeed's terms: initialised from a configuration and a model, it trains batch after
// batch on its ranks, keeps loss scale and learning-rate schedule, and tells a trace sink everything it did.
#pragma once
#include "core_runtime/backend_choice.h"
#include "core_runtime/config.h"
#include "core_runtime/link_model.h"
#include "core_runtime/model_spec.h"
#include "traces/result.h"
#include "traces/trace_sink.h"
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace shardscope {

struct Plan;
class Executor;

struct EngineOptions {
    Config config;
    ModelSpec model;
    BackendChoice backend;  // where ranks compute; the links below are emulated on CPU ranks only
    LinkModel link;         // between ranks
    LinkModel host_link;    // device to host and back; only offload uses it
    LinkModel storage_link; // host to NVMe and back
    int64_t ranks = 1;
    int64_t sequence = 0; // 0 = the model's context
    uint64_t seed = 1;
    bool record_intervals = true; // off: memory and steps only; for measuring the tax of tracing
    // Fills elements [first, first + out.size()) of a parameter, definition order; null = random from the seed. Called
    // by initialize() only, which ends with its error.
    std::function<Result<void>(int32_t parameter, int64_t first, std::span<float> out)> initial_weights;
    std::vector<std::pair<std::string, std::string>> run_info; // more facts for the trace, by key
};

// Fills `ids` and `targets` [micro-batch, sequence] of one rank and micro-batch of a step; called by the rank's thread.
using BatchSource = std::function<void(int64_t step, int64_t micro_batch, int64_t rank, std::span<int32_t> ids,
                                       std::span<int32_t> targets)>;

struct StepReport { // of one trainBatch
    int64_t step = 0;
    double loss = 0; // mean over the global batch
    int64_t step_ns = 0;
    double tokens_per_s = 0;
    double learning_rate = 0;  // of the update made in this step
    double loss_scale = 1;     // fp16
    double gradient_norm = -1; // before clipping; -1: nothing asked for it
    bool skipped = false;      // fp16: a gradient overflowed, nothing was updated
};

// What goes on besides the tensors; a checkpoint keeps it.
struct EngineState {
    int64_t global_steps = 0; // trainBatch calls, skipped ones too
    int64_t updates = 0;      // made; the schedule and Adam's bias correction count these
    int64_t skipped_steps = 0;
    double loss_scale = 1; // with the three below: see LossScalerState
    int64_t scaler_updates = 0, scaler_last_overflow = -1, scaler_hysteresis = 1;
    bool operator==(const EngineState&) const = default;
};

class Engine {
public:
    // Plans and verifies the step, allocates all memory, initialises the parameters shard by shard. `sink` may be null;
    // `commit` is called after each batch of events appended to it. Errors: a sentence about the request.
    static Result<std::unique_ptr<Engine>> initialize(EngineOptions, TraceSink* sink = nullptr,
                                                      std::function<void()> commit = {});
    ~Engine();
    // One optimizer step over gradient_accumulation_steps micro-batches on all ranks. After an error (op, rank and step
    // in its sentence) the engine is of no more use.
    Result<StepReport> trainBatch(const BatchSource&);
    // The same in DeepSpeed's three calls, for each micro-batch: forward, backward, step. The results are the same
    // bits. trainBatch is the faster way: all ranks and lanes follow one program, in which gathers for backward begin
    // during forward and reductions go on beside the next micro-batch, and what is cut between two calls cannot
    // overlap. A call out of order is an error that changes nothing.
    Result<double> forward(const BatchSource&); // mean loss of the micro-batch over all ranks
    Result<void> backward();
    Result<std::optional<StepReport>> step(); // none where further micro-batches are to be accumulated
    // With delayed_update: makes the update that is still to come. Before weights are read or saved; else nothing.
    Result<void> drain();
    // Checkpoints (checkpoint.h). Saving drains first, so a delayed update is made earlier than without. An empty tag
    // is "global_stepN"; gives the path FOLDER/TAG.
    Result<std::string> saveCheckpoint(const std::string& folder, const std::string& tag = "");
    // Continues from a checkpoint of the same model, whatever its world size, stage, offload and precision; the seed
    // becomes the checkpoint's. An empty tag is the latest. An error found before anything was changed leaves the
    // engine as it was; only a swap file that fails does not.
    Result<void> loadCheckpoint(const std::string& folder, const std::string& tag = "");
    // What recording costs, by steps without it that are compared with as many recorded ones before them. They move the
    // weights on but count nowhere and reach no trace: after this the engine can only finish(). Ends early on `stop`.
    Result<void> compareWithPlainSteps(const BatchSource&, int64_t steps, const std::atomic<bool>* stop = nullptr);
    void finish(); // compares the ledger with the plan and writes what is left to the sink

    const Plan& plan() const;
    const EngineState& state() const;
    uint64_t seed() const;
    Executor& executor(); // between steps, for model_state.h
    // fp32 values by parameter, definition order ([out, in] storage).
    std::vector<std::vector<float>> weights();

private:
    struct Impl;
    explicit Engine(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
