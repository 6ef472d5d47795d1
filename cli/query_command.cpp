// SPDX-License-Identifier: Apache-2.0
// query: read-only SQL over a trace.
#include "cli/command.h"
#include "profiler/analysis/table.h"
#include "traces/csv.h"
#include "traces/query.h"
#include <CLI/CLI.hpp>
#include <fmt/core.h>

namespace shardscope::cli {
namespace {

struct QueryCommand {
    std::string file, sql, format = "text";
    int64_t rows = 10'000;
    double timeout_s = 30;
};

int listTables(const QueryCommand& command) {
    const auto tables = describeTables(command.file);
    if (!tables) return fail(tables.error());
    std::string text;
    for (const std::string& table : *tables) text += printable(table) + "\n";
    print(text);
    return success;
}

int query(const QueryCommand& command) {
    if (command.rows < 0) return fail({"--limit is negative; use 0 for all rows."});
    if (!(command.timeout_s >= 0 && command.timeout_s < 1e9))
        return fail({"--timeout is not a number of seconds; use 0 for no limit."});
    if (command.sql.empty()) return listTables(command);
    Report report;
    Table& table = report.tables.emplace_back();
    table.name = "rows";
    std::string csv; // printed as it comes: it may be long
    const auto end = queryTrace(
        command.file, command.sql, {command.rows, static_cast<int64_t>(command.timeout_s * 1000)},
        [&](const std::vector<std::string>& columns) {
            table.columns = columns;
            if (command.format == "csv") appendCsvHeader(csv, columns);
        },
        [&](const Row& row) {
            if (command.format != "csv") {
                table.rows.push_back(row);
                return true;
            }
            appendCsv(csv, row);
            if (csv.size() > (1 << 16)) {
                fmt::print("{}", csv);
                csv.clear();
            }
            return std::ferror(stdout) == 0;
        });
    if (!end) return fail(end.error());
    const std::string left_out =
        end->more ? fmt::format("Only the first {} rows; --limit 0 shows all.", end->rows) : std::string();
    if (command.format == "csv") {
        fmt::print("{}", csv);
        if (end->more) fmt::print(stderr, "shardscope: {}\n", left_out);
        return success;
    }
    if (end->more) report.notes.push_back(left_out);
    if (command.format == "text" && table.rows.empty()) report.notes.push_back("No rows.");
    return printReport(report, {command.format, {}});
}

} // namespace

void addQueryCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<QueryCommand>();
    CLI::App* sub = app.add_subcommand("query", "Read-only SQL over a trace; without a statement, its tables");
    sub->add_option("file", command->file, "A trace")->required()->type_name("FILE");
    sub->add_option("sql", command->sql, "One SELECT; tables and views are in traces/FORMAT.md")->type_name("SELECT");
    sub->add_option("--format", command->format, "text for people, json for programs, csv for spreadsheets")
        ->check(CLI::IsMember({"text", "json", "csv"}))
        ->capture_default_str();
    sub->add_option("--limit", command->rows, "Rows at most; 0: all")->capture_default_str();
    sub->add_option("--timeout", command->timeout_s, "Seconds at most; 0: no limit")->capture_default_str();
    sub->footer("Examples:\n"
                "  shardscope query zero2.shardscope\n"
                "  shardscope query zero2.shardscope \"SELECT name, sum(duration_ns) AS total_ns FROM event "
                "GROUP BY name ORDER BY 2 DESC LIMIT 5\" --format csv");
    sub->callback([command, &invocation] { invocation.exit_code = query(*command); });
}

} // namespace shardscope::cli
