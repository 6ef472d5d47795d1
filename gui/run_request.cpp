// SPDX-License-Identifier: Apache-2.0
#include "gui/run_request.h"
#include "core_runtime/link_model.h"
#include "core_runtime/memory_plan.h"
#include "core_runtime/planner.h"
#include "gui/canvas/format.h"
#include "gui/config_document.h"
#include "gui/run_fields.h"
#include "gui/units.h"
#include "traces/trace_reader.h"
#include <QStandardPaths>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace shardscope::gui {
namespace {

namespace fs = std::filesystem;
using Problems = std::map<std::string, std::string>;

struct Range {
    int64_t least, most;
};
constexpr Range rank_range{1, 64}, step_range{1, 1'000'000};
constexpr const char* source = "the configuration"; // in the engine's sentences

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

Result<Config> configOf(const RunRequest& request, const ModelSpec& model, std::optional<int> stage) {
    const std::string text =
        stage ? withConfigValue(request.config, "zero_optimization.stage", std::to_string(*stage)) : request.config;
    return parseConfig(text, source, integerOr(request.ranks, 1), model.channels, integerOr(request.steps, 1));
}

Result<Plan> planOf(const RunRequest& request, std::optional<int> stage) {
    const auto model = findModel(request.model);
    if (!model) return model.error();
    const auto config = configOf(request, *model, stage);
    if (!config) return config.error();
    return plan(*config, *model, integerOr(request.ranks, 1), integerOr(request.sequence, 0));
}

void checkNumbers(const RunRequest& request, const std::optional<KnownDevices>& devices, Problems& found) {
    if (const auto problem = integerProblem("Ranks", request.ranks, rank_range)) found["ranks"] = *problem;
    if (const auto problem = integerProblem("Steps", request.steps, step_range)) found["steps"] = *problem;
    const auto optional = [&](const char* field, const char* name, const std::string& text, Range range) {
        if (text.empty()) return;
        if (const auto problem = integerProblem(name, text, range)) found[field] = *problem;
    };
    optional("seed", "Seed", request.seed, {0, 1'000'000'000'000});
    optional("measure_tax", "The number of steps", request.measure_tax, {0, 1'000'000});
    optional("checkpoint_every", "Steps between checkpoints", request.checkpoint_every, step_range);
    optional("checkpoint_keep", "The number of checkpoints", request.checkpoint_keep, step_range);
    if (request.checkpoint_folder.empty())
        for (const auto& [field, text] :
             {std::pair{"checkpoint_every", &request.checkpoint_every}, {"checkpoint_keep", &request.checkpoint_keep}})
            if (!text->empty() && !found.contains(field)) found[field] = "It needs a folder: fill in Checkpoints into.";
    if (!request.device_memory.empty() && bytesOf(request.device_memory) <= 0)
        found["device_memory"] = "Write a size such as 80 GB, or leave it empty for this machine.";
    if (!request.resume.empty() && !request.initial_weights.empty())
        found["initial_weights"] = "A resumed run has its weights; empty this field or Resume from.";
    for (const auto& [field, name] :
         {std::pair{"link", &request.link}, {"host_link", &request.host_link}, {"storage_link", &request.storage_link}})
        if (const auto link = findLink(*name); !link)
            found[field] = sentence(link.error().message);
        else if (request.backend == "cuda" && link->emulates())
            found[field] = "A link is emulated on CPU ranks only; choose none, or another backend.";
    if (request.backend != "auto" && request.backend != "cpu" && request.backend != "cuda")
        found["backend"] = "There is no backend of this name; there are auto, cpu and cuda.";
    else if (request.backend == "cuda")
        if (const std::string why = whyNoGpu(request, devices); !why.empty()) found["backend"] = why;
    if (const std::string problem = deviceProblem(request, devices); !problem.empty()) found["devices"] = problem;
}

void checkFiles(const RunRequest& request, Problems& found) {
    std::error_code error;
    const auto to_read = [&](const char* field, const std::string& path, const char* otherwise) {
        if (!path.empty() && !fs::is_regular_file(path, error))
            found[field] =
                "There is no file at this path; choose another or leave it empty for " + std::string(otherwise) + ".";
    };
    to_read("data", request.data, "the built-in text");
    to_read("initial_weights", request.initial_weights, "weights made from the seed");
    const auto to_write = [&](const char* field, const std::string& text) {
        if (text.empty()) return;
        const fs::path path(text), folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
        if (fs::is_directory(path, error))
            found[field] = "This is a folder; add a file name.";
        else if (!fs::is_directory(folder, error))
            found[field] = "The folder of this path does not exist; create it or choose another.";
        else if (::access(folder.c_str(), W_OK) != 0)
            found[field] = "The folder of this path cannot be written; choose another.";
    };
    to_write("trace", request.trace);
    to_write("weights", request.weights);
    if (!request.checkpoint_folder.empty() && fs::exists(request.checkpoint_folder, error) &&
        (!fs::is_directory(request.checkpoint_folder, error) || ::access(request.checkpoint_folder.c_str(), W_OK) != 0))
        found["checkpoint_folder"] = "This is no folder that can be written; choose another.";
    if (!request.resume.empty()) { // FOLDER or FOLDER:TAG
        const std::string folder = request.resume.substr(0, request.resume.rfind(':'));
        if (!fs::is_directory(request.resume, error) && !fs::is_directory(folder, error))
            found["resume"] = "There is no folder at this path; choose one that holds checkpoints.";
    }
}

// The system promises more than it has and then kills the process that takes it; the command line refuses it as well.
std::optional<std::string> memoryProblem(const RunRequest& request, const Plan& plan) {
    struct sysinfo info {};
    if (sysinfo(&info) != 0) return std::nullopt;
    const double present = (static_cast<double>(info.totalram) + static_cast<double>(info.totalswap)) * info.mem_unit;
    const double needed = static_cast<double>(planMemory(plan.program).arenaBytes()) * static_cast<double>(plan.ranks);
    if (needed <= present) return std::nullopt;
    return request.ranks + " ranks need " + formatBytes(static_cast<int64_t>(needed)) + " and this machine has " +
           formatBytes(static_cast<int64_t>(present)) +
           "; take fewer ranks, a smaller model or micro-batch, or a higher stage.";
}

std::string roundedDown(int64_t value) { // to one digit: what one would type
    int64_t unit = 1;
    while (value / unit >= 10) unit *= 10;
    return shortInteger(std::max<int64_t>(1, value / unit * unit));
}

std::string bucketRemark(const Config& config, int64_t parameters, int64_t ranks) {
    const ZeroConfig& zero = config.zero;
    if (ranks < 2 || zero.reduce_bucket_size < parameters) return {};
    const double times = static_cast<double>(zero.reduce_bucket_size) / static_cast<double>(parameters);
    constexpr int64_t good_buckets = 8;
    return (times < 1.5 ? "The" : significant(times, times < 10 ? 2 : 1) + "x the") + " whole model: one bucket" +
           (zero.overlap_comm ? ", nothing overlaps; try " + roundedDown(parameters / good_buckets) : "") + ".";
}

// The value of a trace's run key that is an object with a name, or a bare text.
std::string nameIn(const std::string& text) {
    const auto document = nlohmann::json::parse(text, nullptr, false);
    if (document.is_object() && document.contains("name") && document["name"].is_string()) return document["name"];
    return document.is_string() ? document.get<std::string>() : std::string();
}

// "--model" of a recorded command line; what is quoted there is not looked into.
std::string flagOf(const std::string& command, const std::string& flag) {
    const size_t at = command.find(" " + flag + " ");
    if (at == std::string::npos) return {};
    const size_t begin = at + flag.size() + 2;
    return command.substr(begin, command.find(' ', begin) - begin);
}

} // namespace

