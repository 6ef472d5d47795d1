// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/table_data.h"
#include "gui/canvas/format.h"
#include "traces/csv.h"
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace shardscope::gui {
namespace {

double numberOf(const Cell& cell) {
    if (const auto* integer = std::get_if<int64_t>(&cell)) return static_cast<double>(*integer);
    if (const auto* real = std::get_if<double>(&cell)) return *real;
    return std::nan("");
}

bool endsWith(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string exactText(const Cell& cell) {
    if (const auto* integer = std::get_if<int64_t>(&cell)) return std::to_string(*integer);
    if (const auto* text = std::get_if<std::string>(&cell)) return *text;
    const auto* real = std::get_if<double>(&cell);
    if (!real || !std::isfinite(*real)) return {};
    char text[40];
    std::snprintf(text, sizeof text, "%.10g", *real);
    return text;
}

std::string oneLine(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
    return text;
}

} // namespace

TableText::TableText(const TableData& table)
    : m_table(table)
    , m_units(table.columns.size())
    , m_decimals(table.columns.size(), 0) {
    for (size_t c = 0; c < table.columns.size(); ++c) {
        const ColumnKind kind = table.columns[c].kind;
        if (kind != ColumnKind::time && kind != ColumnKind::bytes && kind != ColumnKind::rate) continue;
        double largest = 0;
        for (const Row& row : table.rows) {
            const double value = c < row.size() ? std::abs(numberOf(row[c])) : 0;
            if (value > largest) largest = value;
        }
        if (kind == ColumnKind::rate) {
            m_decimals[c] = largest < 10 ? 3 : largest < 100 ? 2 : largest < 1000 ? 1 : 0;
            continue;
        }
        const auto most = static_cast<int64_t>(std::min(largest, 9e18));
        m_units[c] = kind == ColumnKind::time ? timeUnit(most) : byteUnit(most);
    }
}

std::string TableText::head(size_t column) const {
    const TableColumn& c = m_table.columns[column];
    const std::string unit = c.kind == ColumnKind::percent ? "%" : m_units[column].name;
    return unit.empty() ? c.name : c.name + ", " + unit;
}

bool TableText::alignsRight(size_t column) const { return m_table.columns[column].kind != ColumnKind::text; }

std::string TableText::cell(size_t row, size_t column) const {
    const Row& cells = m_table.rows[row];
    if (column >= cells.size()) return {};
    const Cell& value = cells[column];
    if (const auto* text = std::get_if<std::string>(&value)) return oneLine(*text);
    const double number = numberOf(value);
    if (std::isnan(number)) return std::holds_alternative<std::monostate>(value) ? "" : "not a number";
    switch (m_table.columns[column].kind) {
    case ColumnKind::time:
    case ColumnKind::bytes: {
        const Unit& unit = m_units[column];
        if (unit.size == 1) return formatCount(static_cast<int64_t>(std::llround(number)));
        char text[48]; // as many decimals in every row, so that digits stand below each other
        std::snprintf(text, sizeof text, "%.3f", number / unit.size);
        return text;
    }
    case ColumnKind::percent: {
        char text[32];
        std::snprintf(text, sizeof text, "%.1f", number);
        return text;
    }
    case ColumnKind::rate: {
        char text[48];
        std::snprintf(text, sizeof text, "%.*f", m_decimals[column], number);
        return text;
    }
    case ColumnKind::count:
        if (const auto* integer = std::get_if<int64_t>(&value)) return formatCount(*integer);
        break;
    case ColumnKind::text:
        if (std::holds_alternative<int64_t>(value)) return exactText(value);
        break;
    case ColumnKind::real:
        break;
    }
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", number);
    return text;
}

std::string TableText::tooltip(size_t row, size_t column) const {
    const Row& cells = m_table.rows[row];
    if (column >= cells.size()) return {};
    const ColumnKind kind = m_table.columns[column].kind;
    if (const auto* integer = std::get_if<int64_t>(&cells[column])) {
        if (kind == ColumnKind::time) return formatCount(*integer) + " ns";
        if (kind == ColumnKind::bytes) return formatCount(*integer) + " B";
    }
    if (const auto* text = std::get_if<std::string>(&cells[column])) return *text;
    return {};
}

bool cellLess(const Cell& a, const Cell& b) {
    const auto rank = [](const Cell& cell) {
        if (std::holds_alternative<std::string>(cell)) return 2;
        return std::isnan(numberOf(cell)) ? 0 : 1;
    };
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    if (rank(a) == 0) return false;
    if (rank(a) == 2) return std::get<std::string>(a) < std::get<std::string>(b);
    const auto *left = std::get_if<int64_t>(&a), *right = std::get_if<int64_t>(&b);
    return left && right ? *left < *right : numberOf(a) < numberOf(b); // doubles would lose the last digits
}

std::string lowered(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return text;
}

bool rowMatches(const Row& row, const std::string& lower_needle) {
    return lower_needle.empty() || std::any_of(row.begin(), row.end(), [&](const Cell& cell) {
               return lowered(exactText(cell)).find(lower_needle) != std::string::npos;
           });
}

std::string tableTsv(const TableData& table, const std::vector<size_t>& rows) {
    const TableText text(table);
    std::string tsv;
    for (size_t c = 0; c < table.columns.size(); ++c) tsv += (c ? "\t" : "") + text.head(c);
    tsv += "\n";
    for (const size_t row : rows) {
        for (size_t c = 0; c < table.columns.size(); ++c) tsv += (c ? "\t" : "") + text.cell(row, c);
        tsv += "\n";
    }
    return tsv;
}

std::string tableCsv(const TableData& table, const std::vector<size_t>& rows) {
    const auto suffix = [](ColumnKind kind) {
        return kind == ColumnKind::time      ? "_ns"
               : kind == ColumnKind::bytes   ? "_bytes"
               : kind == ColumnKind::percent ? "_percent"
                                             : "";
    };
    std::string csv;
    std::vector<std::string> heads;
    for (const TableColumn& column : table.columns) {
        std::string name = column.name;
        std::replace(name.begin(), name.end(), ' ', '_');
        const std::string end = suffix(column.kind);
        heads.push_back(endsWith(name, end) ? name : name + end);
    }
    appendCsvHeader(csv, heads);
    for (const size_t row : rows) appendCsv(csv, table.rows[row]);
    return csv;
}

TableData tableOf(const Table& source) {
    TableData table{.name = source.name, .columns = {}, .rows = source.rows, .links = {}, .notes = {}};
    for (size_t c = 0; c < source.columns.size(); ++c) {
        TableColumn column{.name = source.columns[c], .kind = ColumnKind::text, .help = {}};
        const auto take = [&](std::string_view end, ColumnKind kind) {
            if (!endsWith(column.name, end)) return false;
            column.kind = kind;
            column.name.resize(column.name.size() - end.size());
            return true;
        };
        if (!take("_ns", ColumnKind::time) && !take("_bytes", ColumnKind::bytes) &&
            !take("_percent", ColumnKind::percent))
            for (const Row& row : source.rows) {
                if (c >= row.size() || std::holds_alternative<std::monostate>(row[c])) continue;
                column.kind = std::holds_alternative<int64_t>(row[c])  ? ColumnKind::count
                              : std::holds_alternative<double>(row[c]) ? ColumnKind::real
                                                                       : ColumnKind::text;
                break;
            }
        std::replace(column.name.begin(), column.name.end(), '_', ' ');
        table.columns.push_back(std::move(column));
    }
    return table;
}

} // namespace shardscope::gui
