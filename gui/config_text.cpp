// SPDX-License-Identifier: Apache-2.0
#include "gui/config_text.h"
#include "gui/units.h"
#include <nlohmann/json.hpp>

namespace shardscope::gui {
namespace {

using Json = nlohmann::ordered_json; // keys keep the order in which the user wrote them

std::vector<std::string> parts(const std::string& key) {
    std::vector<std::string> result;
    size_t from = 0;
    for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', from)) {
        result.push_back(key.substr(from, dot - from));
        from = dot + 1;
    }
    result.push_back(key.substr(from));
    return result;
}

Json parsed(const std::string& text) { return Json::parse(text, nullptr, false, true); }

void removeKey(Json& node, const std::vector<std::string>& path, size_t depth) {
    if (!node.is_object() || !node.contains(path[depth])) return;
    if (depth + 1 == path.size()) {
        node.erase(path[depth]);
        return;
    }
    removeKey(node[path[depth]], path, depth + 1);
    if (node[path[depth]].empty()) node.erase(path[depth]); // a section whose last key goes, goes with it
}

} // namespace

std::string startingConfig() {
    return R"({
  "train_micro_batch_size_per_gpu": 4,
  "bf16": {
    "enabled": true
  },
  "zero_optimization": {
    "stage": 2,
    "reduce_bucket_size": 1000000,
    "overlap_comm": true
  },
  "optimizer": {
    "type": "AdamW",
    "params": {
      "lr": 0.001
    }
  }
})";
}

bool isJsonObject(const std::string& config) { return parsed(config).is_object(); }

std::optional<std::string> configValue(const std::string& config, const std::string& key) {
    const Json document = parsed(config);
    const Json* node = &document;
    for (const std::string& part : parts(key)) {
        if (!node->is_object() || !node->contains(part)) return std::nullopt;
        node = &(*node)[part];
    }
    if (node->is_string()) return node->get<std::string>();
    if (node->is_number_integer() && node->get<int64_t>() >= 10'000) return shortInteger(node->get<int64_t>());
    return node->dump();
}

std::string withConfigValue(const std::string& config, const std::string& key,
                            const std::optional<std::string>& json_value) {
    Json document = parsed(config);
    if (!document.is_object()) return config;
    const std::vector<std::string> path = parts(key);
    if (!json_value) {
        removeKey(document, path, 0);
        return document.dump(2);
    }
    Json* node = &document;
    for (const std::string& part : path) {
        if (!node->is_object()) *node = Json::object();
        node = &(*node)[part];
    }
    const Json value = parsed(*json_value);
    *node = value.is_discarded() ? Json(*json_value) : value;
    return document.dump(2);
}

} // namespace shardscope::gui
