// SPDX-License-Identifier: Apache-2.0
#include "cli/sweep_options.h"
#include "core_runtime/config_json.h"
#include "core_runtime/link_model.h"
#include "core_runtime/planner.h"
#include "core_runtime/run_info.h"
#include "core_runtime/sweep_spec.h"
#include <algorithm>
#include <fmt/core.h>
#include <iterator>
#include <map>

namespace shardscope::cli {
namespace {

// What a base entry is called on the command line.
std::string optionOf(const std::string& key) {
    if (key == "processor" || key == "cores") return key + " of this machine";
    if (key == "config") return "configuration";
    std::string option = "--" + key;
    std::replace(option.begin(), option.end(), '_', '-');
    return option;
}

// The number behind a value for sorting; words come in the order of their text.
bool valuesBefore(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    for (size_t k = 0; k < a.size(); ++k) {
        if (a[k] == b[k]) continue;
        const Json x = Json::parse(a[k], nullptr, false), y = Json::parse(b[k], nullptr, false);
        if (x.is_number() && y.is_number()) return x.get<double>() < y.get<double>();
        return a[k] < b[k];
    }
    return false;
}

RunOptions withValues(const RunOptions& options, const std::vector<std::string>& keys,
                      const std::vector<std::string>& values) {
    RunOptions point = options;
    for (size_t k = 0; k < keys.size(); ++k) {
        if (keys[k] == "zero_optimization.stage") point.stage.reset(); // --stage would win over what is varied
        point.overrides.push_back(keys[k] + "=" + values[k]);
    }
    return point;
}

// The configuration without the varied keys, written one way.
Result<std::string> sharedConfig(const Given& given, const std::vector<std::string>& keys) {
    Result<Json> json = parseJsonObject(given.config_text, "the configuration");
    if (!json) return json.error();
    for (const std::string& key : keys) {
        Json* at = &*json;
        size_t start = 0;
        for (size_t dot = key.find('.'); dot != std::string::npos && at->is_object(); dot = key.find('.', start)) {
            const std::string part = key.substr(start, dot - start);
            if (!at->contains(part)) break;
            at = &(*at)[part];
            start = dot + 1;
        }
        if (at->is_object()) at->erase(key.substr(start));
    }
    return json->dump(2, ' ', true, Json::error_handler_t::replace);
}

Result<void> checkNumbers(const SweepOptions& options) {
    if (options.vary.empty())
        return Error{"nothing is varied; give for example --vary reduce_bucket_size=1e5:1e9:log:9"};
    if (options.output.empty()) return Error{"the results need a folder; give -o DIR"};
    if (options.repeat < 1 || options.repeat > 1'000)
        return Error{fmt::format("--repeat is {}; use 1 to 1000 runs per point", options.repeat)};
    if (options.warmup_steps < 0) return Error{fmt::format("--warmup is {}; use 0 or more", options.warmup_steps)};
    if (options.steps <= options.warmup_steps || options.steps > 1'000'000'000)
        return Error{
            fmt::format("--steps is {} and {} of them are warm-up; give a larger --steps or a smaller --warmup",
                        options.steps, options.warmup_steps)};
    if (options.ranks < 1 || options.ranks > 256)
        return Error{fmt::format("--ranks is {}; CPU ranks are threads of one process, use 1 to 256", options.ranks)};
    return {};
}

// Whether what was measured before was measured under the same conditions.
Result<void> checkSame(const Sweep& sweep, const Sweep& earlier) {
    const auto refuse = [&](const std::string& what) {
        return Error{fmt::format("{}/{} is a sweep with {}; name another folder with -o, or give the same",
                                 earlier.folder, sweep_file_name, what)};
    };
    if (earlier.steps != sweep.steps) return refuse(fmt::format("--steps {}, not {}", earlier.steps, sweep.steps));
    if (earlier.warmup_steps != sweep.warmup_steps)
        return refuse(fmt::format("--warmup {}, not {}", earlier.warmup_steps, sweep.warmup_steps));
    for (const auto& [key, value] : sweep.base) {
        const auto found = earlier.base.find(key);
        const std::string then = found == earlier.base.end() ? "" : found->second;
        if (then == value) continue;
        if (key == "config") return refuse("another configuration");
        return refuse(fmt::format("another {} ({}, not {})", optionOf(key), then.empty() ? "none" : then,
                                  value.empty() ? "none" : value));
    }
    return {};
}

// Runs of earlier points go to the points of the same values; failed ones are left out, to be tried again.
void takeRuns(Sweep& sweep, const Sweep& earlier) {
    for (const SweepPoint& was : earlier.points)
        for (SweepPoint& point : sweep.points)
            if (point.values == was.values)
                std::copy_if(was.runs.begin(), was.runs.end(), std::back_inserter(point.runs),
                             [](const SweepRun& run) { return run.measured(); });
    // Of points that are one plan one holds the runs and stands for the others.
    for (size_t p = 0; p < sweep.points.size(); ++p) {
        SweepPoint& point = sweep.points[p];
        if (point.same_plan_as < 0 || point.runs.empty()) continue;
        SweepPoint& first = sweep.points[static_cast<size_t>(point.same_plan_as)];
        first.runs.insert(first.runs.end(), point.runs.begin(), point.runs.end());
        point.runs.clear();
    }
}

} // namespace

Result<PlannedSweep> planSweep(const SweepOptions& options, const Sweep* earlier) {
    if (const auto fine = checkNumbers(options); !fine) return fine.error();
    std::vector<SweepKey> vary;
    std::vector<std::string> unset;
    Result<Given> given = readGiven(options, options.steps);
    if (!given) return given.error();
    PlannedSweep planned;
    Sweep& sweep = planned.sweep;
    for (const std::string& text : options.vary) {
        Result<SweepKey> key = parseVary(text);
        if (!key) return key.error();
        Result<std::string> name = resolveKey(key->key, given->config);
        if (!name) return name.error();
        key->key = *name;
        if (std::find(sweep.keys.begin(), sweep.keys.end(), *name) != sweep.keys.end())
            return Error{"--vary names " + *name + " twice; give all its values in one list"};
        sweep.keys.push_back(*name);
        unset.emplace_back("null");
        vary.push_back(*std::move(key));
    }
    Result<std::vector<std::vector<std::string>>> values = sweepPoints(vary);
    if (!values) return values.error();
    const Result<LinkModel> link = findLink(options.link);
    if (!link) return link.error();
    for (const std::string* other : {&options.host_link, &options.storage_link})
        if (const auto found = findLink(*other); !found) return found.error();

    // The default is measured as well: without it nobody could say what a better value gains.
    const Result<Given> plain = readGiven(withValues(options, sweep.keys, unset), options.steps);
    std::vector<std::string> default_values;
    if (plain)
        for (const std::string& key : sweep.keys)
            for (const Setting& setting : plain->config.settings)
                if (setting.key == key) default_values.push_back(canonicalValue(setting.value));
    const bool has_default = default_values.size() == sweep.keys.size();
    if (has_default && std::find(values->begin(), values->end(), default_values) == values->end())
        values->push_back(default_values);
    const std::vector<std::vector<std::string>> asked = *values;
    if (earlier && earlier->keys != sweep.keys) {
        std::string keys;
        for (const std::string& key : earlier->keys) keys += (keys.empty() ? "" : ", ") + key;
        return Error{fmt::format("{}/{} is a sweep with other keys ({}); name another folder with -o, or give the same",
                                 earlier->folder, sweep_file_name, keys)};
    }
    if (earlier) // what was measured and is not asked for today stays
        for (const SweepPoint& point : earlier->points)
            if (!point.runs.empty() && std::find(values->begin(), values->end(), point.values) == values->end())
                values->push_back(point.values);
    std::sort(values->begin(), values->end(), valuesBefore);

    const bool shapes_only = std::all_of(sweep.keys.begin(), sweep.keys.end(), shapesProgramOnly);
    std::map<std::string, int32_t> programs;
    for (const std::vector<std::string>& point : *values) {
        const Result<Given> own = readGiven(withValues(options, sweep.keys, point), options.steps);
        SweepPoint added{.values = point, .is_default = has_default && point == default_values};
        sweep.points.push_back(added);
        const std::string label = pointLabel(sweep, sweep.points.size() - 1);
        if (!own) return Error{label + ": " + own.error().message};
        const Result<Plan> plan = shardscope::plan(own->config, own->model, options.ranks, options.sequence);
        if (!plan) return Error{label + ": " + plan.error().message};
        const auto index = static_cast<int32_t>(sweep.points.size() - 1);
        if (shapes_only) {
            const auto [twin, fresh] = programs.try_emplace(programText(plan->program), index);
            if (!fresh) sweep.points.back().same_plan_as = twin->second;
        }
        planned.configs.push_back(own->config_text);
        planned.wanted.push_back(std::find(asked.begin(), asked.end(), point) != asked.end());
        if (const int32_t twin = sweep.points.back().same_plan_as; twin >= 0 && planned.wanted.back())
            planned.wanted[static_cast<size_t>(twin)] = true;
    }

    const Result<std::string> shared = sharedConfig(*given, sweep.keys);
    if (!shared) return shared.error();
    const Json hardware = Json::parse(hardwareJson(), nullptr, false);
    const Config& config = given->config;
    sweep.repeat = options.repeat;
    sweep.steps = options.steps;
    sweep.warmup_steps = options.warmup_steps;
    sweep.link_emulated = options.link != "none";
    sweep.base = {{"model", options.model},
                  {"parameters", std::to_string(parameterCount(given->model))},
                  {"ranks", std::to_string(options.ranks)},
                  {"sequence", std::to_string(options.sequence)},
                  {"link", options.link},
                  {"host_link", options.host_link},
                  {"storage_link", options.storage_link},
                  {"seed", std::to_string(options.seed)},
                  {"data", options.data},
                  {"config", *shared},
                  {"processor", hardware.value("processor", std::string())},
                  {"cores", std::to_string(hardware.value("cores", 0))}};
    const auto varied = [&](const char* key) {
        return std::find(sweep.keys.begin(), sweep.keys.end(), key) != sweep.keys.end();
    };
    sweep.title = given->model.name;
    if (!varied("zero_optimization.stage")) sweep.title += fmt::format(" · ZeRO-{}", config.zero.stage);
    sweep.title += fmt::format(" · {} ranks", options.ranks);
    sweep.title += fmt::format(" · {}", toText(config.precision()));
    if (!varied("zero_optimization.overlap_comm") && config.zero.stage > 0)
        sweep.title += config.zero.overlap_comm ? " · overlap on" : " · overlap off";
    sweep.title += " · link " + link->name;
    planned.notices = config.notices;
    if (!earlier) return planned;
    if (const auto same = checkSame(sweep, *earlier); !same) return same.error();
    takeRuns(sweep, *earlier);
    return planned;
}

} // namespace shardscope::cli
