// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/sweep_spec.h"
#include "core_runtime/nearest_name.h"
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace shardscope {
namespace {

using Json = nlohmann::ordered_json;

constexpr double largest_number = 1e15; // what the configuration takes as an integer
constexpr const char* how_to_write =
    "write KEY=1e5:1e9:log:9, KEY=1e5:1e6:lin:4 or a list such as KEY=1e5,1e6 or KEY=on,off";

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    size_t start = 0;
    for (size_t at = text.find(separator); at != std::string::npos; at = text.find(separator, start)) {
        parts.push_back(text.substr(start, at - start));
        start = at + 1;
    }
    parts.push_back(text.substr(start));
    return parts;
}

std::optional<double> numberOf(const std::string& text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [at, problem] = std::from_chars(text.data(), end, value);
    if (problem != std::errc() || at != end || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::string numberText(double value) {
    if (value == std::floor(value) && std::abs(value) <= largest_number)
        return std::to_string(static_cast<int64_t>(value));
    return Json(value).dump();
}

double threeDigits(double value) {
    if (value == 0) return 0;
    const double unit = std::pow(10.0, std::floor(std::log10(std::abs(value))) - 2);
    return unit >= 1 ? std::round(value / unit) * unit : std::round(value / unit) / std::round(1 / unit);
}

Result<std::string> valueOf(const std::string& text, const std::string& key) {
    if (text.empty()) return Error{"--vary " + key + " has an empty value; " + how_to_write};
    if (text == "on" || text == "true") return std::string("true");
    if (text == "off" || text == "false") return std::string("false");
    if (const auto number = numberOf(text)) {
        if (std::abs(*number) > largest_number)
            return Error{"--vary " + key + ": " + text + " is beyond 1e15; give a smaller value"};
        return numberText(*number);
    }
    return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<std::vector<std::string>> rangeOf(const std::vector<std::string>& parts, const std::string& key) {
    const auto mistake = [&](const std::string& what) { return Error{"--vary " + key + ": " + what}; };
    const auto from = numberOf(parts[0]), to = numberOf(parts[1]), count = numberOf(parts[3]);
    for (size_t i : {size_t{0}, size_t{1}, size_t{3}})
        if (!numberOf(parts[i])) return mistake("'" + parts[i] + "' is not a number; " + how_to_write);
    const bool logarithmic = parts[2] == "log";
    if (*count != std::floor(*count) || *count < 2 || *count > static_cast<double>(max_sweep_points))
        return mistake("the number of points is " + parts[3] + "; give a whole number from 2 to " +
                       std::to_string(max_sweep_points));
    if (*from >= *to) return mistake(parts[0] + " is not below " + parts[1] + "; write the smaller end first");
    if (std::abs(*from) > largest_number || std::abs(*to) > largest_number)
        return mistake("an end is beyond 1e15; give a smaller one");
    if (logarithmic && *from <= 0)
        return mistake(parts[0] + " has no place on a logarithmic range; begin above 0 or use lin");
    std::vector<std::string> values;
    const bool whole = *from == std::floor(*from) && *to == std::floor(*to);
    for (int64_t i = 0, n = static_cast<int64_t>(*count); i < n; ++i) {
        const double share = static_cast<double>(i) / static_cast<double>(n - 1);
        double value = logarithmic ? threeDigits(*from * std::pow(*to / *from, share)) : *from + share * (*to - *from);
        if (whole) value = std::round(value);
        if (i == 0) value = *from;
        if (i == n - 1) value = *to;
        values.push_back(numberText(value));
    }
    return values;
}

void appendOperand(std::string& text, const Operand& o) {
    text += std::to_string(static_cast<int32_t>(o.buffer)) + ':' + std::to_string(o.offset) + ':' +
            std::to_string(o.rank_stride) + ':' + std::to_string(o.elements) + ':' +
            std::to_string(static_cast<int>(o.access)) + ' ';
}

} // namespace

Result<SweepKey> parseVary(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
        return Error{"--vary " + text + " is not KEY=VALUES; " + how_to_write};
    SweepKey key{text.substr(0, equals), {}};
    const std::string given = text.substr(equals + 1);
    std::vector<std::string> values;
    if (given.find(':') != std::string::npos) {
        const std::vector<std::string> parts = split(given, ':');
        if (parts.size() != 4 || (parts[2] != "log" && parts[2] != "lin"))
            return Error{"--vary " + key.key + ": '" + given + "' is no range; " + how_to_write};
        Result<std::vector<std::string>> range = rangeOf(parts, key.key);
        if (!range) return range.error();
        values = *std::move(range);
    } else {
        for (const std::string& part : split(given, ',')) {
            Result<std::string> value = valueOf(part, key.key);
            if (!value) return value.error();
            values.push_back(*std::move(value));
        }
    }
    for (std::string& value : values)
        if (std::find(key.values.begin(), key.values.end(), value) == key.values.end())
            key.values.push_back(std::move(value));
    return key;
}

std::string canonicalValue(const std::string& json) {
    const auto number = numberOf(json);
    return number ? numberText(*number) : json;
}

Result<std::string> resolveKey(const std::string& name, const Config& config) {
    std::vector<const Setting*> found;
    std::vector<std::string_view> known;
    for (const Setting& setting : config.settings) {
        if (setting.key == name || setting.key.ends_with("." + name)) found.push_back(&setting);
        const size_t dot = setting.key.rfind('.');
        known.push_back(std::string_view(setting.key).substr(dot == std::string::npos ? 0 : dot + 1));
        if (name.find('.') != std::string::npos) known.back() = setting.key;
    }
    if (const auto whole = std::find_if(found.begin(), found.end(), [&](const Setting* s) { return s->key == name; });
        whole != found.end())
        found = {*whole};
    if (found.empty()) {
        const std::string close = closeName(name, known);
        return Error{"--vary " + name + ": this configuration has no such key; " +
                     (close.empty() ? std::string("shardscope config explain lists those it has")
                                    : "did you mean " + close + "?")};
    }
    if (found.size() > 1) {
        std::string names;
        for (const Setting* setting : found) names += (names.empty() ? "" : " or ") + setting->key;
        return Error{"--vary " + name + " could be " + names + "; write the whole name"};
    }
    if (found.front()->inert)
        return Error{"--vary " + found.front()->key +
                     " has no effect in this runtime, so there is nothing to measure; "
                     "choose another key"};
    return found.front()->key;
}

Result<std::vector<std::vector<std::string>>> sweepPoints(const std::vector<SweepKey>& keys) {
    std::vector<std::vector<std::string>> points = {{}};
    for (const SweepKey& key : keys) {
        if (points.size() * key.values.size() > max_sweep_points)
            return Error{"--vary makes more than " + std::to_string(max_sweep_points) +
                         " points; give fewer values per key"};
        std::vector<std::vector<std::string>> longer;
        for (const auto& point : points)
            for (const std::string& value : key.values) {
                longer.push_back(point);
                longer.back().push_back(value);
            }
        points = std::move(longer);
    }
    return points;
}

bool shapesProgramOnly(const std::string& key) {
    static constexpr std::array keys = {"zero_optimization.reduce_bucket_size",
                                        "zero_optimization.allgather_bucket_size",
                                        "zero_optimization.overlap_comm",
                                        "zero_optimization.sub_group_size",
                                        "zero_optimization.stage3_prefetch_bucket_size",
                                        "zero_optimization.stage3_param_persistence_threshold",
                                        "zero_optimization.stage3_model_persistence_threshold",
                                        "zero_optimization.stage3_max_live_parameters",
                                        "zero_optimization.stage3_max_reuse_distance"};
    return std::any_of(keys.begin(), keys.end(), [&](const char* known) { return key == known; });
}

std::string programText(const StepProgram& program) {
    std::string text;
    const auto add = [&text](auto... numbers) { ((text += std::to_string(numbers) + ' '), ...); };
    for (const BufferInfo& b : program.buffers) {
        add(static_cast<int>(b.dtype), b.elements, static_cast<int>(b.category), static_cast<int>(b.tier),
            static_cast<int>(b.persistent));
        for (const ElementRange& range : b.zeroed) add(range.first, range.elements);
        text += '\n';
    }
    for (const Op& op : program.ops) {
        add(static_cast<int>(op.kind), static_cast<int>(op.lane), static_cast<int>(op.op_class),
            static_cast<int>(op.compute), static_cast<int>(op.phase), op.layer, op.bucket, op.micro_batch,
            static_cast<int32_t>(op.buffer), op.elements, op.bytes);
        for (const Operand& operand : op.operands) appendOperand(text, operand);
        for (const int64_t dimension : op.dims) add(dimension);
        for (const CollectivePiece& p : op.pieces)
            add(static_cast<int32_t>(p.full), p.full_offset, p.slice_stride, p.slice_elements,
                static_cast<int32_t>(p.shard), p.shard_offset);
        for (const OpId id : op.waits_for) add(static_cast<int64_t>(id));
        add(op.value);
        text += '\n';
    }
    return text;
}

} // namespace shardscope
