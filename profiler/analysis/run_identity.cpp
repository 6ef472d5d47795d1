// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/run_identity.h"
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace shardscope {

namespace {

using Json = nlohmann::json;

Json parsed(const std::string& text) { return Json::parse(text, nullptr, false, true); }

std::string member(const Json& json, const char* name) {
    if (!json.is_object() || !json.contains(name)) return {};
    return json[name].is_string() ? json[name].get<std::string>() : json[name].dump();
}

// "model" and "link" are objects with a name; older or foreign files may hold the bare name.
std::string nameIn(const std::string& text) {
    const Json json = parsed(text);
    if (json.is_object()) return member(json, "name");
    return json.is_string() ? json.get<std::string>() : text;
}

std::string toolOf(const TraceReader& trace) {
    const std::string text = trace.runValue("software"), format = trace.runValue("source_format");
    const Json json = parsed(text);
    if (const std::string version = member(json, "shardscope"); !version.empty()) return "Shardscope " + version;
    if (!text.empty() && !json.is_object()) return text;
    return format;
}

std::string deviceOf(const TraceReader& trace) {
    const std::string text = trace.runValue("hardware");
    const Json json = parsed(text);
    if (!json.is_object()) return text; // an imported trace names its devices in words
    std::string device = member(json, "processor");
    if (const std::string cores = member(json, "cores"); !cores.empty())
        device += (device.empty() ? "" : ", ") + cores + (cores == "1" ? " core" : " cores");
    return device;
}

int64_t worldSizeOf(const TraceReader& trace) {
    for (const char* key : {"world_size", "ranks"}) {
        const std::string text = trace.runValue(key);
        int64_t size = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
        if (error == std::errc() && size > 0) return size;
    }
    return trace.ranks();
}

} // namespace

RunIdentity identityOf(const TraceReader& trace) {
    RunIdentity identity;
    identity.path = trace.path();
    identity.file = std::filesystem::path(trace.path()).filename().string();
    identity.tool = toolOf(trace);
    identity.recording = recordingFacts(trace);
    identity.device = identity.recording.device.empty() ? deviceOf(trace) : identity.recording.device;
    identity.model = nameIn(trace.runValue("model"));
    identity.precision = trace.runValue("precision");
    identity.link = nameIn(trace.runValue("link"));
    if (identity.link == "none") identity.link.clear();
    identity.link_emulated = member(parsed(trace.runValue("link")), "emulated") == "true";
    identity.command = trace.runValue("command");
    identity.status = trace.runValue("status");
    identity.source = trace.runValue("source");
    identity.configured = !trace.runValue("config_resolved").empty();
    identity.world_size = worldSizeOf(trace);
    identity.steps = static_cast<int64_t>(trace.steps().size());
    identity.events = trace.eventCount();
    identity.warnings.assign(trace.warnings().begin(), trace.warnings().end());
    return identity;
}

} // namespace shardscope
