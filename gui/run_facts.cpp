// SPDX-License-Identifier: Apache-2.0
#include "gui/run_facts.h"
#include "core_runtime/config.h"
#include "gui/recording_notice.h"
#include "gui/units.h"
#include <nlohmann/json.hpp>

namespace shardscope::gui {
namespace {

using Json = nlohmann::json;

Json parsed(const std::string& text) { return Json::parse(text, nullptr, false, true); }

// The value at a dotted path, or null.
Json at(const Json& document, const std::string& dotted) {
    const Json* node = &document;
    size_t from = 0;
    while (from <= dotted.size()) {
        const size_t dot = std::min(dotted.find('.', from), dotted.size());
        const std::string part = dotted.substr(from, dot - from);
        if (!node->is_object() || !node->contains(part)) return nullptr;
        node = &(*node)[part];
        from = dot + 1;
    }
    return *node;
}

// "model" and "link" are JSON objects with a name; older or foreign files may hold the bare name.
std::string nameIn(const std::string& text) {
    const Json document = parsed(text);
    if (document.is_object() && document.contains("name") && document["name"].is_string()) return document["name"];
    if (document.is_string()) return document;
    return document.is_discarded() ? text : std::string();
}

std::string readable(const Json& value) {
    if (value.is_number_integer()) return shortInteger(value.get<int64_t>());
    return value.is_null() ? std::string() : value.dump();
}

const std::vector<Setting>& defaultSettings() {
    static const std::vector<Setting> settings = [] {
        auto config = parseConfig(R"({"train_micro_batch_size_per_gpu": 1})", "defaults", 1);
        return config ? config->settings : std::vector<Setting>();
    }();
    return settings;
}

} // namespace

std::string RunFacts::title() const {
    if (stage >= 0) return "ZeRO-" + std::to_string(stage);
    return source.empty() ? "Trace" : source;
}

std::string RunFacts::subtitle() const {
    std::string text = !model.empty() ? model : !format.empty() ? format : "unknown model";
    if (ranks > 0)
        text += " · " + std::to_string(ranks) + (virtual_ranks ? " virtual" : "") + (ranks == 1 ? " rank" : " ranks");
    if (!precision.empty()) text += " · " + precision;
    return text;
}

RunFacts runFacts(const TraceReader& reader) {
    RunFacts facts;
    facts.model = nameIn(reader.runValue("model"));
    facts.link = nameIn(reader.runValue("link"));
    facts.source = reader.runValue("source");
    facts.format = reader.runValue("source_format");
    facts.status = reader.runValue("status");
    facts.ranks = reader.ranks();
    facts.virtual_ranks = !reader.runValue("virtual_ranks").empty();
    facts.notices = noticesOf(recordingFacts(reader));
    const Json link = parsed(reader.runValue("link"));
    facts.link_emulated = !facts.link.empty() && facts.link != "none";
    if (link.is_object() && link.contains("bandwidth_gbps") && link["bandwidth_gbps"].is_number())
        facts.link_emulated = link["bandwidth_gbps"].get<double>() > 0;
    int64_t stage = -1;
    if (parseInteger(reader.runValue("stage"), stage) && stage >= 0 && stage <= 3)
        facts.stage = static_cast<int>(stage);
    const Json config = parsed(reader.runValue("config_resolved"));
    if (config.is_object()) {
        const auto enabled = [&](const char* key) {
            const Json value = at(config, key);
            return value.is_boolean() && value.get<bool>();
        };
        facts.precision = enabled("bf16.enabled") ? "bf16" : enabled("fp16.enabled") ? "fp16" : "fp32";
    }
    return facts;
}

std::string stageSentence(int stage) {
    switch (stage) {
    case 0:
        return "all-reduce in backward, everything replicated";
    case 1:
        return "optimizer states sharded, all-gather after the step";
    case 2:
        return "+ gradients sharded: reduce-scatter per bucket";
    case 3:
        return "+ parameters sharded: gathered just in time";
    default:
        return "";
    }
}

std::optional<ConfigFact> configFact(const TraceReader& reader, const std::string& key) {
    if (key.empty()) return std::nullopt;
    ConfigFact fact{.key = key, .value = {}, .unit = {}, .default_value = {}};
    const Json given = at(parsed(reader.runValue("config_given")), key);
    const Json resolved = at(parsed(reader.runValue("config_resolved")), key);
    fact.given = !given.is_null();
    fact.value = readable(resolved.is_null() ? given : resolved);
    for (const Setting& setting : defaultSettings()) {
        if (setting.key != key) continue;
        fact.unit = setting.unit;
        fact.default_value = readable(parsed(setting.value));
    }
    if (fact.value.empty()) return std::nullopt;
    return fact;
}

} // namespace shardscope::gui
