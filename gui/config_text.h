// SPDX-License-Identifier: Apache-2.0
// The DeepSpeed JSON of the form as text: one key is read or changed at a time, everything else in it stays. An absent
// key means DeepSpeed's default, so an empty field removes its key.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

std::string startingConfig(); // what the form begins with
// The value of a dotted key as the form writes it ("5e8", "true"); nullopt if absent or if the text is not JSON.
std::optional<std::string> configValue(const std::string& config, const std::string& key);
// The text with the key set to a JSON value, or removed; unchanged if it is not a JSON object.
std::string withConfigValue(const std::string& config, const std::string& key,
                            const std::optional<std::string>& json_value);
bool isJsonObject(const std::string& config);

} // namespace shardscope::gui
