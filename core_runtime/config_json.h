// SPDX-License-Identifier: Apache-2.0
// JSON as people write configurations: comments are allowed, duplicate keys are not, and every mistake becomes one
// sentence. ConfigSection reads one object of it, notes each setting with its origin, and keeps the first mistake.
#pragma once
#include "core_runtime/config.h"
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope {

using Json = nlohmann::ordered_json;

// The object a text holds. `source` names the text in messages.
Result<Json> parseJsonObject(const std::string& text, const std::string& source);
// A whole file of at most 1 MiB; `what` completes "cannot read the <what> <path>".
Result<std::string> readSmallFile(const std::string& path, const std::string& what);
// A value for a message: one line, valid UTF-8, at most about 60 characters.
std::string shortText(const Json& value);

// What parsing has found so far.
struct ConfigReading {
    std::vector<Setting> settings;
    std::optional<Error> error; // the first mistake; later ones are often its consequences

    void fail(std::string sentence) {
        if (!error) error = Error{std::move(sentence)};
    }
    void note(std::string key, const Json& value, std::string origin, std::string unit = "");
};

struct IntegerRule {
    int64_t least = 0;
    std::string_view unit = "";
    std::string_view remedy = ""; // completes "...; " when the value is too small
};

// A key whose value is not free here: it is accepted when it says what the runtime does anyway.
struct FixedKey {
    std::string_view key;
    std::string_view accepted; // JSON texts separated by '|'; "*" is anything; ">=N" any number from N on
    std::string_view remedy;   // completes "... is <value>, which is not implemented; "
    int first_stage = 0;       // stages in which DeepSpeed reads the key; in others it changes nothing
    int last_stage = 3;
    bool listed = false; // what we do is worth stating as a default setting
    std::string_view alias = "";
};

// One object of the configuration. Absent, null and "auto" values give the default.
class ConfigSection {
public:
    ConfigSection(ConfigReading& reading, std::string path, const Json* object)
        : m_reading(reading)
        , m_path(std::move(path))
        , m_object(object) {}

    std::string fullKey(std::string_view key) const {
        return m_path.empty() ? std::string(key) : m_path + "." + std::string(key);
    }
    bool present() const { return m_object != nullptr; }
    // Null when absent. Giving a key and its alias together is a mistake.
    const Json* find(std::string_view key, std::string_view alias = "") const;
    ConfigSection section(std::string_view key, std::string_view alias = "") const;

    bool flag(std::string_view key, bool fallback);
    int64_t integer(std::string_view key, int64_t fallback, IntegerRule rule, std::string_view alias = "");
    std::optional<int64_t> optionalInteger(std::string_view key, IntegerRule rule, std::string_view alias = "");
    double real(std::string_view key, double fallback, double least, double below);
    void fixed(const FixedKey&, int stage);
    void refuseUnknown(std::span<const std::string_view> known);

private:
    ConfigReading& m_reading;
    std::string m_path;
    const Json* m_object;
};

} // namespace shardscope
