// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed JSON of the form as text: one key is read or changed at a time, every other character stays
// (config_document.h). An absent key means DeepSpeed's default, so an empty field removes its key.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

std::string startingConfig(); // what the form begins with
// The value of a dotted key as the form writes it ("5e8", "true", a text without its quotes); nullopt if absent or if
// the text is not JSON.
std::optional<std::string> configValue(const std::string& config, const std::string& key);
// The text with the key set to a JSON value, or removed; unchanged if it is not a JSON object. What is no JSON is a
// text.
std::string withConfigValue(const std::string& config, const std::string& key,
                            const std::optional<std::string>& json_value);
bool isJsonObject(const std::string& config);

// The line (from 1) that a sentence of the engine about this text is about: the one it names, or that of the key it
// begins with. 0: none.
int lineOfSentence(const std::string& config, const std::string& sentence);
int lineOfKey(const std::string& config, const std::string& key); // 0: absent

// What must be replaced to make one text of another: everything between what they begin and end with alike.
struct TextChange {
    size_t begin = 0, removed = 0;
    std::string inserted;
};
TextChange changeBetween(const std::string& before, const std::string& after); // never within a character of UTF-8

} // namespace shardscope::gui
