// SPDX-License-Identifier: Apache-2.0
// What goes into a trace comes out of it: every kind of event, with every field.
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <cmath>
#include <limits>
#include <sqlite3.h>

using namespace shardscope;

namespace {

std::vector<IntervalEvent> sampleIntervals(LaneId lane, NameId name) {
    std::vector<IntervalEvent> events;
    events.push_back({.lane = lane, .start_ns = -5, .end_ns = 7}); // everything else at its default
    for (int i = 0; i < 5; ++i) {
        events.push_back({.lane = lane,
                          .op = OpId{i},
                          .name = name,
                          .start_ns = 1000 * i + 1'000'000'000'000,
                          .end_ns = 1000 * i + 1'000'000'000'400,
                          .step = i,
                          .phase = static_cast<Phase>(i),
                          .op_class = static_cast<OpClass>(i + 1),
                          .layer = i - 2,
                          .bucket = i - 1,
                          .elements = int64_t{1} << (10 * i),
                          .bytes = (int64_t{1} << (10 * i)) * 4,
                          .sent_bytes = 3 * i,
                          .wait_ns = 10 * i,
                          .emulated_ns = 20 * i});
    }
    return events;
}

void checkEqual(const IntervalEvent& a, const IntervalEvent& b) {
    CHECK(a.lane == b.lane);
    CHECK(a.op == b.op);
    CHECK(a.name == b.name);
    CHECK(a.start_ns == b.start_ns);
    CHECK(a.end_ns == b.end_ns);
    CHECK(a.step == b.step);
    CHECK(a.phase == b.phase);
    CHECK(a.op_class == b.op_class);
    CHECK(a.layer == b.layer);
    CHECK(a.bucket == b.bucket);
    CHECK(a.elements == b.elements);
    CHECK(a.bytes == b.bytes);
    CHECK(a.sent_bytes == b.sent_bytes);
    CHECK(a.wait_ns == b.wait_ns);
    CHECK(a.emulated_ns == b.emulated_ns);
}

} // namespace

