// SPDX-License-Identifier: Apache-2.0
#include "traces/csv.h"
#include "traces/exporters/lane_stream.h"
#include "traces/exporters/output_file.h"
#include "traces/query.h"
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shardscope {

namespace {

std::string quoted(const std::string& name) {
    std::string text = "\"";
    for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + "\"";
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

} // namespace

Result<ExportEnd> exportCsv(const std::string& path, const std::string& output, const std::string& table,
                            const ExportOptions& options) {
    const auto trace = TraceReader::open(path);
    if (!trace) return trace.error();
    std::string sql = "SELECT * FROM " + quoted(table);
    std::vector<std::string> columns;
    const auto asked = queryTrace(
        path, sql + " LIMIT 0", {}, [&](const auto& names) { columns = names; }, [](const Row&) { return true; });
    if (!asked) {
        const auto tables = describeTables(path);
        if (!tables) return tables.error();
        return Error{fmt::format("There is no table '{}' in this trace; --table takes one of: {}.", table,
                                 fmt::join(*tables, "; "))};
    }
    if (options.range) {
        const auto range = exportedRange(**trace, options);
        if (!range) return range.error();
        if (contains(columns, "start_ns") && contains(columns, "end_ns"))
            sql += fmt::format(" WHERE start_ns < {} AND end_ns > {}", range->end_ns, range->start_ns);
        else if (contains(columns, "time_ns"))
            sql += fmt::format(" WHERE time_ns >= {} AND time_ns < {}", range->start_ns, range->end_ns);
        else
            return Error{fmt::format("The rows of '{}' have no times; leave out --range.", table)};
    }
    auto out = OutputFile::create(output);
    if (!out) return out.error();
    std::string lines;
    const auto end = queryTrace(
        path, sql, {}, [&](const auto& names) { appendCsvHeader(lines, names); },
        [&](const Row& row) {
            appendCsv(lines, row);
            (*out)->write(lines);
            lines.clear();
            return !(*out)->failed();
        });
    if (!end) return end.error();
    (*out)->write(lines); // the header of an empty table
    if (const auto finished = (*out)->finish(); !finished) return finished.error();
    return ExportEnd{{output}, end->rows};
}

} // namespace shardscope
