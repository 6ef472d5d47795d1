// SPDX-License-Identifier: Apache-2.0
// The options that say what is trained, shared by `run` and `plan`: configuration file and overrides, model, ranks.
#pragma once
#include "core_runtime/config.h"
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
    int64_t sequence = 0; // 0 = the model's context
};

struct GivenConfig {
    Config config;
    std::string text; // what was parsed: the file as it is, or with the overrides in place
};

void addRunOptions(CLI::App&, RunOptions&);
Result<GivenConfig> readConfig(const RunOptions&);

} // namespace shardscope::cli
