// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/run_options.h"
#include "core_runtime/explain.h"
#include "profiler/analysis/table.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace shardscope::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ExplainCommand : RunOptions {
    std::string format = "text";
};

Json tiersJson(const TierBytes& bytes) {
    Json json = Json::object();
    for (const MemoryTier tier : all_memory_tiers) json[std::string(toText(tier))] = bytes[static_cast<size_t>(tier)];
    return json;
}

std::string tiersText(const TierBytes& bytes) {
    std::string text;
    for (const MemoryTier tier : all_memory_tiers)
        if (const int64_t b = bytes[static_cast<size_t>(tier)]; b != 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", bytesText(b), toText(tier));
    return text.empty() ? "0 B" : text;
}

std::string valueText(const Setting& setting) {
    const Json value = Json::parse(setting.value);
    if (value.is_number_integer() && value == INT64_MAX) return "any number of";
    return printable(value.is_string() ? value.get<std::string>() : setting.value);
}

TierBytes peakOf(const Plan& plan) {
    const MemoryPlan memory = planMemory(plan.program);
    TierBytes peak{};
    for (size_t t = 0; t < peak.size(); ++t) peak[t] = memory.tiers[t].peak_bytes;
    return peak;
}

std::string explanationText(const Plan& plan, const std::vector<ExplainedSetting>& settings) {
    std::string text = fmt::format("{}, {} parameters, ZeRO-{}, {} ranks, {}: {} per rank at the peak\n",
                                   printable(plan.model.name), parameterCount(plan.model), plan.config.zero.stage,
                                   plan.ranks, toText(plan.config.precision()), tiersText(peakOf(plan)));
    for (const ExplainedSetting& s : settings) {
        text += fmt::format("{} = {}{}{} ({})\n", s.setting.key, valueText(s.setting),
                            s.setting.unit.empty() ? "" : " ", s.setting.unit, s.setting.origin);
        if (!s.memory.empty()) text += fmt::format("    {}: {}\n", tiersText(s.bytes), s.memory);
        if (!s.no_effect.empty()) text += fmt::format("    no effect: {}\n", s.no_effect);
    }
    for (const std::string& notice : plan.config.notices) text += "note: " + printable(notice) + "\n";
    return text;
}

std::string explanationJson(const Plan& plan, const std::vector<ExplainedSetting>& settings) {
    Json list = Json::array();
    for (const ExplainedSetting& s : settings) {
        Json entry = {{"key", s.setting.key},
                      {"value", Json::parse(s.setting.value)},
                      {"origin", s.setting.origin},
                      {"unit", s.setting.unit}};
        if (!s.memory.empty()) entry.update({{"bytes", tiersJson(s.bytes)}, {"memory", s.memory}});
        if (!s.no_effect.empty()) entry["no_effect"] = s.no_effect;
        list.push_back(std::move(entry));
    }
    return Json{{"model", plan.model.name},
                {"parameters", parameterCount(plan.model)},
                {"ranks", plan.ranks},
                {"stage", plan.config.zero.stage},
                {"precision", toText(plan.config.precision())},
                {"peak_bytes", tiersJson(peakOf(plan))},
                {"settings", list},
                {"notices", plan.config.notices}}
        .dump(2, ' ', false, Json::error_handler_t::replace);
}

int explain(const ExplainCommand& command) {
    const Result<Given> given = readGiven(command);
    if (!given) return fail(given.error());
    const Result<Plan> made = plan(given->config, given->model, command.ranks, command.sequence);
    if (!made) return fail(made.error());
    const std::vector<ExplainedSetting> settings = explainSettings(*made);
    print(command.format == "json" ? explanationJson(*made, settings) : explanationText(*made, settings));
    return success;
}

} // namespace

void addConfigCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<ExplainCommand>();
    CLI::App* config = app.add_subcommand("config", "Explain a configuration: config explain FILE");
    config->require_subcommand(1);
    CLI::App* sub = config->add_subcommand(
        "explain", "Every effective value, where it came from, the memory it asks for and when it has no effect");
    sub->add_option("FILE", command->config_path, "DeepSpeed JSON (comments allowed)")->required()->type_name("");
    addOverrideOptions(*sub, *command);
    addModelOptions(*sub, *command);
    addFormatOption(*sub, command->format);
    sub->footer("Bytes are per rank, all ranks are equal. KiB, MiB, GiB are powers of 1024.\n"
                "Example:\n"
                "  shardscope config explain ds.json --model gpt2-124m --ranks 8");
    sub->callback([command, &invocation] { invocation.exit_code = explain(*command); });
}

} // namespace shardscope::cli
