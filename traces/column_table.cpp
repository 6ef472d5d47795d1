// SPDX-License-Identifier: Apache-2.0
#include "traces/column_table.h"
#include "schema_sql.h"
#include "traces/trace_reader.h"
#include <string>
#include <vector>

namespace shardscope {

namespace {

constexpr const char* declaration =
    "CREATE TABLE event_row(id INTEGER, lane INTEGER, start_ns INTEGER, end_ns INTEGER, op INTEGER, name INTEGER,"
    " step INTEGER, phase INTEGER, op_class INTEGER, layer INTEGER, bucket INTEGER, elements INTEGER, bytes INTEGER,"
    " sent_bytes INTEGER, wait_ns INTEGER, emulated_ns INTEGER, correlation INTEGER, process_group INTEGER)";

// SQLite hands these back to us, so they begin with its own parts.
struct ColumnTable : sqlite3_vtab {
    const TraceReader* trace = nullptr;
};

struct Cursor : sqlite3_vtab_cursor {
    const TraceReader* trace = nullptr;
    size_t lane = 0, next = 0;
    int64_t id = 0; // counts from 1 through the lanes in order
    std::vector<IntervalEvent> events;

    bool atEnd() const { return lane >= trace->lanes().size(); }
    void load() {
        const TimeRange span = trace->span();
        next = 0;
        for (; !atEnd(); ++lane) {
            events = trace->events(static_cast<LaneId>(lane), {span.start_ns, span.end_ns + 1});
            if (!events.empty()) return;
        }
    }
};

int connect(sqlite3* db, void* trace, int, const char* const*, sqlite3_vtab** result, char**) {
    const int code = sqlite3_declare_vtab(db, declaration);
    if (code != SQLITE_OK) return code;
    sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS); // it only reads what the file holds
    auto* table = new ColumnTable{};
    table->trace = static_cast<const TraceReader*>(trace);
    *result = table;
    return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
    delete static_cast<ColumnTable*>(table);
    return SQLITE_OK;
}

int bestIndex(sqlite3_vtab* table, sqlite3_index_info* plan) { // every question reads everything
    const auto events = static_cast<double>(static_cast<ColumnTable*>(table)->trace->eventCount());
    plan->estimatedCost = events + 1;
    plan->estimatedRows = static_cast<sqlite3_int64>(events);
    return SQLITE_OK;
}

int open(sqlite3_vtab* table, sqlite3_vtab_cursor** result) {
    auto* cursor = new Cursor{};
    cursor->trace = static_cast<ColumnTable*>(table)->trace;
    *result = cursor;
    return SQLITE_OK;
}

int close(sqlite3_vtab_cursor* cursor) {
    delete static_cast<Cursor*>(cursor);
    return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* cursor, int, const char*, int, sqlite3_value**) {
    auto& at = *static_cast<Cursor*>(cursor);
    at.lane = 0;
    at.id = 1;
    at.load();
    return SQLITE_OK;
}

int advance(sqlite3_vtab_cursor* cursor) {
    auto& at = *static_cast<Cursor*>(cursor);
    ++at.id;
    if (++at.next < at.events.size()) return SQLITE_OK;
    ++at.lane;
    at.load();
    return SQLITE_OK;
}

int atEnd(sqlite3_vtab_cursor* cursor) { return static_cast<Cursor*>(cursor)->atEnd(); }

int rowId(sqlite3_vtab_cursor* cursor, sqlite3_int64* id) {
    *id = static_cast<Cursor*>(cursor)->id;
    return SQLITE_OK;
}

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* out, int number) {
    const auto& at = *static_cast<Cursor*>(cursor);
    const IntervalEvent& e = at.events[at.next];
    const auto unless = [&](int64_t value, int64_t none) {
        value == none ? sqlite3_result_null(out) : sqlite3_result_int64(out, value);
    };
    const int64_t always = INT64_MIN; // no value of a trace
    switch (number) {
    case 0:
        return unless(at.id, always), SQLITE_OK;
    case 1:
        return unless(static_cast<int64_t>(e.lane), always), SQLITE_OK;
    case 2:
        return unless(e.start_ns, always), SQLITE_OK;
    case 3:
        return unless(e.end_ns, always), SQLITE_OK;
    case 4:
        return unless(static_cast<int64_t>(e.op), -1), SQLITE_OK;
    case 5:
        return unless(static_cast<int64_t>(e.name), -1), SQLITE_OK;
    case 6:
        return unless(e.step, -1), SQLITE_OK;
    case 7:
        return unless(static_cast<int64_t>(e.phase), always), SQLITE_OK;
    case 8:
        return unless(static_cast<int64_t>(e.op_class), always), SQLITE_OK;
    case 9:
        return unless(e.layer, -1), SQLITE_OK;
    case 10:
        return unless(e.bucket, -1), SQLITE_OK;
    case 11:
        return unless(e.elements, always), SQLITE_OK;
    case 12:
        return unless(e.bytes, always), SQLITE_OK;
    case 13:
        return unless(e.sent_bytes, always), SQLITE_OK;
    case 14:
        return unless(e.wait_ns, always), SQLITE_OK;
    case 15:
        return unless(e.emulated_ns, always), SQLITE_OK;
    case 16:
        return unless(e.correlation, -1), SQLITE_OK;
    default:
        return unless(e.process_group, -1), SQLITE_OK;
    }
}

sqlite3_module module() {
    sqlite3_module m{};
    m.xCreate = connect;
    m.xConnect = connect;
    m.xBestIndex = bestIndex;
    m.xDisconnect = disconnect;
    m.xDestroy = disconnect;
    m.xOpen = open;
    m.xClose = close;
    m.xFilter = filter;
    m.xNext = advance;
    m.xEof = atEnd;
    m.xColumn = column;
    m.xRowid = rowId;
    return m;
}

// "CREATE VIEW event AS ...;" of the format's schema as a temporary view, which sees the temporary event_row.
std::string temporaryView(const std::string& name) {
    const std::string schema = schema_sql, head = "CREATE VIEW " + name + " AS";
    const size_t start = schema.find(head);
    if (start == std::string::npos) return {};
    return "CREATE TEMP VIEW" + schema.substr(start + 11, schema.find(';', start) + 1 - start - 11);
}

} // namespace

bool serveColumns(Database& db, const TraceReader& trace) {
    static const sqlite3_module columns = module();
    const int made = sqlite3_create_module_v2(db.handle(), "shardscope_columns", &columns,
                                              const_cast<TraceReader*>(&trace), nullptr);
    if (made != SQLITE_OK) return db.fail(made);
    const std::string sql = "PRAGMA query_only=OFF; CREATE VIRTUAL TABLE temp.event_row USING shardscope_columns;" +
                            temporaryView("event") + temporaryView("collective") + "PRAGMA query_only=ON;";
    return db.exec(sql.c_str());
}

} // namespace shardscope
