// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/config_json.h"
#include "core_runtime/config_text.h"
#include "core_runtime/nearest_name.h"
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

namespace shardscope {
namespace {

constexpr size_t max_file_bytes = 1 << 20;
constexpr int max_depth = 32;
constexpr size_t max_keys = 1000;

struct Refused { // thrown out of the parser's callback, caught in parseJsonObject
    std::string sentence;
};

std::string place(const std::string& text, size_t byte) { // byte counts from 1, as the parser does
    const size_t end = std::min(byte > 0 ? byte - 1 : 0, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    const size_t newline = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    const size_t column = newline == std::string::npos ? end + 1 : end - newline;
    return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// Keeps "unexpected '}'; expected string literal" of the library's message.
std::string reason(const std::string& message) {
    const size_t dash = message.find(" - ");
    if (dash == std::string::npos) return "the text is broken here";
    const std::string tail = message.substr(dash + 3);
    return tail.substr(0, tail.find("; last read"));
}

std::optional<int64_t> asInteger(const Json& value) {
    if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(max_integer)) return std::nullopt;
    if (value.is_number_integer()) return value.get<int64_t>();
    if (!value.is_number_float()) return std::nullopt;
    const double number = value.get<double>();
    if (!(std::abs(number) <= static_cast<double>(max_integer)) || number != std::floor(number)) return std::nullopt;
    return static_cast<int64_t>(number);
}

bool isAccepted(std::string_view accepted, const Json& value) {
    if (accepted == "*") return true;
    for (size_t start = 0; start <= accepted.size();) {
        const size_t bar = std::min(accepted.find('|', start), accepted.size());
        if (bar > start && Json::parse(accepted.substr(start, bar - start)) == value) return true;
        start = bar + 1;
    }
    return false;
}

// What an integrator would have filled in is left out: DeepSpeed itself knows no "auto" here.
Json withoutAuto(const Json& value) {
    if (!value.is_object()) return value;
    Json result = Json::object();
    for (const auto& item : value.items())
        if (item.value() != "auto") result[item.key()] = withoutAuto(item.value());
    return result;
}

} // namespace

Result<Json> parseJsonObject(const std::string& text, const std::string& source) {
    if (std::all_of(text.begin(), text.end(), [](unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }))
        return Error{source + " is empty; it must hold a JSON object, for example {\"train_batch_size\": 4}"};
    if (text.size() > max_file_bytes) return Error{source + " is larger than 1 MiB; is it a configuration at all?"};

    std::vector<std::set<std::string>> open_objects;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
        if (depth > max_depth)
            throw Refused{"is nested deeper than " + std::to_string(max_depth) + " levels; flatten it"};
        if (event == Json::parse_event_t::object_start) open_objects.emplace_back();
        if (event == Json::parse_event_t::object_end) open_objects.pop_back();
        if (event == Json::parse_event_t::key) {
            const auto& key = parsed.get_ref<const std::string&>();
            if (!open_objects.back().insert(key).second)
                throw Refused{"gives the key " + shortText(key) + " twice in one object; keep one of them"};
            if (open_objects.back().size() > max_keys)
                throw Refused{"has an object with more than 1000 keys; is it a configuration at all?"};
        }
        return true;
    };
    try {
        Json object = Json::parse(strictJson(text), watch, true, true);
        if (!object.is_object())
            return Error{source + " holds " + shortText(object) + "; it must hold a JSON object {...}"};
        return object;
    } catch (const Refused& refused) {
        return Error{source + " " + refused.sentence};
    } catch (const Json::parse_error& error) {
        return Error{source + ", " + place(text, error.byte) + ": not valid JSON, " + reason(error.what())};
    } catch (const Json::exception&) {
        return Error{source + " holds a number that is too large; write a number below 1e15"};
    }
}

Result<std::string> readSmallFile(const std::string& path, const std::string& what) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        return Error{"cannot read the " + what + " " + path + ": it is a directory; name a file"};
    std::ifstream file(path, std::ios::binary);
    if (!file) return Error{"cannot read the " + what + " " + path + "; check that the file exists and is readable"};
    std::string text(max_file_bytes + 1, '\0'); // one more than allowed, so that a larger file is noticed
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
    if (text.size() > max_file_bytes)
        return Error{"the " + what + " " + path + " is larger than 1 MiB; is it the right file?"};
    return text;
}

