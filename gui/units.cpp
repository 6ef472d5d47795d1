// SPDX-License-Identifier: Apache-2.0
#include "gui/units.h"
#include "gui/canvas/format.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace shardscope::gui {

Unit timeUnit(int64_t largest_ns) {
    if (largest_ns < 1'000) return {1, "ns"};
    if (largest_ns < 1'000'000) return {1e3, "µs"};
    if (largest_ns < 10'000'000'000) return {1e6, "ms"};
    return {1e9, "s"};
}

Unit byteUnit(int64_t largest_bytes) {
    constexpr const char* names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t power = 0;
    double size = 1;
    while (power + 1 < std::size(names) && static_cast<double>(largest_bytes) >= size * 1024) {
        size *= 1024;
        ++power;
    }
    return {size, names[power]};
}

std::string significant(double value, int digits) {
    const double magnitude = std::abs(value);
    int before_point = 1;
    for (double limit = 10; magnitude >= limit && before_point < 18; limit *= 10) ++before_point;
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", std::max(0, digits - before_point), value);
    return text;
}

std::string inUnit(int64_t value, const Unit& unit, int significant_digits) {
    return significant(static_cast<double>(value) / unit.size, significant_digits);
}

std::string spreadInUnit(int64_t value, const Unit& unit) {
    for (int digits = 2; digits < 5; ++digits)
        if (const std::string text = inUnit(value, unit, digits); text.find_first_of("123456789") != std::string::npos)
            return text;
    return "0";
}

bool parseReal(const std::string& text, double& value) {
    std::string digits;
    for (const char c : text)
        if (c != ',' && c != ' ' && c != '_') digits += c;
    if (digits.empty()) return false;
    char* end = nullptr;
    const double parsed = std::strtod(digits.c_str(), &end);
    if (*end != '\0' || !std::isfinite(parsed)) return false;
    value = parsed;
    return true;
}

bool parseInteger(const std::string& text, int64_t& value) {
    double parsed = 0;
    if (!parseReal(text, parsed) || parsed != std::floor(parsed) || std::abs(parsed) > 9e15) return false;
    value = static_cast<int64_t>(parsed);
    return true;
}

std::string shortInteger(int64_t value) {
    int zeros = 0;
    int64_t rest = value;
    while (rest != 0 && rest % 10 == 0) {
        rest /= 10;
        ++zeros;
    }
    if (zeros >= 5 && rest > 0 && rest < 10) return std::to_string(rest) + "e" + std::to_string(zeros);
    return formatCount(value);
}

std::string shortValue(const std::string& value) {
    const bool integer =
        !value.empty() && value.size() <= 15 && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    return integer && value.size() >= 5 ? shortInteger(std::stoll(value)) : value;
}

} // namespace shardscope::gui
