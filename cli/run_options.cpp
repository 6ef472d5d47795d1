// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"
#include "core_runtime/config_json.h"
#include "core_runtime/link_model.h"

#include <CLI/CLI.hpp>

namespace shardscope::cli {
namespace {

// "a.b=1" sets {"a": {"b": 1}}. The value is JSON; what is not JSON is a text, so that optimizer.type=AdamW needs no
// quotes.
Result<void> override(Json& config, const std::string& assignment) {
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0)
        return Error{"--set " + assignment + " is not KEY=VALUE; write for example --set zero_optimization.stage=3"};
    const std::string key = assignment.substr(0, equals), text = assignment.substr(equals + 1);
    Json* at = &config;
    for (size_t start = 0; start <= key.size();) {
        const size_t dot = std::min(key.find('.', start), key.size());
        if (!at->is_object() && !at->is_null())
            return Error{"--set " + key + ": " + key.substr(0, start - 1) + " is " + shortText(*at) +
                         ", not an object; remove it from the file first"};
        if (dot == start) return Error{"--set " + key + " has an empty part; separate the names with single dots"};
        at = &(*at)[key.substr(start, dot - start)];
        start = dot + 1;
    }
    Json value = Json::parse(text, nullptr, false);
    *at = value.is_discarded() ? Json(text) : std::move(value);
    return {};
}

// The last part of a key stands for the whole where only one key ends in it, as in --vary.
Result<std::string> withWholeKey(const std::string& assignment) {
    const size_t equals = assignment.find('=');
    const std::string name = assignment.substr(0, equals);
    if (equals == std::string::npos || name.empty() || name.find('.') != std::string::npos) return assignment;
    const Result<Config> defaults = parseConfig(R"({"train_micro_batch_size_per_gpu": 1})", "defaults", 1);
    if (!defaults) return assignment;
    std::vector<std::string> whole;
    for (const Setting& setting : defaults->settings) {
        if (setting.key == name) return assignment;
        if (setting.key.ends_with("." + name)) whole.push_back(setting.key);
    }
    if (whole.size() > 1) {
        std::string names;
        for (const std::string& key : whole) names += (names.empty() ? "" : " or ") + key;
        return Error{"--set " + name + " could be " + names + "; write the whole name"};
    }
    return whole.empty() ? assignment : whole.front() + assignment.substr(equals);
}

} // namespace

void addRunOptions(CLI::App& app, RunOptions& options) {
    addConfigOption(app, options);
    addOverrideOptions(app, options);
    addModelOptions(app, options);
}

void addConfigOption(CLI::App& app, RunOptions& options) {
    app.add_option("--config", options.config_path,
                   "DeepSpeed JSON (comments allowed). Without it: fp32, AdamW at DeepSpeed's defaults, micro-batch " +
                       std::to_string(options.assumed_micro_batch))
        ->type_name("FILE");
}

void addOverrideOptions(CLI::App& app, RunOptions& options) {
    app.add_option("--set", options.overrides,
                   "Override one key, whole or its last part, repeatable: --set reduce_bucket_size=2e5")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all();
    app.add_option("--stage", options.stage, "Shorthand for --set zero_optimization.stage=N")->type_name("0..3");
}

void addModelOption(CLI::App& app, RunOptions& options) {
    std::string names;
    for (const ModelSpec& model : builtinModels()) names += (names.empty() ? "" : ", ") + model.name;
    app.add_option("--model", options.model,
                   names +
                       ", or a .json file: layers, channels, heads, vocabulary, context, or Hugging Face's config.json")
        ->type_name("MODEL")
        ->capture_default_str();
}

void addModelOptions(CLI::App& app, RunOptions& options) {
    addModelOption(app, options);
    app.add_option("--ranks", options.ranks, "Data-parallel ranks, each a thread of this process")
        ->type_name("N")
        ->capture_default_str();
    addSequenceOption(app, options);
}

void addSequenceOption(CLI::App& app, RunOptions& options) {
    app.add_option("--sequence", options.sequence, "Tokens per sample; 0 is the model's context")->type_name("N");
}

void addDataOption(CLI::App& app, std::string& path) {
    app.add_option("--data", path, "Any file, read as bytes; without it the program's own documentation")
        ->type_name("FILE");
}

void addLinkOptions(CLI::App& app, std::string& link, std::string& host_link, std::string& storage_link) {
    std::string links;
    for (const LinkModel& known : builtinLinks()) links += (links.empty() ? "" : ", ") + known.name;
    app.add_option("--link", link, "Hold collectives as long as this link would: " + links + ", or ALPHA_US:GBPS")
        ->type_name("LINK")
        ->capture_default_str();
    app.add_option("--host-link", host_link, "The same for copies between device and host (offload)")
        ->type_name("LINK")
        ->capture_default_str();
    app.add_option("--storage-link", storage_link, "The same for reads and writes of NVMe offload")
        ->type_name("LINK")
        ->capture_default_str();
}

Result<Given> readGiven(const RunOptions& options, std::optional<int64_t> steps) {
    if (options.sequence < 0)
        return Error{"--sequence is " + std::to_string(options.sequence) +
                     "; use at least 1, or 0 for the model's context"};
    const std::string source = options.config_path.empty() ? "the command line" : options.config_path;
    Given given;
    std::string& text = given.config_text;
    if (!options.config_path.empty()) {
        Result<std::string> read = readSmallFile(options.config_path, "configuration");
        if (!read) return read.error();
        text = *std::move(read);
    }
    const bool assumes_batch = options.config_path.empty() || options.assumes_batch_of_file;
    if (assumes_batch || options.stage || options.micro_batch || !options.overrides.empty()) {
        Result<Json> json = parseJsonObject(options.config_path.empty() ? "{}" : text, source);
        if (!json) return json.error();
        std::vector<std::string> overrides = options.overrides;
        if (options.stage) overrides.push_back("zero_optimization.stage=" + std::to_string(*options.stage));
        if (options.micro_batch) {
            overrides.push_back("train_micro_batch_size_per_gpu=" + std::to_string(*options.micro_batch));
            overrides.emplace_back("train_batch_size=null");
        }
        for (const std::string& assignment : overrides) {
            const Result<std::string> whole = withWholeKey(assignment);
            if (!whole) return whole.error();
            if (const auto done = override(*json, *whole); !done) return done.error();
        }
        if (assumes_batch && !json->contains("train_batch_size") && !json->contains("train_micro_batch_size_per_gpu")) {
            (*json)["train_micro_batch_size_per_gpu"] = options.assumed_micro_batch;
            given.assumed_batch = true;
        }
        text = json->dump(2, ' ', true, Json::error_handler_t::replace);
    }
    Result<ModelSpec> model = findModel(options.model);
    if (!model) return model.error();
    given.model = *std::move(model);
    Result<Config> config = parseConfig(text, source, options.ranks, given.model.channels, steps);
    if (!config) return config.error();
    given.config = *std::move(config);
    for (std::string& notice : noticesOf(given.model)) given.config.notices.push_back(std::move(notice));
    return given;
}

} // namespace shardscope::cli
