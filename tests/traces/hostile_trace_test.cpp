// SPDX-License-Identifier: Apache-2.0
// Files that are not traces, or claim to be and lie: a sentence or a warning, never a crash.
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_reader.h"
#include <fstream>
#include <random>
#include <sqlite3.h>

using namespace shardscope;
using Catch::Matchers::Contains;

namespace {

void write(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

std::string refusal(const std::string& path) {
    auto reader = TraceReader::open(path);
    return reader ? "" : reader.error().message;
}

std::string damagedSample(const TemporaryFolder& folder, const std::string& sql) {
    static const std::string sample = [&] {
        SampleTraceOptions options;
        options.steps = 2;
        writeSampleTrace(folder / "sample.shardscope", options);
        std::ifstream file(folder / "sample.shardscope", std::ios::binary);
        return std::string{std::istreambuf_iterator<char>(file), {}};
    }();
    const std::string path = folder / "run.shardscope";
    write(path, sample);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous=OFF", nullptr, nullptr, nullptr);
    char* message = nullptr;
    sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
    INFO(sql << ": " << (message ? message : ""));
    CHECK(message == nullptr);
    sqlite3_free(message);
    sqlite3_close(db);
    return path;
}

bool hasWarning(const TraceReader& reader, const std::string& kind) {
    for (const WarningEvent& w : reader.warnings())
        if (w.kind == kind) return true;
    return false;
}

// Asks everything a view could ask.
size_t askEverything(const TraceReader& reader) {
    size_t answers = 0;
    for (size_t i = 0; i < reader.lanes().size(); ++i) {
        const auto lane = static_cast<LaneId>(i);
        for (const double px : {1.0, 1e3, 1e6}) answers += reader.rects(lane, reader.span(), px).size();
        for (const IntervalEvent& e : reader.events(lane, reader.span())) answers += reader.name(e.name).size();
    }
    for (int32_t rank = 0; rank < std::min(reader.ranks(), 100); ++rank)
        for (const MemoryTier tier : {MemoryTier::device, MemoryTier::host})
            answers += reader.memory(rank, tier).time_ns.size();
    for (int64_t id = -1; id < 50; ++id) answers += reader.details(static_cast<EventId>(id)).has_value();
    return answers;
}

} // namespace

TEST_CASE("what is not a trace is refused in one sentence") {
    const TemporaryFolder folder;
    CHECK_THAT(refusal(folder / "absent.shardscope"), Contains("no file"));
    CHECK_THAT(refusal(folder.path().string()), Contains("is a folder"));
    write(folder / "empty", "");
    CHECK_THAT(refusal(folder / "empty"), Contains("is empty"));
    write(folder / "json", "{\"traceEvents\": []}");
    CHECK_THAT(refusal(folder / "json"), Contains("JSON text"));
    write(folder / "text", "hello\n");
    CHECK_THAT(refusal(folder / "text"), Contains("looks like text"));
    std::mt19937_64 random(5);
    std::string noise;
    for (int i = 0; i < 100'000; ++i) noise += static_cast<char>(random());
    write(folder / "noise", noise);
    CHECK_THAT(refusal(folder / "noise"), Contains("binary data"));
    write(folder / "magic", std::string("SQLite format 3\0", 16) + noise);
    CHECK_THAT(refusal(folder / "magic"), Contains("another program"));
    write(folder / "short", std::string("SQLite format 3\0", 16));
    CHECK_FALSE(refusal(folder / "short").empty());
    CHECK_FALSE(refusal("/dev/null").empty());
}

TEST_CASE("newer versions and other databases are named as such") {
    const TemporaryFolder folder;
    CHECK_THAT(refusal(damagedSample(folder, "PRAGMA user_version=4")), Contains("newer Shardscope (format 4"));
    CHECK_THAT(refusal(damagedSample(folder, "PRAGMA user_version=0")), Contains("no format version"));
    CHECK_THAT(refusal(damagedSample(folder, "PRAGMA application_id=7")), Contains("another program"));
}

TEST_CASE("a truncated trace is damaged, not a crash") {
    const TemporaryFolder folder;
    writeSampleTrace(folder / "whole.shardscope");
    std::ifstream file(folder / "whole.shardscope", std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(file), {}};
    for (size_t size = 0; size < whole.size(); size += 3001) {
        write(folder / "cut.shardscope", whole.substr(0, size));
        auto reader = TraceReader::open(folder / "cut.shardscope");
        REQUIRE_FALSE(reader); // SQLite knows how many pages there should be
        CHECK(reader.error().message.size() > 20);
    }
}

TEST_CASE("tables that are missing or are not tables are refused") {
    const TemporaryFolder folder;
    for (const std::string table : {"run", "name", "lane", "op", "op_wait", "bucket", "planned_peak", "event_row",
                                    "memory_row", "step", "warning", "lane_chunk"}) {
        const std::string drop_views = "DROP VIEW collective; DROP VIEW event; DROP VIEW memory;";
        CHECK_THAT(refusal(damagedSample(folder, drop_views + "DROP TABLE " + table)), Contains("'" + table + "'"));
        CHECK_THAT(
            refusal(damagedSample(folder, drop_views + "ALTER TABLE " + table + " RENAME TO hidden; CREATE VIEW " +
                                              table + " AS SELECT * FROM hidden")),
            Contains("not a plain table"));
    }
    CHECK_THAT(refusal(damagedSample(folder, "DROP VIEW collective; DROP VIEW event; DROP TABLE lane;"
                                             "CREATE TABLE lane(id INTEGER PRIMARY KEY, nonsense)")),
               Contains("table lane"));
}

TEST_CASE("impossible small tables are refused") {
    const TemporaryFolder folder;
    const std::string sql =
        GENERATE(as<std::string>(), "UPDATE lane SET rank=-1 WHERE id=0", "UPDATE lane SET rank=2000000000 WHERE id=1",
                 "UPDATE lane SET kind='warp' WHERE id=1", "UPDATE lane SET id=900 WHERE id=7",
                 "UPDATE name SET id=1<<40 WHERE id=3", "UPDATE op SET phase='sideways' WHERE id=3",
                 "UPDATE op SET layer=1<<40 WHERE id=3", "UPDATE op SET id=1<<40 WHERE id=3",
                 "INSERT INTO op_wait VALUES (3, 1<<50)", "INSERT INTO op_wait VALUES (100000, 1)",
                 "UPDATE bucket SET id=1<<40 WHERE id=1", "UPDATE step SET step=1<<40 WHERE step=1");
    INFO(sql);
    CHECK_THAT(refusal(damagedSample(folder, sql)), Contains("is damaged"));
}

TEST_CASE("impossible rows are left out with a warning") {
    const TemporaryFolder folder;
    const auto [sql, kind] = GENERATE(table<std::string, std::string>({
        {"DELETE FROM lane_chunk; UPDATE event_row SET lane=77 WHERE id=5", "invalid_rows"},
        {"DELETE FROM lane_chunk; UPDATE event_row SET lane=-1 WHERE id=5", "invalid_rows"},
        {"DELETE FROM lane_chunk; UPDATE event_row SET phase=9 WHERE id=5", "invalid_rows"},
        {"DELETE FROM lane_chunk; UPDATE event_row SET op_class='gather' WHERE id=5", ""},
        {"DELETE FROM lane_chunk; UPDATE event_row SET op_class=-3 WHERE id=5", "invalid_rows"},
        {"DELETE FROM lane_chunk; UPDATE event_row SET name=1<<40 WHERE id=5", "invalid_rows"},
        {"DELETE FROM lane_chunk; UPDATE event_row SET end_ns=start_ns-100 WHERE id=5", "clamped_intervals"},
        {"DELETE FROM lane_chunk; UPDATE event_row SET start_ns=-9223372036854775807, end_ns=9223372036854775807 WHERE "
         "id=5",
         "clamped_intervals"},
        {"DELETE FROM lane_chunk; UPDATE event_row SET bytes=-7, sent_bytes=9223372036854775807 WHERE id=5",
         "clamped_intervals"},
        {"UPDATE memory_row SET rank=-4 WHERE id=5", "invalid_rows"},
        {"UPDATE memory_row SET category=99 WHERE id=5", "invalid_rows"},
        {"UPDATE memory_row SET delta_bytes=9223372036854775807 WHERE id=5", "invalid_rows"},
        {"UPDATE memory_row SET time_ns=9223372036854775807 WHERE id=5", ""},
        {"UPDATE planned_peak SET category='dreams' WHERE id=1", "invalid_rows"},
        {"UPDATE step SET end_ns=-5 WHERE step=1", "invalid_rows"},
        {"UPDATE lane_chunk SET shape=zeroblob(100)", "damaged_columns"},
        {"UPDATE lane_chunk SET detail=shape", "damaged_columns"},
        {"UPDATE lane_chunk SET last_end_ns=last_end_ns+1", "damaged_columns"},
        {"UPDATE lane_chunk SET count=count+1", "damaged_columns"},
        {"UPDATE lane_chunk SET count=65536", ""},
        {"UPDATE lane_chunk SET count=-1", ""},
        {"UPDATE lane_chunk SET level=63 WHERE lane=2", ""},
        {"UPDATE lane_chunk SET chunk=1 WHERE lane=2", ""},
        {"DELETE FROM lane_chunk", ""},
    }));
    INFO(sql);
    const std::string path = damagedSample(folder, sql);
    auto reader = TraceReader::open(path);
    REQUIRE(reader);
    CHECK(askEverything(**reader) > 100);
    if (!kind.empty()) CHECK(hasWarning(**reader, kind));
    // One row is lost at most: whatever is wrong with columns, the rows have it all.
    CHECK((*reader)->eventCount() >= 343);
    CHECK((*reader)->eventCount() <= 344);
}
