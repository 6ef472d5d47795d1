// SPDX-License-Identifier: Apache-2.0
// What was chosen differently: every key of the resolved configurations, the models, links and seeds; and of runs whose
// configuration nobody recorded, the tool, the device and the number of ranks.
#include "profiler/analysis/compare_changes.h"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace shardscope {

namespace {

using Json = nlohmann::ordered_json;

void flatten(const Json& json, const std::string& prefix, std::map<std::string, std::string>& out) {
    if (json.is_object()) {
        for (const auto& [key, value] : json.items()) flatten(value, prefix.empty() ? key : prefix + "." + key, out);
        return;
    }
    out[prefix] =
        json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Everything about a run that somebody chose.
std::map<std::string, std::string> choicesOf(const TraceReader& trace) {
    std::map<std::string, std::string> choices;
    const auto add = [&](const char* run_key, const std::string& prefix) {
        const std::string text = trace.runValue(run_key);
        if (text.empty()) return;
        const Json json = Json::parse(text, nullptr, false);
        if (json.is_object())
            flatten(json, prefix, choices);
        else
            choices[prefix.empty() ? run_key : prefix] = text;
    };
    add("config_resolved", "");
    for (const char* key : {"model", "link", "host_link", "storage_link", "ranks", "seed", "data", "backend"})
        add(key, key);
    for (const char* link : {"link", "host_link", "storage_link"}) { // follows from the name
        choices.erase(std::string(link) + ".description");
        choices.erase(std::string(link) + ".emulated");
    }
    return choices;
}

struct Setting {
    std::string origin, unit;
};

// Where the values of a configuration come from. Older traces do not say; what they were given is known all the same.
std::map<std::string, Setting> settingsOf(const TraceReader& trace) {
    std::map<std::string, Setting> settings;
    const auto member = [](const Json& json, const char* name) {
        return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : std::string();
    };
    const Json listed = Json::parse(trace.runValue("config_settings"), nullptr, false);
    if (listed.is_array())
        for (const Json& row : listed)
            if (row.is_object() && !member(row, "key").empty())
                settings[member(row, "key")] = {member(row, "origin"), member(row, "unit")};
    std::map<std::string, std::string> given;
    if (const Json json = Json::parse(trace.runValue("config_given"), nullptr, false); json.is_object())
        flatten(json, "", given);
    for (const auto& [key, value] : given)
        if (Setting& setting = settings[key]; setting.origin.empty()) setting.origin = "given";
    return settings;
}

// Facts that say which run this is where its keys are not known, or that explain a difference between equal keys.
std::vector<ConfigDifference> knownOf(const Comparison& c) {
    const bool all_configured = std::ranges::all_of(c.runs, &RunFigures::configured);
    std::vector<ConfigDifference> known;
    const auto add = [&](const char* key, auto&& value) {
        ConfigDifference row{.key = key, .values = {}, .origins = {}, .unit = {}};
        std::set<std::string> distinct;
        for (const RunFigures& run : c.runs) {
            std::string text = value(run.identity);
            if (text.empty()) text = "(unknown)";
            distinct.insert(text);
            row.values.push_back(std::move(text));
        }
        if (c.runs.size() > 1 && (distinct.size() > 1 || (!all_configured && !distinct.contains("(unknown)"))))
            known.push_back(std::move(row));
    };
    add("recorded by", [](const RunIdentity& run) { return run.tool; });
    add("device", [](const RunIdentity& run) { return run.device; });
    add("world size", [](const RunIdentity& run) { return std::to_string(run.world_size); });
    add("steps", [](const RunIdentity& run) { return std::to_string(run.steps); });
    return known;
}

std::string listOf(const std::vector<std::string>& words) {
    std::string text;
    for (size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
    return text;
}

} // namespace

void compareConfigurations(const std::vector<const TraceReader*>& traces, Comparison& c) {
    std::vector<std::map<std::string, std::string>> choices;
    std::vector<std::map<std::string, Setting>> settings;
    std::set<std::string> keys;
    for (const TraceReader* trace : traces) {
        choices.push_back(choicesOf(*trace));
        settings.push_back(settingsOf(*trace));
        for (const auto& [key, value] : choices.back()) keys.insert(key);
    }
    for (const std::string& key : keys) {
        ConfigDifference d{.key = key, .values = {}, .origins = {}, .unit = {}};
        std::set<std::string> known;
        size_t knowing = 0;
        for (size_t i = 0; i < traces.size(); ++i) {
            const auto found = choices[i].find(key);
            const bool unknown = found == choices[i].end() && !c.runs[i].configured;
            d.values.push_back(found != choices[i].end() ? found->second : unknown ? "(unknown)" : "(not set)");
            const auto setting = settings[i].find(key);
            d.origins.push_back(setting == settings[i].end() ? "" : setting->second.origin);
            if (setting != settings[i].end() && d.unit.empty()) d.unit = setting->second.unit;
            if (unknown) continue;
            known.insert(d.values.back());
            ++knowing;
        }
        if (known.size() > 1)
            c.differences.push_back(std::move(d));
        else if (knowing > 1)
            ++c.equal_keys;
    }
    c.known = knownOf(c);
}

std::vector<std::string> notesOf(const Comparison& c) {
    std::vector<std::string> notes;
    if (c.runs.size() < 2) return notes;
    const auto labels = [&](auto&& has) {
        std::vector<std::string> found;
        for (const RunFigures& run : c.runs)
            if (has(run)) found.push_back(run.label);
        return found;
    };
    std::set<std::string> models;
    std::set<int64_t> worlds;
    for (const RunFigures& run : c.runs) {
        if (!run.identity.model.empty()) models.insert(run.identity.model);
        worlds.insert(run.identity.world_size);
    }
    if (models.size() > 1)
        notes.push_back(
            fmt::format("The runs train different models ({}): their times and bytes are of different work.",
                        listOf({models.begin(), models.end()})));
    if (worlds.size() > 1)
        notes.push_back("The runs have different numbers of ranks: times and memory are per rank, tokens/s are of all "
                        "ranks together.");
    if (const auto found = labels([](const RunFigures& run) { return !run.configured; }); !found.empty())
        notes.push_back(
            fmt::format("The configuration of {} is not known; the trace does not hold it.", listOf(found)));
    if (const auto found = labels([](const RunFigures& run) { return run.whole_trace; }); !found.empty())
        notes.push_back(fmt::format("{} has no steps: its figures are those of the whole trace.", listOf(found)));
    if (const auto found = labels([](const RunFigures& run) { return !run.identity.recording.virtual_ranks.empty(); });
        !found.empty())
        notes.push_back(
            fmt::format("The ranks of {} are virtual: they share one GPU and take turns. Memory, volume and "
                        "order are those of real ranks, times are not.",
                        listOf(found)));
    if (const auto found = labels([](const RunFigures& run) { return run.emulated_ns > 0; }); !found.empty())
        notes.push_back(fmt::format("Part of the communication of {} is time of an emulated link and was not measured.",
                                    listOf(found)));
    if (const auto found = labels([](const RunFigures& run) {
            const Statistics* step = statisticsOf(run, "step_ns");
            return !run.whole_trace && step && step->coverage_percent == 0;
        });
        !found.empty())
        notes.push_back(fmt::format("{} has fewer than six steps after the warm-up, too few to tell a difference from "
                                    "noise.",
                                    listOf(found)));
    if (const auto found = labels(
            [](const RunFigures& run) { return !run.identity.status.empty() && run.identity.status != "finished"; });
        !found.empty())
        notes.push_back(fmt::format("{} did not finish; its figures are of what was recorded.", listOf(found)));
    return notes;
}

} // namespace shardscope
