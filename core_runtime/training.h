// SPDX-License-Identifier: Apache-2.0
// One training run from start to end on a data set: the loop around the engine that the CLI, the tests and the
// benchmarks share.
#pragma once
#include "core_runtime/dataset.h"
#include "core_runtime/engine.h"
#include <atomic>

namespace shardscope {

// The batches of a data set for an engine's ranks; both must outlive it.
BatchSource batchesOf(const Dataset&, const Engine&);

struct TrainingRequest : EngineOptions {
    int64_t steps = 1;             // in all, with those that a checkpoint to continue from has made
    const Dataset* data = nullptr; // not owned
    std::string config_given;      // the text of the configuration as the user wrote it, stored in the trace
    std::string command;           // command line, stored in the trace
    std::function<void(const StepReport&)> on_step; // after each step, on the caller's thread
    bool keep_weights = true;                       // in the outcome; a copy of the whole model in fp32
    const std::atomic<bool>* stop = nullptr;        // set from a signal handler: the run ends after the current step
    std::string resume_folder, resume_tag;          // a checkpoint to continue from; its seed is then the run's
    std::string checkpoint_folder;                  // checkpoints go here: the last state of the run, and
    int64_t checkpoint_every = 0;                   // after so many steps; 0: none before the end
    int64_t checkpoint_keep = 0;                    // only so many of the newest stay; 0: all
    int64_t plain_steps = 0; // made without recording after the end and thrown away, to tell what recording costs
    std::function<void(const std::string& path)> on_checkpoint; // when it is on the disk
};

struct TrainingOutcome {
    std::vector<double> losses;  // per completed step
    int64_t completed_steps = 0; // in this run
    int64_t global_steps = 0;    // with those before it
    bool stopped = false;
    std::vector<std::vector<float>>
        weights; // if kept: final fp32 values by parameter, definition order ([out, in] storage)
};

// `sink` may be null. `commit` is called by the recorder after each batch it has appended. Errors: a sentence about the
// request, or a failure inside an op with its name, rank and step.
Result<TrainingOutcome> train(const TrainingRequest&, TraceSink* sink, const std::function<void()>& commit);

} // namespace shardscope