int64_t integerOr(const std::string& text, int64_t otherwise) {
    int64_t value = 0;
    return parseInteger(text, value) ? value : otherwise;
}

int64_t bytesOf(const std::string& text) {
    constexpr std::array units = {std::pair{"KiB", 1024.0},       std::pair{"MiB", 1048576.0},
                                  std::pair{"GiB", 1073741824.0}, std::pair{"TiB", 1099511627776.0},
                                  std::pair{"MB", 1e6},           std::pair{"GB", 1e9},
                                  std::pair{"TB", 1e12}};
    for (const auto& [name, size] : units) {
        const size_t at = text.find(name);
        double value = 0;
        if (at == std::string::npos || at + std::string_view(name).size() != text.size()) continue;
        if (parseReal(text.substr(0, at), value) && value > 0 && value * size < 9e18)
            return static_cast<int64_t>(value * size);
    }
    return 0;
}

int64_t machineMemoryBytes() {
    struct sysinfo info {};
    return sysinfo(&info) == 0 ? static_cast<int64_t>(info.totalram) * info.mem_unit : 0;
}

int stageOf(const RunRequest& request) {
    const int64_t stage = integerOr(configValue(request.config, "zero_optimization.stage").value_or("0"), 0);
    return stage >= 0 && stage <= 3 ? static_cast<int>(stage) : 0;
}