TEST_CASE("every kind of event survives, live and finished") {
    const bool finished = GENERATE(false, true);
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    auto writer = std::move(TraceWriter::create(path)).value();
    const NameId name = writer->intern("reduce_scatter bucket 1");
    CHECK(writer->intern("reduce_scatter bucket 1") == name);
    CHECK(writer->intern("another") != name);
    const std::vector<LaneInfo> lanes = {{0, LaneKind::compute, "rank 0 compute"}, {3, LaneKind::comm, "rank 3 comm"}};
    CHECK(writer->addLane(lanes[0]) == LaneId{0});
    CHECK(writer->addLane(lanes[1]) == LaneId{1});

    const auto intervals = sampleIntervals(LaneId{1}, name);
    std::vector<TraceEvent> events(intervals.begin(), intervals.end());
    events.push_back(RunInfoEvent{"model", "{\"name\":\"größer 'quoted'\"}"});
    events.push_back(RunInfoEvent{"model", "the second value wins"});
    events.push_back(
        ProgramOpEvent{OpId{0}, "first", LaneKind::compute, Phase::forward, OpClass::compute, -2, -1, 5, 10, "", {}});
    events.push_back(ProgramOpEvent{OpId{1},
                                    "second",
                                    LaneKind::comm,
                                    Phase::backward,
                                    OpClass::all_reduce,
                                    4,
                                    2,
                                    6,
                                    24,
                                    "zero_optimization.reduce_bucket_size",
                                    {OpId{0}}});
    events.push_back(ProgramOpEvent{
        OpId{9}, "after a gap", LaneKind::compute, Phase::optimizer, OpClass::compute, -1, -1, 0, 0, "", {OpId{7}}});
    events.push_back(BucketEvent{2, 99, 100, 200, "a, b", "last parameter"});
    events.push_back(StepEvent{0, 10, 20, 0.1 + 0.2, 1e-3, 512});
    events.push_back(StepEvent{1, 20, 35, std::numeric_limits<double>::quiet_NaN(), 5e-4, 512, 2.5, 65536, true});
    events.push_back(PlannedPeakEvent{3, MemoryTier::host, std::nullopt, 4096});
    events.push_back(PlannedPeakEvent{3, MemoryTier::device, MemoryCategory::comm_buffers, 1024});
    events.push_back(WarningEvent{"dropped_records", "Seven records were dropped.", 7});
    events.push_back(MemoryEvent{5, 3, MemoryTier::device, MemoryCategory::gradients, 4096, name, OpId{1}, 0});
    events.push_back(MemoryEvent{9, 3, MemoryTier::device, MemoryCategory::activations, 100, name, OpId{1}, 0});
    events.push_back(MemoryEvent{12, 3, MemoryTier::device, MemoryCategory::gradients, -4096, name, OpId{1}, 0});
    writer->append(events);
    if (finished)
        REQUIRE(writer->finish("stopped"));
    else
        REQUIRE(writer->commit());

    auto opened = TraceReader::open(path);
    REQUIRE(opened);
    const TraceReader& reader = **opened;
    CHECK(reader.path() == path);
    CHECK(reader.live() == !finished);
    CHECK(reader.runValue("status") == (finished ? "stopped" : "running"));
    CHECK(reader.runValue("model") == "the second value wins");
    CHECK(reader.runValue("absent").empty());
    CHECK(reader.ranks() == 4);
    REQUIRE(reader.lanes().size() == 2);
    CHECK(reader.lanes()[1] == lanes[1]);
    CHECK(reader.eventCount() == 6);
    CHECK(reader.span() == TimeRange{-5, 1'000'000'004'400});
    CHECK(reader.name(name) == "reduce_scatter bucket 1");
    CHECK(reader.name(NameId::none).empty());
    CHECK(reader.name(NameId{77}).empty());

    CHECK(reader.events(LaneId{0}, reader.span()).empty());
    const auto read = reader.events(LaneId{1}, {-100, std::numeric_limits<int64_t>::max()});
    REQUIRE(read.size() == intervals.size());
    for (size_t i = 0; i < read.size(); ++i) checkEqual(read[i], intervals[i]);
    const auto rects = reader.rects(LaneId{1}, {-100, 2'000'000'000'000}, 1);
    REQUIRE(rects.size() == intervals.size());
    for (size_t i = 0; i < rects.size(); ++i) {
        CHECK(rects[i].layer == intervals[i].layer);
        const auto details = reader.details(rects[i].event);
        REQUIRE(details);
        checkEqual(details->event, intervals[i]);
        CHECK(details->lane == lanes[1]);
        CHECK(details->name == reader.name(intervals[i].name));
    }
    CHECK_FALSE(reader.details(EventId{0}));
    CHECK_FALSE(reader.details(EventId{12345}));

    REQUIRE(reader.program().size() == 3);
    REQUIRE(reader.op(OpId{9}));
    CHECK(reader.op(OpId{9})->name == "after a gap");
    CHECK(reader.op(OpId{9})->waits_for == std::vector<OpId>{OpId{7}}); // which stands for something not shown
    CHECK(reader.op(OpId{2}) == nullptr);
    CHECK(reader.op(OpId::none) == nullptr);
    const ProgramOpEvent& op = reader.program()[1];
    CHECK(op.name == "second");
    CHECK(op.lane == LaneKind::comm);
    CHECK(op.phase == Phase::backward);
    CHECK(op.op_class == OpClass::all_reduce);
    CHECK(op.layer == 4);
    CHECK(op.bucket == 2);
    CHECK(op.elements == 6);
    CHECK(op.bytes == 24);
    CHECK(op.config_key == "zero_optimization.reduce_bucket_size");
    CHECK(op.waits_for == std::vector<OpId>{OpId{0}});
    CHECK(reader.program()[0].layer == -2);
    CHECK(reader.program()[0].bucket == -1);
    REQUIRE(reader.buckets().size() == 1);
    CHECK(reader.buckets()[0].bucket == 2);
    CHECK(reader.buckets()[0].padded_elements == 100);
    CHECK(reader.buckets()[0].closed_because == "last parameter");
    REQUIRE(reader.steps().size() == 2);
    CHECK(reader.steps()[0].loss == 0.1 + 0.2);
    CHECK(std::isnan(reader.steps()[1].loss));
    CHECK(reader.steps()[1].tokens == 512);
    CHECK(std::isnan(reader.steps()[0].gradient_norm));
    CHECK(reader.steps()[0].loss_scale == 1);
    CHECK_FALSE(reader.steps()[0].skipped);
    CHECK(reader.steps()[1].gradient_norm == 2.5);
    CHECK(reader.steps()[1].loss_scale == 65536);
    CHECK(reader.steps()[1].skipped);
    REQUIRE(reader.plannedPeaks().size() == 2);
    CHECK_FALSE(reader.plannedPeaks()[0].category);
    CHECK(reader.plannedPeaks()[0].tier == MemoryTier::host);
    CHECK(reader.plannedPeaks()[1].category == MemoryCategory::comm_buffers);
    REQUIRE(reader.warnings().size() == 1);
    CHECK(reader.warnings()[0].count == 7);

    const MemoryCurve& memory = reader.memory(3, MemoryTier::device);
    CHECK(memory.time_ns == std::vector<int64_t>{5, 9, 12});
    CHECK(memory.total_bytes == std::vector<int64_t>{4096, 4196, 100});
    CHECK(memory.bytes[static_cast<size_t>(MemoryCategory::gradients)] == std::vector<int64_t>{4096, 4096, 0});
    CHECK(memory.peak_bytes == 4196);
    CHECK(memory.peak_time_ns == 9);
    CHECK(reader.memory(0, MemoryTier::device).time_ns.empty());
}