std::string shortText(const Json& value) {
    std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return text;
}

bool enablesSomething(const Json& value) {
    if (!value.is_structured()) return false;
    for (const auto& item : value.items())
        if ((item.key() == "enabled" && item.value() == true) || enablesSomething(item.value())) return true;
    return false;
}

void ConfigReading::notice(std::string sentence) {
    if (std::find(notices.begin(), notices.end(), sentence) == notices.end()) notices.push_back(std::move(sentence));
}

void ConfigReading::note(std::string key, const Json& value, std::string origin, std::string unit, bool inert) {
    settings.push_back({std::move(key), value.dump(-1, ' ', true, Json::error_handler_t::replace), std::move(origin),
                        std::move(unit), inert});
}

bool ConfigSection::contains(std::string_view key) const { return m_object && m_object->contains(std::string(key)); }

bool ConfigSection::isAuto(std::string_view key, std::string_view alias) const {
    const auto is_auto = [&](std::string_view name) {
        return contains(name) && *m_object->find(std::string(name)) == "auto";
    };
    return is_auto(key) || (!alias.empty() && is_auto(alias));
}

const Json* ConfigSection::find(std::string_view key, std::string_view alias) const {
    if (!m_object) return nullptr;
    const auto under = [&](std::string_view name) -> const Json* {
        const auto found = m_object->find(std::string(name));
        if (found == m_object->end() || found->is_null() || *found == "auto") return nullptr;
        return &*found;
    };
    const Json* value = under(key);
    const Json* other = alias.empty() ? nullptr : under(alias);
    if (value && other)
        m_reading.fail(fullKey(key) + " and " + fullKey(alias) + " are two names of one key; keep one of them");
    return value ? value : other;
}

ConfigSection ConfigSection::section(std::string_view key, std::string_view alias) const {
    const Json* value = find(key, alias);
    if (value && !value->is_object()) {
        m_reading.fail(fullKey(key) + " is " + shortText(*value) + "; it must be an object {...}");
        value = nullptr;
    }
    return {m_reading, fullKey(key), value};
}

bool ConfigSection::flag(std::string_view key, bool fallback) {
    const Json* value = find(key);
    const bool usable = value && value->is_boolean();
    if (value && !usable) m_reading.fail(fullKey(key) + " is " + shortText(*value) + "; write true or false");
    const bool result = usable ? value->get<bool>() : fallback;
    m_reading.note(fullKey(key), result, value ? "given" : "default");
    return result;
}

std::optional<int64_t> ConfigSection::optionalInteger(std::string_view key, IntegerRule rule, std::string_view alias) {
    const Json* value = find(key, alias);
    if (!value) return std::nullopt;
    const auto number = asInteger(*value);
    if (number && *number >= rule.least && *number <= max_integer) return number;
    if (!number && rule.endless > 0 && value->is_number() && value->get<double>() >= static_cast<double>(max_integer))
        return rule.endless;
    std::string sentence = fullKey(key) + " is " + shortText(*value) + "; ";
    if (!number)
        sentence += "write a whole number below 1e15, such as 1000 or 5e8";
    else
        sentence +=
            rule.remedy.empty() ? "it must be at least " + std::to_string(rule.least) : std::string(rule.remedy);
    m_reading.fail(sentence);
    return std::nullopt;
}

int64_t ConfigSection::integer(std::string_view key, int64_t fallback, IntegerRule rule, std::string_view alias) {
    const auto given = optionalInteger(key, rule, alias);
    m_reading.note(fullKey(key), given.value_or(fallback), given ? "given" : "default", std::string(rule.unit));
    return given.value_or(fallback);
}