Problems problemsAtSight(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    Problems found;
    checkNumbers(request, devices, found);
    if (const auto config = parseConfig(request.config, source, integerOr(request.ranks, 1), 1, 1); !config)
        found["config"] = sentence(config.error().message);
    return found;
}

Problems problems(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    Problems found;
    checkNumbers(request, devices, found);
    checkFiles(request, found);
    const auto model = findModel(request.model);
    if (!model) found["model"] = sentence(model.error().message);
    if (model && !request.sequence.empty())
        if (const auto problem = integerProblem("Sequence", request.sequence, {1, model->context}))
            found["sequence"] = *problem;
    if (found.contains("ranks") || found.contains("model") || found.contains("sequence")) {
        if (const auto config = parseConfig(request.config, source, integerOr(request.ranks, 1)); !config)
            found["config"] = sentence(config.error().message);
        return found;
    }
    const auto planned = planOf(request, std::nullopt);
    if (!planned)
        found["config"] = sentence(planned.error().message);
    else if (const auto problem = memoryProblem(request, *planned); problem && !usesGpu(request, devices))
        found["ranks"] = *problem;
    return found;
}

std::map<std::string, std::string> remarks(const RunRequest& request) {
    std::map<std::string, std::string> found;
    const auto model = findModel(request.model);
    if (!model) return found;
    const auto config = configOf(request, *model, std::nullopt);
    if (!config) return found;
    const int64_t parameters = parameterCount(*model), ranks = integerOr(request.ranks, 1);
    const ZeroConfig& zero = config->zero;
    if (const std::string remark = bucketRemark(*config, parameters, ranks); !remark.empty())
        found["zero_optimization.reduce_bucket_size"] = remark;
    if (ranks > 1 && !zero.overlap_comm && zero.stage < 3 && zero.reduce_bucket_size < parameters)
        found["zero_optimization.overlap_comm"] = "Off: each bucket is reduced while compute waits; turn it on.";
    if (ranks > 1 && !zero.overlap_comm && zero.stage == 3)
        found["zero_optimization.overlap_comm"] = "Off: each layer is gathered while compute waits; turn it on.";
    if (ranks == 1 && zero.stage > 0) found["ranks"] = "One rank has nothing to share: take 2 or more to see a stage.";
    const int64_t steps = integerOr(request.steps, 1);
    if (config->scheduler.kind != SchedulerKind::none && config->scheduler.warmup_num_steps > steps)
        found["scheduler.params.warmup_num_steps"] =
            "The run has " + formatCount(steps) + " steps and ends within its warm-up; lower it.";
    return found;
}

std::optional<PlannedStage> plannedStage(const RunRequest& request, int stage) {
    const auto planned = planOf(request, stage);
    if (!planned) return std::nullopt;
    const MemoryPlan memory = planMemory(planned->program);
    return PlannedStage{stage, memory.device().at_peak, memory.device().peak_bytes,
                        memory.tier(MemoryTier::host).peak_bytes, memory.tier(MemoryTier::nvme).peak_bytes};
}

std::vector<PlannedStage> plannedMemory(const RunRequest& request) {
    std::vector<PlannedStage> stages;
    if (!planOf(request, std::nullopt)) return stages;
    for (int stage = 0; stage <= 3; ++stage)
        if (auto planned = plannedStage(request, stage)) stages.push_back(*planned);
    return stages;
}

std::string requestTitle(const RunRequest& request) {
    return "ZeRO-" + std::to_string(stageOf(request)) + " · " + request.model.substr(request.model.rfind('/') + 1);
}

