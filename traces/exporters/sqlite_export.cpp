// SPDX-License-Identifier: Apache-2.0
#include "traces/exporters/lane_stream.h"
#include "traces/exporters/output_file.h"
#include "traces/query.h"
#include "traces/sqlite_db.h"
#include <cstdio>
#include <fmt/format.h>

namespace shardscope {

namespace {

constexpr const char* tables_sql =
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
    "CREATE TABLE run(key TEXT, value TEXT);"
    "CREATE TABLE op(op INTEGER, name TEXT, lane TEXT, phase TEXT, op_class TEXT, layer INTEGER, bucket INTEGER,"
    "                elements INTEGER, bytes INTEGER, config_key TEXT);"
    "CREATE TABLE op_wait(op INTEGER, waits_for INTEGER);"
    "CREATE TABLE step(step INTEGER, start_ns INTEGER, end_ns INTEGER, loss REAL, learning_rate REAL, tokens INTEGER,"
    "                  gradient_norm REAL, loss_scale REAL, skipped INTEGER);"
    "CREATE TABLE warning(kind TEXT, text TEXT, count INTEGER);"
    "CREATE TABLE event(rank INTEGER, lane TEXT, lane_name TEXT, name TEXT, step INTEGER, phase TEXT, op_class TEXT,"
    "                   layer INTEGER, bucket INTEGER, start_ns INTEGER, end_ns INTEGER, duration_ns INTEGER,"
    "                   elements INTEGER, bytes INTEGER, sent_bytes INTEGER, wait_ns INTEGER, emulated_ns INTEGER,"
    "                   op INTEGER);"
    "CREATE TABLE memory(time_ns INTEGER, rank INTEGER, tier TEXT, category TEXT, delta_bytes INTEGER, buffer TEXT,"
    "                    op INTEGER, step INTEGER);";

// Rows are bound from the first column to the last.
class Insert {
public:
    bool prepare(Database& db, const char* table, int columns) {
        std::string sql = fmt::format("INSERT INTO {} VALUES (?", table);
        for (int i = 1; i < columns; ++i) sql += ",?";
        return m_statement.prepare(db, (sql + ")").c_str());
    }
    Insert& integer(int64_t value) {
        m_statement.bind(m_next++, value);
        return *this;
    }
    Insert& integerUnless(int64_t value, int64_t none) {
        m_statement.bindUnless(m_next++, value, none);
        return *this;
    }
    Insert& real(double value) {
        m_statement.bind(m_next++, value);
        return *this;
    }
    Insert& text(std::string_view value) {
        m_statement.bind(m_next++, value);
        return *this;
    }
    Insert& cell(const Cell& value) {
        if (const auto* integer_value = std::get_if<int64_t>(&value)) return integer(*integer_value);
        if (const auto* real_value = std::get_if<double>(&value)) return real(*real_value);
        if (const auto* text_value = std::get_if<std::string>(&value)) return text(*text_value);
        m_statement.bindNull(m_next++);
        return *this;
    }
    bool run() {
        m_next = 0;
        return m_statement.run();
    }

private:
    Statement m_statement;
    int m_next = 0;
};

bool writeSmallTables(Database& db, const TraceReader& trace) {
    Insert run, op, wait, step, warning;
    bool ok = run.prepare(db, "run", 2) && op.prepare(db, "op", 10) && wait.prepare(db, "op_wait", 2) &&
              step.prepare(db, "step", 9) && warning.prepare(db, "warning", 3);
    for (const auto& [key, value] : trace.run()) ok = ok && run.text(key).text(value).run();
    for (const ProgramOpEvent& o : trace.program()) {
        ok = ok && op.integer(static_cast<int64_t>(o.op))
                       .text(o.name)
                       .text(toText(o.lane))
                       .text(toText(o.phase))
                       .text(toText(o.op_class))
                       .integerUnless(o.layer, -1)
                       .integerUnless(o.bucket, -1)
                       .integer(o.elements)
                       .integer(o.bytes)
                       .text(o.config_key)
                       .run();
        for (const OpId w : o.waits_for)
            ok = ok && wait.integer(static_cast<int64_t>(o.op)).integer(static_cast<int64_t>(w)).run();
    }
    for (const StepEvent& s : trace.steps())
        ok = ok && step.integer(s.step)
                       .integer(s.start_ns)
                       .integer(s.end_ns)
                       .real(s.loss)
                       .real(s.learning_rate)
                       .integer(s.tokens)
                       .real(s.gradient_norm)
                       .real(s.loss_scale)
                       .integer(s.skipped)
                       .run();
    for (const WarningEvent& w : trace.warnings()) ok = ok && warning.text(w.kind).text(w.text).integer(w.count).run();
    return ok;
}

Result<int64_t> writeEvents(Database& db, const TraceReader& trace, TimeRange range) {
    Insert event;
    bool ok = event.prepare(db, "event", 18);
    int64_t count = 0;
    const auto lanes = trace.lanes();
    for (size_t i = 0; i < lanes.size() && ok; ++i) {
        const auto streamed =
            forEachOfLane(trace.path(), static_cast<LaneId>(i), range, [&](const IntervalEvent& e, bool) {
                const std::string name = trace.name(e.name);
                ok = ok && event.integer(lanes[i].rank)
                               .text(toText(lanes[i].kind))
                               .text(lanes[i].name)
                               .text(name)
                               .integerUnless(e.step, -1)
                               .text(toText(e.phase))
                               .text(toText(e.op_class))
                               .integerUnless(e.layer, -1)
                               .integerUnless(e.bucket, -1)
                               .integer(e.start_ns)
                               .integer(e.end_ns)
                               .integer(e.end_ns - e.start_ns)
                               .integer(e.elements)
                               .integer(e.bytes)
                               .integer(e.sent_bytes)
                               .integer(e.wait_ns)
                               .integer(e.emulated_ns)
                               .integerUnless(static_cast<int64_t>(e.op), -1)
                               .run();
                ++count;
            });
        if (!streamed) return streamed.error();
    }
    return ok ? count : -1;
}

Result<bool> writeMemory(Database& db, const TraceReader& trace, TimeRange range) {
    Insert memory;
    bool ok = memory.prepare(db, "memory", 8);
    const auto read = queryTrace(
        trace.path(),
        fmt::format("SELECT time_ns, rank, tier, category, delta_bytes, buffer, op, step FROM memory "
                    "WHERE time_ns < {} ORDER BY id",
                    range.end_ns),
        {}, [](const auto&) {},
        [&](const Row& row) {
            for (const Cell& cell : row) memory.cell(cell);
            return ok = ok && memory.run();
        });
    if (!read) return read.error();
    return ok;
}

} // namespace

Result<ExportEnd> exportSqlite(const std::string& path, const std::string& output, const ExportOptions& options) {
    const auto trace = TraceReader::open(path);
    if (!trace) return trace.error();
    const auto range = exportedRange(**trace, options);
    if (!range) return range.error();
    const auto temporary = temporaryFor(output);
    if (!temporary) return temporary.error();
    Database db;
    const auto abandon = [&](const Error& error) {
        db.close();
        std::remove(temporary->c_str());
        return error;
    };
    const auto unwritable = [&] {
        return abandon({fmt::format("'{}' could not be written ({}); check the disk and the folder's permissions.",
                                    output, db.message())});
    };
    if (!db.open(*temporary, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) || !db.exec(tables_sql) ||
        !writeSmallTables(db, **trace))
        return unwritable();
    const auto events = writeEvents(db, **trace, *range);
    if (!events) return abandon(events.error());
    const auto memory = writeMemory(db, **trace, *range);
    if (!memory) return abandon(memory.error());
    if (*events < 0 || !*memory || !db.exec("COMMIT")) return unwritable();
    db.close();
    if (std::rename(temporary->c_str(), output.c_str()) != 0)
        return abandon(
            {fmt::format("'{}' could not be renamed to '{}'; check the folder's permissions.", *temporary, output)});
    return ExportEnd{{output}, *events};
}

} // namespace shardscope
