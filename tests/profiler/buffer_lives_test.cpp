// SPDX-License-Identifier: Apache-2.0
// Lives of buffers and the plan over time, on traces of a few changes that can be checked by hand.
#include "profiler/analysis/buffer_lives.h"
#include "profiler/analysis/memory_heat.h"
#include "support/catch.h"
#include "support/temporary_folder.h"
#include "traces/trace_writer.h"

using namespace shardscope;

namespace {

constexpr const char* plan = R"([
  {"name":"weights","tier":"device","category":"parameters","bytes":1000,"address":0},
  {"name":"a","tier":"device","category":"activations","bytes":100,"address":1024,"alloc_op":1,"free_op":7,
   "config_key":"gradient_accumulation_steps"},
  {"name":"b","tier":"device","category":"workspace","bytes":50,"address":1280,"alloc_op":3,"free_op":5}])";

struct Written {
    TemporaryFolder folder;
    std::unique_ptr<TraceReader> reader;
};

// Two steps of `weights`, `a` and `b`; `surprise` more bytes are allocated for b in the second step.
void writeRun(Written& written, bool with_plan, int64_t surprise = 0, bool named = true) {
    const std::string path = written.folder / "run.shardscope";
    auto writer = std::move(TraceWriter::create(path)).value();
    const LaneId lane = writer->addLane({0, LaneKind::compute, "rank 0 compute"});
    const auto name = [&](const char* text) { return named ? writer->intern(text) : NameId::none; };
    std::vector<TraceEvent> events;
    if (with_plan) events.push_back(RunInfoEvent{"memory_plan", plan});
    for (const int32_t op : {0, 2, 4, 6, 8})
        events.push_back(ProgramOpEvent{.op = OpId{op}, .name = "op " + std::to_string(op)});
    const auto change = [&](int64_t time, MemoryCategory category, int64_t bytes, const char* buffer, int32_t op,
                            int32_t step) {
        events.push_back(MemoryEvent{.time_ns = time,
                                     .category = category,
                                     .delta_bytes = bytes,
                                     .buffer = name(buffer),
                                     .op = OpId{op},
                                     .step = step});
    };
    change(10, MemoryCategory::parameters, 1000, "weights", -1, -1);
    for (int32_t step = 0; step < 2; ++step) {
        const int64_t start = 100 + 100 * step, more = step == 1 ? surprise : 0;
        for (const int32_t op : {0, 2, 4, 6, 8})
            events.push_back(IntervalEvent{.lane = lane,
                                           .op = OpId{op},
                                           .name = writer->intern("op " + std::to_string(op)),
                                           .start_ns = start + 10 * op,
                                           .end_ns = start + 10 * op + 8,
                                           .step = step});
        change(start + 15, MemoryCategory::activations, 100, "a", 1, step);
        change(start + 35, MemoryCategory::workspace, 50 + more, "b", 3, step);
        change(start + 55, MemoryCategory::workspace, -50 - more, "b", 5, step);
        change(start + 75, MemoryCategory::activations, -100, "a", 7, step);
    }
    events.push_back(PlannedPeakEvent{0, MemoryTier::device, std::nullopt, 1150});
    writer->append(events);
    REQUIRE(writer->finish("finished"));
    written.reader = std::move(TraceReader::open(path)).value();
}

} // namespace

TEST_CASE("every buffer has a life, and an address from the plan") {
    Written run;
    writeRun(run, true);
    const auto lives = bufferLives(*run.reader, 0, MemoryTier::device);
    REQUIRE(lives);
    REQUIRE(lives->all().size() == 5);
    CHECK(lives->addresses == AddressSource::plan);
    CHECK(lives->arenaBytes() == 1330);
    CHECK(lives->peakBytes() == 1150);
    const BufferLife &weights = lives->all()[0], &a = lives->all()[1], &b = lives->all()[2];
    CHECK_FALSE(weights.released());
    CHECK(weights.end_ns == BufferLives::forever_ns);
    CHECK(a.start_ns == 115);
    CHECK(a.end_ns == 175);
    CHECK(a.address == 1024);
    CHECK(a.free_op == OpId{7});
    CHECK(lives->plan[static_cast<size_t>(a.planned)].config_key == "gradient_accumulation_steps");
    CHECK(b.address == 1280);
    REQUIRE(opAfter(*run.reader, b.alloc_op));
    CHECK(opAfter(*run.reader, b.alloc_op)->name == "op 4");
    CHECK(opBefore(*run.reader, b.free_op)->name == "op 4");
    CHECK(opAfter(*run.reader, weights.alloc_op) == nullptr);
    CHECK(lives->aliveAfter(lives->peakChange()) == std::vector<size_t>{0, 1, 2});
    CHECK(lives->aliveAfter(lives->changeAt(160)) == std::vector<size_t>{0, 1});
    CHECK(lives->aliveAfter(lives->changeAt(5)).empty());
    CHECK_FALSE(bufferLives(*run.reader, 7, MemoryTier::device)->peakBytes());
}

