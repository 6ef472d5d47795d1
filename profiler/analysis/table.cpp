// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/table.h"
#include "profiler/analysis/table_json.h"
#include "profiler/analysis/text_table.h"
#include "traces/csv.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace shardscope {

namespace {

constexpr size_t widest_text = 48; // of a cell; CSV and JSON have it whole

// How text shows the numbers of a column.
struct Shown {
    enum Unit { plain, time, bytes, percent } unit = plain;
    TimeUnit time_unit{"ns", 1};
    std::string head;
    bool text = false;
};

double magnitude(const Cell& cell) {
    if (const auto* integer = std::get_if<int64_t>(&cell)) return std::abs(static_cast<double>(*integer));
    if (const auto* real = std::get_if<double>(&cell)) return std::abs(*real);
    return 0;
}

Shown shownAs(const Table& table, size_t column) {
    Shown shown;
    const std::string& name = table.columns[column];
    shown.head = name;
    double largest = 0;
    for (const Row& row : table.rows) {
        if (column >= row.size()) continue;
        largest = std::max(largest, magnitude(row[column]));
        shown.text = shown.text || std::holds_alternative<std::string>(row[column]);
    }
    const auto strip = [&](size_t suffix) { shown.head = name.substr(0, name.size() - suffix); };
    if (name.ends_with("_ns")) {
        shown.unit = Shown::time;
        shown.time_unit = TimeUnit::fitting(static_cast<int64_t>(std::min(largest, 9e18)));
        strip(3);
        shown.head += fmt::format(", {}", shown.time_unit.name);
    } else if (name.ends_with("_bytes") || name == "bytes") {
        shown.unit = Shown::bytes;
        if (name != "bytes") strip(6);
        shown.head += ", MiB";
    } else if (name.ends_with("percent")) {
        shown.unit = Shown::percent;
        strip(7);
        shown.head += "%";
    } else if (name.ends_with("gflop_per_s")) {
        strip(11);
        shown.head += "GFLOP/s";
    } else if (name.ends_with("gb_per_s")) {
        strip(8);
        shown.head += "GB/s";
    } else if (name.ends_with("_per_s")) {
        strip(6);
        shown.head += "/s";
    }
    for (const std::string unit : {"%", "GFLOP/s", "GB/s"})
        if (shown.head.ends_with('_' + unit))
            shown.head.replace(shown.head.size() - unit.size() - 1, std::string::npos, ", " + unit);
    std::replace(shown.head.begin(), shown.head.end(), '_', ' ');
    return shown;
}

std::string shorten(const std::string& text) {
    const std::string clean = printable(text);
    if (clean.size() <= widest_text) return clean;
    size_t end = widest_text - 3;
    while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xc0) == 0x80) --end; // not inside a character
    return clean.substr(0, end) + "...";
}

std::string cellText(const Cell& cell, const Shown& shown) {
    if (const auto* text = std::get_if<std::string>(&cell)) return shorten(*text);
    const auto* integer = std::get_if<int64_t>(&cell);
    const auto* real = std::get_if<double>(&cell);
    if (!integer && !(real && std::isfinite(*real))) return "-";
    switch (shown.unit) {
    case Shown::time:
        return integer ? shown.time_unit.text(*integer) : fmt::format("{:.2f}", *real / shown.time_unit.ns);
    case Shown::bytes:
        return mebibytes(integer ? *integer : static_cast<int64_t>(*real));
    case Shown::percent:
        return fmt::format("{:.1f}", integer ? static_cast<double>(*integer) : *real);
    default:
        if (integer) return std::to_string(*integer);
        return std::abs(*real) >= 1e4 && std::abs(*real) < 1e15 ? fmt::format("{:.0f}", *real)
                                                                : fmt::format("{:.4g}", *real);
    }
}

nlohmann::ordered_json cellJson(const Cell& cell) {
    if (const auto* integer = std::get_if<int64_t>(&cell)) return *integer;
    if (const auto* real = std::get_if<double>(&cell); real && std::isfinite(*real)) return *real;
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    return nullptr;
}

// Those that text shows.
std::vector<size_t> textRows(const Table& table) {
    std::vector<size_t> rows(table.rows.size());
    std::iota(rows.begin(), rows.end(), size_t{0});
    if (table.text_rows == 0 || table.text_rows >= rows.size()) return rows;
    const auto kept = rows.begin() + static_cast<std::ptrdiff_t>(table.text_rows);
    if (table.largest_by >= 0) {
        const auto size = [&](size_t r) {
            const auto* value = std::get_if<int64_t>(&table.rows[r][static_cast<size_t>(table.largest_by)]);
            return value ? *value : 0;
        };
        std::stable_sort(rows.begin(), rows.end(), [&](size_t a, size_t b) { return size(a) > size(b); });
        std::sort(rows.begin(), kept);
    }
    rows.erase(kept, rows.end());
    return rows;
}

} // namespace

std::string printable(const std::string& text) {
    std::string clean = text;
    for (char& c : clean)
        if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
    return clean;
}

std::string tableText(const Table& table) {
    std::vector<Shown> shown;
    TextTable text;
    std::vector<std::string> head;
    for (size_t c = 0; c < table.columns.size(); ++c) {
        shown.push_back(shownAs(table, c));
        head.push_back(shown.back().head);
        if (shown.back().text) text.alignLeft(c);
    }
    text.add(std::move(head));
    const std::vector<size_t> rows = textRows(table);
    const size_t count = rows.size();
    for (const size_t r : rows) {
        std::vector<std::string> line;
        for (size_t c = 0; c < table.rows[r].size(); ++c) line.push_back(cellText(table.rows[r][c], shown[c]));
        text.add(std::move(line));
    }
    std::string out = table.title.empty() ? std::string() : table.title + "\n";
    out += text.text("  ");
    if (count < table.rows.size())
        out += fmt::format("  ... and {} {}; --format csv --table {} shows all\n", table.rows.size() - count,
                           table.largest_by < 0 ? "more" : "smaller ones between them", table.name);
    return out;
}

std::string reportText(const Report& report) {
    std::string out;
    for (const Table& table : report.tables) {
        if (table.rows.empty()) continue;
        if (!out.empty()) out += "\n";
        out += tableText(table);
    }
    if (!out.empty() && !report.notes.empty()) out += "\n";
    for (const std::string& note : report.notes) out += printable(note) + "\n";
    return out;
}

nlohmann::ordered_json rowsJson(const Table& table) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const Row& row : table.rows) {
        nlohmann::ordered_json object = nlohmann::ordered_json::object();
        for (size_t c = 0; c < row.size() && c < table.columns.size(); ++c) object[table.columns[c]] = cellJson(row[c]);
        rows.push_back(std::move(object));
    }
    return rows;
}

std::string dumpJson(const nlohmann::ordered_json& json) {
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string reportJson(const Report& report) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const Table& table : report.tables) json[table.name] = rowsJson(table);
    json["notes"] = report.notes;
    return dumpJson(json);
}

Result<std::string> reportCsv(const Report& report, const std::string& name) {
    std::string names;
    for (const Table& table : report.tables) {
        names += (names.empty() ? "" : ", ") + table.name;
        if (!name.empty() && table.name != name) continue;
        std::string out;
        appendCsvHeader(out, table.columns);
        for (const Row& row : table.rows) appendCsv(out, row);
        return out;
    }
    return Error{fmt::format("There is no table '{}' here; --table takes one of: {}.", name, names)};
}

} // namespace shardscope
