// SPDX-License-Identifier: Apache-2.0
// Traces that are written lane by lane, with rows and without, and files of the version before.
#include "support/catch.h"
#include "support/temporary_folder.h"
#include "traces/lane_index.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <cmath>
#include <filesystem>
#include <sqlite3.h>

using namespace shardscope;

namespace {

constexpr int64_t long_lane = 200'000, short_lane = 10;

IntervalEvent eventAt(LaneId lane, int64_t i) {
    return {.lane = lane,
            .name = static_cast<NameId>(i % 2),
            .start_ns = i * 100,
            .end_ns = i * 100 + 30 + i % 50,
            .step = static_cast<int32_t>(i / 1000),
            .phase = Phase::unknown,
            .op_class = i % 3 ? OpClass::compute : OpClass::send_recv,
            .bytes = i * 7,
            .correlation = i % 5 ? i : -1,
            .process_group = i % 3 ? -1 : 4};
}

void writeSorted(const std::string& path, bool rows, bool finish = true) {
    auto created = TraceWriter::createSorted(path, rows);
    REQUIRE(created);
    TraceWriter& writer = **created;
    writer.intern("gemm");
    writer.intern("ncclDevKernel_SendRecv");
    const LaneId lanes[] = {writer.addLane({0, LaneKind::compute, "GPU 0 stream 7"}),
                            writer.addLane({1, LaneKind::compute, "GPU 1 stream 7"})};
    std::vector<TraceEvent> batch;
    for (const LaneId lane : lanes)
        for (int64_t i = 0; i < (lane == lanes[0] ? long_lane : short_lane); ++i) batch.push_back(eventAt(lane, i));
    batch.push_back(ProcessGroupEvent{4, "default_pg", "", 2, "0, 1"});
    batch.push_back(CounterEvent{5, 1, NameId{0}, 2.5});
    batch.push_back(CounterEvent{3, 1, NameId{0}, std::nan("")});
    writer.append(batch);
    if (finish) REQUIRE(writer.finish("finished"));
}

int64_t rowsIn(const std::string& path) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    sqlite3_stmt* count = nullptr;
    REQUIRE(sqlite3_prepare_v2(db, "SELECT count(*) FROM event", -1, &count, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_step(count) == SQLITE_ROW);
    const int64_t rows = sqlite3_column_int64(count, 0);
    sqlite3_finalize(count);
    sqlite3_close(db);
    return rows;
}

} // namespace

TEST_CASE("a sorted trace says the same with rows and without") {
    const TemporaryFolder folder;
    for (const bool rows : {true, false}) {
        INFO("rows " << rows);
        const std::string path = folder / "run.shardscope";
        writeSorted(path, rows);
        CHECK(rowsIn(path) == (rows ? long_lane + short_lane : 0));
        const auto reader = TraceReader::open(path);
        REQUIRE(reader);
        CHECK((*reader)->warnings().empty());
        CHECK((*reader)->eventCount() == long_lane + short_lane);
        for (const int lane : {0, 1}) {
            const auto events = (*reader)->events(static_cast<LaneId>(lane), {0, long_lane * 100});
            REQUIRE(static_cast<int64_t>(events.size()) == (lane == 0 ? long_lane : short_lane));
            for (size_t i = 0; i < events.size(); ++i) {
                const IntervalEvent expected = eventAt(static_cast<LaneId>(lane), static_cast<int64_t>(i));
                const IntervalEvent& e = events[i];
                if (e.start_ns != expected.start_ns || e.end_ns != expected.end_ns || e.name != expected.name ||
                    e.op_class != expected.op_class || e.bytes != expected.bytes || e.step != expected.step ||
                    e.correlation != expected.correlation || e.process_group != expected.process_group)
                    FAIL("event " << i << " of lane " << lane << " changed");
            }
        }
        // A coarse picture comes from the levels and its events can be asked for.
        const auto rects = (*reader)->rects(LaneId{0}, {0, long_lane * 100}, long_lane * 100.0 / 500);
        REQUIRE(rects.size() > 100);
        for (const EventId id : {rects[50].event, EventId{1}, EventId{65537}, EventId{long_lane + 3}}) {
            const auto details = (*reader)->details(id);
            REQUIRE(details);
            CHECK(details->lane.rank == (id > EventId{long_lane} ? 1 : 0));
            const int64_t i = (static_cast<int64_t>(id) - 1) % long_lane;
            CHECK(details->event.start_ns == i * 100);
            CHECK(details->name == (i % 2 ? "ncclDevKernel_SendRecv" : "gemm"));
        }
        CHECK_FALSE((*reader)->details(EventId{long_lane + short_lane + 1}));
        CHECK_FALSE((*reader)->details(EventId{0}));
        REQUIRE((*reader)->processGroups().size() == 1);
        CHECK((*reader)->processGroups()[0].ranks == "0, 1");
        const auto counters = (*reader)->counters();
        REQUIRE(counters.size() == 1);
        CHECK(counters[0].name == "gemm");
        CHECK(counters[0].time_ns == std::vector<int64_t>{3, 5});
        CHECK(counters[0].value[1] == 2.5);
        CHECK(std::isnan(counters[0].value[0]));
    }
}

