// SPDX-License-Identifier: Apache-2.0
#include "traces/query.h"
#include "traces/column_table.h"
#include "traces/sqlite_db.h"
#include "traces/trace_loader.h"
#include "traces/trace_reader.h"
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shardscope {

namespace {

using Clock = std::chrono::steady_clock;
constexpr int open_timeout_ms = 2000;
constexpr int steps_between_checks = 10'000; // of SQLite's virtual machine: well below a millisecond

// Reading tables, calling plain functions and asking for the schema is all that a question needs.
int authorize(void*, int action, const char* first, const char* second, const char*, const char*) {
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION: // the name is the second argument
        return second && std::strcmp(second, "load_extension") != 0 ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA:
        for (const char* harmless : {"table_info", "table_list", "table_xinfo"})
            if (first && std::strcmp(first, harmless) == 0) return SQLITE_OK;
        return SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

Cell cellOf(sqlite3_stmt* statement, int column) {
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_FLOAT:
        return sqlite3_column_double(statement, column);
    case SQLITE_TEXT:
        return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)),
                           static_cast<size_t>(sqlite3_column_bytes(statement, column)));
    case SQLITE_BLOB:
        return fmt::format("({} bytes)", sqlite3_column_bytes(statement, column));
    default:
        return std::monostate();
    }
}

bool onlySpace(const char* sql) {
    for (; *sql; ++sql)
        if (!std::strchr(" \t\r\n;", *sql)) return false;
    return true;
}

bool columnsOnly(Database& db) {
    Statement rows;
    return rows.prepare(db, "SELECT 1 FROM lane_chunk WHERE NOT EXISTS (SELECT 1 FROM event_row) LIMIT 1") &&
           rows.step();
}

struct Deadline {
    Clock::time_point end;
    bool limited = false, passed = false;
    const std::atomic<bool>* stop = nullptr;
    bool stopped = false;
};

int checkDeadline(void* data) {
    auto& deadline = *static_cast<Deadline*>(data);
    deadline.passed = deadline.limited && Clock::now() > deadline.end;
    deadline.stopped = deadline.stop && deadline.stop->load(std::memory_order_relaxed);
    return deadline.passed || deadline.stopped;
}

} // namespace

Result<QueryEnd> queryTrace(const std::string& path, const std::string& sql, const QueryLimits& limits,
                            const ColumnsFunction& on_columns, const RowFunction& on_row, QueryFault* fault) {
    // The reader knows every reason why a file cannot be read; the loader then opens it with its usual precautions.
    const auto trace = TraceReader::open(path);
    if (!trace) return trace.error();
    TraceLoader loader(path);
    const auto access = loader.connect(open_timeout_ms);
    if (!access) return access.error();
    if (*access == TraceLoader::Access::busy)
        return Error{
            fmt::format("'{}' is locked by another program; close that program or wait, then ask again.", path)};
    Database& db = loader.database();
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_ENABLE_VIEW, 1, nullptr); // the views of the format
    sqlite3_limit(db.handle(), SQLITE_LIMIT_ATTACHED, 0);
    if (columnsOnly(db) && !serveColumns(db, **trace))
        return Error{fmt::format("The columns of '{}' cannot be read ({}); import it again with --rows yes.", path,
                                 db.message())};
    Deadline deadline{Clock::now() + std::chrono::milliseconds(limits.milliseconds), limits.milliseconds > 0, false,
                      limits.stop, false};
    sqlite3_progress_handler(db.handle(), steps_between_checks, checkDeadline, &deadline);
    sqlite3_set_authorizer(db.handle(), authorize, nullptr);

    const auto refuse = [&](int code) -> Error {
        if (deadline.stopped) return {"The query was stopped."};
        if (deadline.passed)
            return {fmt::format("The query took longer than {} ms; narrow it or allow more with --timeout.",
                                limits.milliseconds)};
        const char* hint = code == SQLITE_AUTH
                               ? "a trace is only read: use one SELECT without ATTACH, PRAGMA or writing statements"
                               : "'shardscope query FILE' without a statement lists tables and columns";
        return {fmt::format("The query cannot be answered ({}); {}.", sqlite3_errmsg(db.handle()), hint)};
    };
    sqlite3_stmt* handle = nullptr;
    const char* tail = nullptr;
    const int prepared = sqlite3_prepare_v2(db.handle(), sql.c_str(), static_cast<int>(sql.size()), &handle, &tail);
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(handle, sqlite3_finalize);
    if (prepared != SQLITE_OK) {
#if SQLITE_VERSION_NUMBER >= 3038000
        if (fault) fault->at = sqlite3_error_offset(db.handle());
#endif
        return refuse(prepared);
    }
    if (!handle) return Error{"The query is empty; write a SELECT such as \"SELECT * FROM event LIMIT 10\"."};
    if (!onlySpace(tail)) return Error{"There is more than one statement; ask them one by one."};
    if (!sqlite3_stmt_readonly(handle)) return refuse(SQLITE_AUTH);

    std::vector<std::string> columns;
    for (int c = 0; c < sqlite3_column_count(handle); ++c) columns.emplace_back(sqlite3_column_name(handle, c));
    on_columns(columns);
    QueryEnd end;
    int code = SQLITE_OK;
    while ((code = sqlite3_step(handle)) == SQLITE_ROW) {
        if (limits.rows > 0 && end.rows == limits.rows) {
            end.more = true;
            return end;
        }
        Row row;
        for (int c = 0; c < static_cast<int>(columns.size()); ++c) row.push_back(cellOf(handle, c));
        ++end.rows;
        if (!on_row(row)) return end;
    }
    if (code != SQLITE_DONE) return refuse(code);
    return end;
}

Result<std::vector<std::string>> describeTables(const std::string& path) {
    std::vector<std::string> names, lines;
    const auto asked = queryTrace(
        path,
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' "
        "ORDER BY type DESC, name",
        {}, [](const auto&) {},
        [&](const Row& row) {
            if (const auto* name = std::get_if<std::string>(&row[0])) names.push_back(*name);
            return true;
        });
    if (!asked) return asked.error();
    for (const std::string& name : names) {
        std::string quoted;
        for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
        const auto described = queryTrace(
            path, "SELECT * FROM \"" + quoted + "\" LIMIT 0", {},
            [&](const std::vector<std::string>& columns) {
                lines.push_back(fmt::format("{}({})", name, fmt::join(columns, ", ")));
            },
            [](const Row&) { return true; });
        if (!described) return described.error();
    }
    return lines;
}

} // namespace shardscope
