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
    std::vector<std::string> notices; // each once, in the order of their keys
    std::optional<Error> error;       // the first mistake; later ones are often its consequences

    void fail(std::string sentence) {
        if (!error) error = Error{std::move(sentence)};
    }
    void notice(std::string sentence);
    void note(std::string key, const Json& value, std::string origin, std::string unit = "", bool inert = false);
};

inline constexpr int64_t max_integer = 1'000'000'000'000'000; // keeps later products of elements and bytes in int64

struct IntegerRule {
    int64_t least = 0;
    std::string_view unit = "";
    std::string_view remedy = ""; // completes "...; " when the value is too small
    int64_t endless = 0;          // what a value above max_integer stands for; 0: it is refused
};

// A key whose value is not free here: it is accepted when it says what the runtime does anyway, and refused otherwise.
struct FixedKey {
    std::string_view key;
    std::string_view accepted; // JSON texts separated by '|'; "*" is anything
    std::string_view remedy;   // completes "... is <value>; "
    int first_stage = 0;       // stages in which DeepSpeed reads the key; in others it changes nothing
    int last_stage = 3;
    bool listed = false; // what we do is worth stating as a default setting
    std::string_view alias = "";
};

// A key of DeepSpeed that has no meaning here. It is always accepted, with a notice unless its value is quiet.
struct NoticedKey {
    std::string_view key;
    std::string_view quiet; // JSON texts separated by '|', beside {}; "*" is anything
    std::string_view why;   // completes "<key> has no effect: "
    std::string_view alias = "";
    bool switched = false; // a section that does nothing unless it says "enabled": true
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
    bool contains(std::string_view key) const; // whatever its value
    bool isAuto(std::string_view key, std::string_view alias = "") const;
    // Null when absent. Giving a key and its alias together is a mistake.
    const Json* find(std::string_view key, std::string_view alias = "") const;
    ConfigSection section(std::string_view key, std::string_view alias = "") const;

    bool flag(std::string_view key, bool fallback);
    int64_t integer(std::string_view key, int64_t fallback, IntegerRule rule, std::string_view alias = "");
    std::optional<int64_t> optionalInteger(std::string_view key, IntegerRule rule, std::string_view alias = "");
    double real(std::string_view key, double fallback, double least, double below, std::string_view unit = "");
    // One of `words`, written as in the list. Empty when absent.
    std::string word(std::string_view key, std::span<const std::string_view> words);
    void fixed(const FixedKey&, int stage);
    void noticed(const NoticedKey&);
    void refuseUnknown(std::span<const std::string_view> known);
    void noticeUnknown(std::span<const std::string_view> known); // where DeepSpeed ignores what it does not know

private:
    std::vector<std::string> unknown(std::span<const std::string_view> known) const;
    ConfigReading& m_reading;
    std::string m_path;
    const Json* m_object;
};

// Whether an "enabled": true stands anywhere in the value.
bool enablesSomething(const Json& value);

} // namespace shardscope