RunRequest requestOf(const TraceReader& trace) {
    RunRequest request;
    const std::string config = trace.runValue("config_given"), command = trace.runValue("command");
    request.config = isJsonObject(config) ? config : startingConfig();
    if (request.config.find('\n') == std::string::npos && request.config.size() > 80) // one line is no text to edit
        request.config = nlohmann::ordered_json::parse(request.config, nullptr, false, true).dump(2);
    const std::string model = nameIn(trace.runValue("model")), given = flagOf(command, "--model");
    const auto models = builtinModels();
    const bool built_in =
        std::any_of(models.begin(), models.end(), [&](const ModelSpec& m) { return m.name == model; });
    if (!model.empty()) request.model = built_in || given.empty() ? model : given;
    const auto take = [&](const char* key, std::string& field) {
        if (const std::string value = trace.runValue(key); !value.empty()) field = value;
    };
    take("ranks", request.ranks);
    take("steps", request.steps);
    take("seed", request.seed);
    if (request.seed == "1") request.seed.clear();
    for (const auto& [key, field] : {std::pair{"link", &request.link},
                                     {"host_link", &request.host_link},
                                     {"storage_link", &request.storage_link}}) {
        const auto link = nlohmann::json::parse(trace.runValue(key), nullptr, false);
        const std::string name = nameIn(trace.runValue(key));
        if (findLink(name))
            *field = name;
        else if (link.is_object() && link.contains("alpha_us") && link.contains("bandwidth_gbps"))
            *field = link["alpha_us"].dump() + ":" + link["bandwidth_gbps"].dump();
    }
    request.sequence = flagOf(command, "--sequence");
    if (request.sequence == "0") request.sequence.clear();
    request.data = flagOf(command, "--data");
    if (const std::string backend = flagOf(command, "--backend"); !backend.empty()) request.backend = backend;
    request.devices = flagOf(command, "--devices");
    request.measure_tax = flagOf(command, "--measure-tax");
    return request;
}

std::vector<RequestDifference> differences(const RunRequest& before, const RunRequest& after) {
    std::vector<RequestDifference> found;
    const ConfigDocument old_text(before.config), new_text(after.config);
    std::vector<std::string> keys = old_text.paths();
    for (const std::string& key : new_text.paths())
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    const auto meaning = [](const std::string& config, const std::string& key) { // 5e8 is 500000000
        const std::string value = configValue(config, key).value_or("");
        double number = 0;
        return parseReal(value, number) ? significant(number, 18) : value;
    };
    const auto compareKey = [&](const std::string& key) {
        if (meaning(before.config, key) != meaning(after.config, key))
            found.push_back(
                {key, configValue(before.config, key).value_or(""), configValue(after.config, key).value_or("")});
    };
    for (const FieldSpec& field : runFields()) {
        const std::string name = field.name;
        if (field.value) {
            if (name != "trace" && name != "device_memory" && before.*field.value != after.*field.value)
                found.push_back({name, before.*field.value, after.*field.value});
        } else {
            compareKey(name);
            std::erase(keys, name);
        }
    }
    for (const std::string& key : keys) compareKey(key);
    return found;
}

std::string numberedPath(const std::string& text, int number) {
    const fs::path path(text);
    return (path.parent_path() / (path.stem().string() + "-" + std::to_string(number) + path.extension().string()))
        .string();
}

std::string defaultTracePath(const RunRequest& request) {
    const QString documents = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    std::error_code error;
    fs::path folder = documents.toStdString();
    if (!fs::is_directory(folder, error)) folder = fs::current_path(error);
    const std::string stem =
        request.model.substr(request.model.rfind('/') + 1) + "-zero" + std::to_string(stageOf(request));
    const std::string first = (folder / (stem + ".shardscope")).string();
    std::string path = first;
    for (int number = 2; fs::exists(path, error); ++number) path = numberedPath(first, number);
    return path;
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
                                          "--backend",
                                          request.backend,
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
    const auto number = [](const std::string& text) {
        return text.empty() ? std::string() : std::to_string(integerOr(text, 0));
    };
    if (mayUseGpu(request)) add("--devices", request.devices); // they are kept for when the run may take GPUs
    add("--data", request.data);
    add("--sequence", number(request.sequence));
    add("--seed", number(request.seed));
    add("--init-weights", request.initial_weights);
    add("--save-checkpoint", request.checkpoint_folder);
    add("--save-every", number(request.checkpoint_every));
    add("--keep", number(request.checkpoint_keep));
    add("--resume", request.resume);
    add("--save-weights", request.weights);
    add("--measure-tax", number(request.measure_tax));
    return arguments;
}

} // namespace shardscope::gui
