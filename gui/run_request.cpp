// SPDX-License-Identifier: Apache-2.0
#include "gui/run_request.h"
#include "core_runtime/link_model.h"
#include "core_runtime/memory_plan.h"
#include "core_runtime/planner.h"
#include "gui/canvas/format.h"
#include "gui/units.h"
#include <QStandardPaths>
#include <filesystem>

namespace shardscope::gui {
namespace {

namespace fs = std::filesystem;

struct Range {
    int64_t least, most;
};
constexpr Range rank_range{1, 64}, step_range{1, 1'000'000};

std::optional<std::string> integerProblem(const char* name, const std::string& text, Range range) {
    int64_t value = 0;
    if (parseInteger(text, value) && value >= range.least && value <= range.most) return std::nullopt;
    return std::string(name) + " must be a whole number from " + formatCount(range.least) + " to " +
           formatCount(range.most) + ".";
}

std::string sentence(std::string message) {
    if (!message.empty() && message.back() != '.') message += '.';
    return message;
}

int64_t integerOr(const std::string& text, int64_t otherwise) {
    int64_t value = 0;
    return parseInteger(text, value) ? value : otherwise;
}

Result<Plan> planOf(const RunRequest& request, std::optional<int> stage) {
    const int64_t ranks = integerOr(request.ranks, 1);
    const std::string config_text =
        stage ? withConfigValue(request.config, "zero_optimization.stage", std::to_string(*stage)) : request.config;
    const auto model = findModel(request.model);
    if (!model) return model.error();
    const auto config =
        parseConfig(config_text, "the configuration", ranks, model->channels, integerOr(request.steps, 1));
    if (!config) return config.error();
    return plan(*config, *model, ranks, integerOr(request.sequence, 0));
}

} // namespace

std::map<std::string, std::string> problems(const RunRequest& request) {
    std::map<std::string, std::string> found;
    if (const auto problem = integerProblem("Ranks", request.ranks, rank_range)) found["ranks"] = *problem;
    if (const auto problem = integerProblem("Steps", request.steps, step_range)) found["steps"] = *problem;
    const auto model = findModel(request.model);
    if (!model) found["model"] = sentence(model.error().message);
    if (model && !request.sequence.empty())
        if (const auto problem = integerProblem("Sequence", request.sequence, {1, model->context}))
            found["sequence"] = *problem;
    if (!request.seed.empty())
        if (const auto problem = integerProblem("Seed", request.seed, {0, 1'000'000'000'000})) found["seed"] = *problem;
    for (const auto& [field, name] :
         {std::pair{"link", &request.link}, {"host_link", &request.host_link}, {"storage_link", &request.storage_link}})
        if (const auto link = findLink(*name); !link) found[field] = sentence(link.error().message);
    std::error_code error;
    if (!request.data.empty() && !fs::is_regular_file(request.data, error))
        found["data"] = "There is no file at this path; choose another or leave it empty for the built-in text.";
    if (!request.trace.empty()) {
        const fs::path path(request.trace), folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
        if (fs::is_directory(path, error))
            found["trace"] = "This is a folder; add a file name.";
        else if (!fs::is_directory(folder, error))
            found["trace"] = "The folder of this path does not exist; create it or choose another.";
    }
    const bool plannable = !found.contains("ranks") && !found.contains("model") && !found.contains("sequence");
    if (plannable) {
        if (const auto planned = planOf(request, std::nullopt); !planned)
            found["config"] = sentence(planned.error().message);
    } else if (const auto config = parseConfig(request.config, "the configuration", integerOr(request.ranks, 1));
               !config) {
        found["config"] = sentence(config.error().message);
    }
    return found;
}

std::map<std::string, std::string> remarks(const RunRequest& request) {
    std::map<std::string, std::string> found;
    const auto config = parseConfig(request.config, "the configuration", integerOr(request.ranks, 1));
    const auto model = findModel(request.model);
    if (!config || !model) return found;
    const int64_t parameters = parameterCount(*model);
    const ZeroConfig& zero = config->zero;
    const char* const bucket_key = "zero_optimization.reduce_bucket_size";
    if (integerOr(request.ranks, 1) > 1 && zero.reduce_bucket_size >= parameters)
        found[bucket_key] = zero.overlap_comm
                                ? "One bucket holds the whole model: gradients leave after backward, nothing overlaps."
                                : "One bucket holds the whole model.";
    if (!zero.overlap_comm && zero.stage < 3 && zero.reduce_bucket_size < parameters)
        found["zero_optimization.overlap_comm"] = "Off: each bucket is reduced while compute waits.";
    return found;
}

std::vector<PlannedStage> plannedMemory(const RunRequest& request) {
    std::vector<PlannedStage> stages;
    if (!planOf(request, std::nullopt)) return stages;
    for (int stage = 0; stage <= 3; ++stage) {
        const auto planned = planOf(request, stage);
        if (!planned) continue; // offload needs a stage that shards
        const MemoryPlan memory = planMemory(planned->program);
        stages.push_back({stage, memory.device().at_peak, memory.device().peak_bytes,
                          memory.tier(MemoryTier::host).peak_bytes, memory.tier(MemoryTier::nvme).peak_bytes});
    }
    return stages;
}

std::string defaultTracePath(const RunRequest& request) {
    const QString documents = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    std::error_code error;
    fs::path folder = documents.toStdString();
    if (!fs::is_directory(folder, error)) folder = fs::current_path(error);
    const std::string stage = configValue(request.config, "zero_optimization.stage").value_or("0");
    const std::string stem = request.model.substr(request.model.rfind('/') + 1) + "-zero" + stage;
    fs::path path = folder / (stem + ".shardscope");
    for (int number = 2; fs::exists(path, error); ++number)
        path = folder / (stem + "-" + std::to_string(number) + ".shardscope");
    return path.string();
}

std::vector<std::string> commandArguments(const RunRequest& request, const std::string& config_path,
                                          const std::string& trace_path) {
    std::vector<std::string> arguments = {"run",
                                          "--config",
                                          config_path,
                                          "--model",
                                          request.model,
                                          "--ranks",
                                          std::to_string(integerOr(request.ranks, 1)),
                                          "--steps",
                                          std::to_string(integerOr(request.steps, 1)),
                                          "--link",
                                          request.link,
                                          "--host-link",
                                          request.host_link,
                                          "--storage-link",
                                          request.storage_link,
                                          "--trace",
                                          trace_path,
                                          "--progress",
                                          "json"};
    const auto add = [&](const char* flag, const std::string& value) {
        if (!value.empty()) arguments.insert(arguments.end(), {flag, value});
    };
    add("--data", request.data);
    add("--sequence", request.sequence.empty() ? "" : std::to_string(integerOr(request.sequence, 0)));
    add("--seed", request.seed.empty() ? "" : std::to_string(integerOr(request.seed, 1)));
    return arguments;
}

} // namespace shardscope::gui
