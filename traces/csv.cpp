// SPDX-License-Identifier: Apache-2.0
#include "traces/csv.h"
#include <cmath>
#include <fmt/format.h>

namespace shardscope {

namespace {

void appendField(std::string& out, const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

} // namespace

void appendCsv(std::string& out, const Row& row) {
    for (size_t c = 0; c < row.size(); ++c) {
        if (c > 0) out += ',';
        if (const auto* integer = std::get_if<int64_t>(&row[c]))
            fmt::format_to(std::back_inserter(out), "{}", *integer);
        if (const auto* real = std::get_if<double>(&row[c]); real && std::isfinite(*real))
            fmt::format_to(std::back_inserter(out), "{}", *real);
        if (const auto* text = std::get_if<std::string>(&row[c])) appendField(out, *text);
    }
    out += '\n';
}

void appendCsvHeader(std::string& out, const std::vector<std::string>& columns) {
    for (size_t c = 0; c < columns.size(); ++c) {
        if (c > 0) out += ',';
        appendField(out, columns[c]);
    }
    out += '\n';
}

} // namespace shardscope