double ConfigSection::real(std::string_view key, double fallback, double least, double below, std::string_view unit) {
    const Json* value = find(key);
    const bool usable = value && value->is_number() && value->get<double>() >= least && value->get<double>() < below;
    if (value && !usable)
        m_reading.fail(fullKey(key) + " is " + shortText(*value) + "; write a number from " + shortText(Json(least)) +
                       " to below " + shortText(Json(below)));
    const double result = usable ? value->get<double>() : fallback;
    m_reading.note(fullKey(key), result, value ? "given" : "default", std::string(unit));
    return result;
}

std::string ConfigSection::word(std::string_view key, std::span<const std::string_view> words) {
    const Json* value = find(key);
    if (!value) return "";
    const std::string given = value->is_string() ? value->get<std::string>() : "";
    for (const std::string_view known : words)
        if (known == given) return given;
    std::string list;
    for (size_t i = 0; i < words.size(); ++i)
        list += (i == 0 ? "\"" : i + 1 < words.size() ? ", \"" : " or \"") + std::string(words[i]) + "\"";
    m_reading.fail(fullKey(key) + " is " + shortText(*value) + "; write " + list);
    return "";
}

void ConfigSection::fixed(const FixedKey& rule, int stage) {
    const Json* value = find(rule.key, rule.alias);
    const std::string_view usual = rule.accepted.substr(0, rule.accepted.find('|'));
    if (!value) {
        if (rule.listed) m_reading.note(fullKey(rule.key), Json::parse(usual), "default");
        return;
    }
    const bool is_read = stage >= rule.first_stage && stage <= rule.last_stage;
    if (is_read && !isAccepted(rule.accepted, *value))
        m_reading.fail(fullKey(rule.key) + " is " + shortText(*value) + "; " + std::string(rule.remedy));
    m_reading.note(fullKey(rule.key), *value, "given");
}

void ConfigSection::noticed(const NoticedKey& rule) {
    const Json* value = find(rule.key, rule.alias);
    if (!value) return;
    const bool switched_off = value->is_object() && (value->empty() || (rule.switched && !enablesSomething(*value)));
    if (!switched_off && !isAccepted(rule.quiet, *value))
        m_reading.notice(fullKey(rule.key) + " has no effect: " + std::string(rule.why));
    m_reading.note(fullKey(rule.key), withoutAuto(*value), "given", "", true);
}

std::vector<std::string> ConfigSection::unknown(std::span<const std::string_view> known) const {
    std::vector<std::string> names;
    if (m_object)
        for (const auto& item : m_object->items())
            if (std::find(known.begin(), known.end(), item.key()) == known.end()) names.push_back(item.key());
    return names;
}

// A name for a message: escaped, of bounded length, without quotes.
static std::string shortName(const std::string& name) {
    std::string text = shortText(name);
    std::erase(text, '"');
    return text;
}

void ConfigSection::refuseUnknown(std::span<const std::string_view> known) {
    for (const std::string& name : unknown(known))
        m_reading.fail(fullKey(shortName(name)) + " is not a known key; did you mean " + nearestName(name, known) +
                       "?");
}

void ConfigSection::noticeUnknown(std::span<const std::string_view> known) {
    constexpr size_t most = 20; // a page of notices helps nobody
    const std::vector<std::string> names = unknown(known);
    for (size_t i = 0; i < std::min(names.size(), most); ++i) {
        const std::string close = closeName(names[i], known);
        m_reading.notice(fullKey(shortName(names[i])) + " is not a known key and has no effect" +
                         (close.empty() ? "" : "; did you mean " + close + "?"));
    }
    if (names.size() > most)
        m_reading.notice(std::to_string(names.size() - most) + " more keys are not known and have no effect");
}

} // namespace shardscope