TEST_CASE("a sorted trace that is not finished leaves nothing") {
    const TemporaryFolder folder;
    writeSorted(folder / "run.shardscope", true, false);
    CHECK(std::filesystem::is_empty(folder.path()));
    writeSorted(folder / "run.shardscope", true);
    const auto size = std::filesystem::file_size(folder / "run.shardscope");
    writeSorted(folder / "run.shardscope", false, false); // the older trace stays
    CHECK(std::filesystem::file_size(folder / "run.shardscope") == size);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("a damaged chunk of a trace without rows is left out with a warning") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    writeSorted(path, false);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, "UPDATE lane_chunk SET shape=x'28b52ffd' WHERE lane=0 AND level=0 AND chunk=1", nullptr,
                         nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    const auto reader = TraceReader::open(path);
    REQUIRE(reader);
    CHECK((*reader)->events(LaneId{0}, {0, long_lane * 100}).size() == long_lane - written_chunk_events);
    REQUIRE((*reader)->warnings().size() == 1);
    CHECK((*reader)->warnings()[0].kind == "damaged_columns");
}

TEST_CASE("a trace of format version 1 is read") {
    const auto reader = TraceReader::open(SHARDSCOPE_TEST_DATA "/version_1.shardscope");
    REQUIRE(reader);
    const TraceReader& trace = **reader;
    CHECK(trace.warnings().empty());
    CHECK(trace.eventCount() == 57);
    CHECK(trace.processGroups().empty());
    CHECK(trace.counters().empty());
    const auto events = trace.events(LaneId{0}, trace.span());
    REQUIRE_FALSE(events.empty());
    CHECK(events[0].correlation == -1);
    CHECK(events[0].process_group == -1);
    CHECK(events[0].op != OpId::none);
    const auto details = trace.details(EventId{57});
    REQUIRE(details);
    CHECK_FALSE(details->name.empty());
    CHECK(trace.memory(0, MemoryTier::device).peak_bytes == 583552);
}

TEST_CASE("a reader with little room for columns answers the same") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    writeSorted(path, false);
    const auto roomy = TraceReader::open(path), narrow = TraceReader::open(path, 1);
    REQUIRE(roomy);
    REQUIRE(narrow);
    for (int64_t i = 0; i < 60; ++i) {
        const TimeRange range{(i * 7919) % long_lane * 100, (i * 7919) % long_lane * 100 + (int64_t{1000} << (i % 15))};
        const double px = static_cast<double>(range.duration()) / 100;
        const auto expected = (*roomy)->rects(LaneId{0}, range, px), rects = (*narrow)->rects(LaneId{0}, range, px);
        REQUIRE(rects.size() == expected.size());
        for (size_t k = 0; k < rects.size(); ++k) {
            CHECK(rects[k].start_ns == expected[k].start_ns);
            CHECK(rects[k].event == expected[k].event);
        }
        CHECK((*narrow)->events(LaneId{0}, range).size() == (*roomy)->events(LaneId{0}, range).size());
        const auto details = (*narrow)->details(static_cast<EventId>(1 + i * 3000));
        REQUIRE(details);
        CHECK(details->event.start_ns == i * 3000 * 100);
    }
    CHECK((*narrow)->warnings().empty());
}
