// SPDX-License-Identifier: Apache-2.0
// The options that say what is trained, shared by `run`, `plan` and others: configuration file and overrides, model,
// ranks.
#pragma once
#include "core_runtime/config.h"
#include "core_runtime/model_spec.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace shardscope::cli {

struct RunOptions {
    std::string config_path;            // empty: the default configuration
    std::vector<std::string> overrides; // "zero_optimization.stage=3"
    std::optional<int64_t> stage;       // shorthand for that override
    std::string model = "gpt2-tiny";
    int64_t ranks = 4;
    int64_t sequence = 0;               // 0 = the model's context
    std::optional<int64_t> micro_batch; // instead of the configuration's batch sizes
    int64_t assumed_micro_batch = 4;    // where no configuration file gives batch sizes
    bool assumes_batch_of_file = false; // and where one leaves them out
};

struct Given {
    ModelSpec model;
    Config config;
    std::string config_text; // what was parsed: the file as it is, or with the overrides in place
    bool assumed_batch = false;
};

void addRunOptions(CLI::App&, RunOptions&); // --config, overrides, model
void addConfigOption(CLI::App&, RunOptions&);
void addOverrideOptions(CLI::App&, RunOptions&); // --set, --stage
void addModelOptions(CLI::App&, RunOptions&);    // --model, --ranks, --sequence
void addModelOption(CLI::App&, RunOptions&);
void addSequenceOption(CLI::App&, RunOptions&);
void addDataOption(CLI::App&, std::string& path);
void addLinkOptions(CLI::App&, std::string& link, std::string& host_link, std::string& storage_link);
// "auto" values follow from the model and, where it is known, the number of optimizer steps.
Result<Given> readGiven(const RunOptions&, std::optional<int64_t> steps = std::nullopt);

} // namespace shardscope::cli
