// SPDX-License-Identifier: Apache-2.0
#include "gui/config_text.h"
#include "gui/config_document.h"
#include "gui/units.h"
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace shardscope::gui {
namespace {

using Json = nlohmann::json;

int lineAt(const std::string& text, size_t at) {
    return 1 + static_cast<int>(std::count(
                   text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(at, text.size())), '\n'));
}

bool continuesCharacter(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

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
      "lr": 0.0003
    }
  }
})";
}

bool isJsonObject(const std::string& config) { return ConfigDocument(config).valid(); }

std::optional<std::string> configValue(const std::string& config, const std::string& key) {
    const ConfigDocument document(config);
    const auto span = document.value(key);
    if (!span) return std::nullopt;
    const std::string raw = config.substr(span->begin, span->size());
    const Json value = Json::parse(raw, nullptr, false, true);
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_integer() && value.get<int64_t>() >= 10'000) return shortInteger(value.get<int64_t>());
    return raw; // as it was written: 3e-4, not 0.0003
}

std::string withConfigValue(const std::string& config, const std::string& key,
                            const std::optional<std::string>& json_value) {
    const ConfigDocument document(config);
    if (!json_value) return document.without(key);
    return document.with(key, Json::accept(*json_value)
                                  ? *json_value
                                  : Json(*json_value).dump(-1, ' ', false, Json::error_handler_t::replace));
}

int lineOfKey(const std::string& config, const std::string& key) {
    const auto span = ConfigDocument(config).key(key);
    return span ? lineAt(config, span->begin) : 0;
}

int lineOfSentence(const std::string& config, const std::string& sentence) {
    int line = 0;
    for (size_t at = sentence.find(", line "); at != std::string::npos; at = sentence.find(", line ", at + 1))
        if (std::sscanf(sentence.c_str() + at, ", line %d, column", &line) == 1) return line;
    // "the configuration: zero_optimization.stage is 7; choose 0, 1, 2 or 3"
    const size_t colon = sentence.find(": ");
    const size_t begin = colon == std::string::npos ? 0 : colon + 2;
    const std::string word = sentence.substr(begin, sentence.find_first_of(" ,;", begin) - begin);
    for (std::string key = word; !key.empty(); key = key.substr(0, key.rfind('.'))) {
        if (const int found = lineOfKey(config, key)) return found;
        if (key.find('.') == std::string::npos) break;
    }
    return 0;
}

TextChange changeBetween(const std::string& before, const std::string& after) {
    const size_t shorter = std::min(before.size(), after.size());
    size_t begin = 0;
    while (begin < shorter && before[begin] == after[begin]) ++begin;
    const auto splits = [](const std::string& text, size_t at) {
        return at < text.size() && continuesCharacter(text[at]);
    };
    while (begin > 0 && (splits(before, begin) || splits(after, begin))) --begin;
    size_t end = 0; // characters that both end with
    while (end < shorter - begin && before[before.size() - 1 - end] == after[after.size() - 1 - end]) ++end;
    while (end > 0 && (splits(before, before.size() - end) || splits(after, after.size() - end))) --end;
    return {begin, before.size() - begin - end, after.substr(begin, after.size() - begin - end)};
}

} // namespace shardscope::gui
