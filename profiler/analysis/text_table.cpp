// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace shardscope {

namespace {

// Columns of a terminal; the few characters beyond ASCII that we print are one column wide.
size_t widthOf(const std::string& text) {
    return static_cast<size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

} // namespace

std::string TextTable::text(const std::string& indent) const {
    std::vector<size_t> widths;
    for (const auto& row : m_rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], widthOf(row[c]));
    }
    size_t whole = 0;
    for (size_t c = 0; c < widths.size(); ++c) whole += widths[c] + (c ? 2 : 0);
    std::string out;
    for (const auto& row : m_rows) {
        std::string line = indent;
        if (row.empty()) line += std::string(whole, '-');
        for (size_t c = 0; c < row.size(); ++c) {
            const size_t padding = widths[c] - widthOf(row[c]);
            const bool left = m_left.count(c) > 0;
            if (c > 0) line.append(2, ' ');
            if (!left) line.append(padding, ' ');
            line += row[c];
            if (left) line.append(padding, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    }
    return out;
}

TimeUnit TimeUnit::fitting(int64_t largest_ns) {
    if (largest_ns < 10'000) return {"ns", 1};
    if (largest_ns < 10'000'000) return {"us", 1e3};
    if (largest_ns < 10'000'000'000) return {"ms", 1e6};
    return {"s", 1e9};
}

std::string TimeUnit::text(int64_t value_ns) const {
    const double value = static_cast<double>(value_ns) / ns;
    return ns == 1 ? std::to_string(value_ns) : fmt::format("{:.{}f}", value, ns == 1e3 ? 1 : 2);
}

std::string mebibytes(int64_t bytes) {
    if (bytes == 0) return "0";
    const double value = static_cast<double>(bytes) / (1 << 20);
    return std::abs(value) < 0.005 ? "<0.01" : fmt::format("{:.2f}", value);
}

std::string grouped(double number) {
    const std::string digits = fmt::format("{:.0f}", std::abs(number));
    if (!std::isfinite(number)) return digits;
    std::string out = number < 0 ? "-" : "";
    for (size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) out.push_back(' ');
        out.push_back(digits[i]);
    }
    return out;
}

} // namespace shardscope