TEST_CASE("impossible durations are clamped and counted") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    auto writer = std::move(TraceWriter::create(path)).value();
    const LaneId lane = writer->addLane({0, LaneKind::compute, "rank 0 compute"});
    const std::vector<TraceEvent> events = {IntervalEvent{.lane = lane, .start_ns = 100, .end_ns = 40},
                                            IntervalEvent{.lane = lane, .start_ns = 200, .end_ns = 240, .wait_ns = 90}};
    writer->append(events);
    REQUIRE(writer->finish("finished"));
    auto reader = TraceReader::open(path);
    REQUIRE(reader);
    const auto read = (*reader)->events(lane, {0, 1000});
    REQUIRE(read.size() == 2);
    CHECK(read[0].end_ns == 100);
    CHECK(read[1].wait_ns == 40);
    REQUIRE((*reader)->warnings().size() == 1);
    CHECK((*reader)->warnings()[0].kind == "clamped_intervals");
    CHECK((*reader)->warnings()[0].count == 2);
}

TEST_CASE("the stock SQL shell sees words, not numbers") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.emulated_link = true;
    writeSampleTrace(folder / "run.shardscope", options);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open_v2((folder / "run.shardscope").c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
    const auto answer = [&](const std::string& sql) {
        std::string text;
        const auto row = [](void* out, int columns, char** values, char**) {
            for (int i = 0; i < columns; ++i)
                *static_cast<std::string*>(out) += (values[i] ? values[i] : "NULL") + std::string(" ");
            return 0;
        };
        if (sqlite3_exec(db, sql.c_str(), row, &text, nullptr) != SQLITE_OK) return std::string(sqlite3_errmsg(db));
        return text;
    };
    // The lookup tables in the file and the program's vocabulary are the same.
    std::string phases, classes, categories, tiers;
    for (int i = 0; i < 6; ++i) phases += std::string(toText(static_cast<Phase>(i))) + " ";
    for (int i = 0; i < 16; ++i) classes += std::string(toText(static_cast<OpClass>(i))) + " ";
    for (const MemoryCategory c : all_memory_categories) categories += std::string(toText(c)) + " ";
    for (int i = 0; i < 3; ++i) tiers += std::string(toText(static_cast<MemoryTier>(i))) + " ";
    CHECK(answer("SELECT text FROM phase ORDER BY id") == phases);
    CHECK(answer("SELECT text FROM op_class ORDER BY id") == classes);
    CHECK(answer("SELECT text FROM memory_category ORDER BY id") == categories);
    CHECK(answer("SELECT text FROM memory_tier ORDER BY id") == tiers);

    CHECK(answer("SELECT rank, lane, name, phase, op_class, layer, bucket, step FROM event WHERE id=1") ==
          "0 compute embedding forward forward compute -2 NULL 0 ");
    CHECK(answer("SELECT count(*), count(DISTINCT rank) FROM event") == "688 4 ");
    CHECK(answer("SELECT collective, count(*), sum(emulated_ns) > 0 FROM collective GROUP BY 1") ==
          "all_gather 80 1 reduce_scatter 80 1 ");
    CHECK(answer("SELECT tier, category, buffer FROM memory ORDER BY id LIMIT 1") == "device parameters parameters ");
    CHECK(
        answer("SELECT count(*) FROM event e JOIN event_row r ON r.id=e.id WHERE e.duration_ns<>r.end_ns-r.start_ns") ==
        "0 ");
    CHECK(answer("SELECT config_key FROM op WHERE op_class='reduce_scatter' LIMIT 1") ==
          "zero_optimization.reduce_bucket_size ");
    sqlite3_close(db);
}