TEST_CASE("without a plan buffers lie where they fit, and never on each other") {
    Written run;
    writeRun(run, false, 30, false);
    const auto lives = bufferLives(*run.reader, 0, MemoryTier::device);
    REQUIRE(lives);
    CHECK(lives->addresses == AddressSource::best_fit);
    CHECK(lives->unnamed == 4);
    CHECK(lives->unmatched == 0);
    const auto& all = lives->all();
    for (size_t i = 0; i < all.size(); ++i)
        for (size_t j = i + 1; j < all.size(); ++j) {
            const bool together = all[j].allocated_by < all[i].released_by;
            const bool apart =
                all[i].address + all[i].bytes <= all[j].address || all[j].address + all[j].bytes <= all[i].address;
            CHECK((!together || apart));
        }
}

TEST_CASE("the plan over time is what was recorded, until a run does something else") {
    const int64_t surprise = GENERATE(0, 30);
    Written run;
    writeRun(run, true, surprise);
    const auto curves = plannedCurves(*run.reader);
    REQUIRE(curves);
    REQUIRE(curves->contains({0, MemoryTier::device}));
    const PlannedCurve& curve = curves->at({0, MemoryTier::device});
    CHECK(curve.moments == 8);
    CHECK(curve.different == (surprise ? 1 : 0));
    CHECK_FALSE(curve.at(50));
    CHECK(curve.at(120) == 1100);
    CHECK(curve.at(140) == 1150);
    CHECK(curve.at(180) == 1000);
    CHECK(curve.highest(100, 300) == 1150);
    CHECK(curve.highest(176, 200) == 1000);
    CHECK_FALSE(curve.highest(0, 90));
    CHECK(plannedMemory(plannedBuffers(*run.reader), MemoryTier::device).peak() == 1150);
}

TEST_CASE("a trace without a plan, or with half of one, has no planned curve") {
    Written run;
    writeRun(run, false);
    CHECK(plannedCurves(*run.reader)->empty());
    const std::string path = run.folder / "half.shardscope";
    auto writer = std::move(TraceWriter::create(path)).value();
    const TraceEvent broken = RunInfoEvent{
        "memory_plan", GENERATE(as<std::string>(), "[{\"name\":\"a\"}]", "[7]", "{", "{\"a\":1}",
                                R"([{"name":"a","tier":"moon","category":"other","bytes":1,"address":0}])")};
    writer->append({&broken, 1});
    REQUIRE(writer->finish("finished"));
    CHECK(plannedBuffers(**TraceReader::open(path)).empty());
}

TEST_CASE("peaks of ranks and categories") {
    Written run;
    writeRun(run, true);
    const std::vector<MemoryHeatRow> heat = memoryHeat(*run.reader);
    REQUIRE(heat.size() == 1);
    CHECK(heat[0].total_peak_bytes == 1150);
    CHECK(heat[0].total_peak_time_ns == 135);
    CHECK(heat[0].planned_peak_bytes == 1150);
    CHECK(heat[0].peak_bytes[static_cast<size_t>(MemoryCategory::activations)] == 100);
    CHECK(heat[0].peak_time_ns[static_cast<size_t>(MemoryCategory::activations)] == 115);
    const MemoryCurve& curve = run.reader->memory(0, MemoryTier::device);
    CHECK(memoryAt(curve, 160).total_bytes == 1100);
    CHECK_FALSE(memoryAt(curve, 5).recorded);
}

TEST_CASE("intervals that touch a range are found, and the search can be ended") {
    IntervalTree tree;
    for (int64_t i = 0; i < 100; ++i) tree.add(i * 10, i == 3 ? 2'000 : i * 10 + 5);
    tree.seal();
    std::vector<size_t> found;
    const auto collect = [&](size_t i) {
        found.push_back(i);
        return found.size() < 3;
    };
    CHECK(tree.forEachTouching(501, 503, collect));
    CHECK(found == std::vector<size_t>{3, 50});
    found.clear();
    CHECK_FALSE(tree.forEachTouching(0, 1'000, collect));
    CHECK(found.size() == 3);
    CHECK(IntervalTree().forEachTouching(0, 1, collect));
}
