// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/timeline_cache.h"
#include "timeline_fixture.h"
#include <random>

namespace shardscope::gui {
namespace {

LaneRect rect(int64_t start, int64_t end, Phase phase, int32_t layer, uint32_t count = 1) {
    return {.start_ns = start,
            .end_ns = end,
            .event = static_cast<EventId>(start),
            .count = count,
            .phase = phase,
            .op_class = OpClass::compute,
            .layer = layer};
}

} // namespace

TEST_CASE("narrow neighbours of one layer join, wide ones stay apart") {
    const std::vector<LaneRect> rects = {rect(0, 10, Phase::forward, 0), rect(10, 30, Phase::forward, 0),
                                         rect(30, 40, Phase::forward, 1), rect(40, 50, Phase::backward, 1),
                                         rect(60, 70, Phase::backward, 1)};
    const auto narrow = joinRects(rects, 1.0);
    REQUIRE(narrow.size() == 4); // the last pair lies 10 px apart
    CHECK(narrow[0].joined);
    CHECK(narrow[0].count == 2);
    CHECK(narrow[0].start_ns == 0);
    CHECK(narrow[0].end_ns == 30);
    CHECK(narrow[0].event == static_cast<EventId>(10)); // the longer one
    CHECK_FALSE(narrow[1].joined);
    CHECK(narrow[1].whole);
    const auto wide = joinRects(rects, 0.1);
    REQUIRE(wide.size() == 5);
    CHECK_FALSE(wide[0].joined);
    CHECK_FALSE(wide[0].whole);
}

TEST_CASE("communication and runs of many events are never mistaken for one block") {
    std::vector<LaneRect> rects = {rect(0, 2, Phase::forward, 0, 9), rect(2, 4, Phase::forward, 0, 7)};
    const auto runs = joinRects(rects, 1.0);
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].merged);
    CHECK_FALSE(runs[0].joined);
    CHECK(runs[0].count == 16);
    for (LaneRect& r : rects) r.op_class = OpClass::all_gather;
    CHECK(joinRects(rects, 1.0).size() == 2);
}

TEST_CASE("uncovered parts are those no block covers") {
    std::mt19937 random(3);
    for (int round = 0; round < 300; ++round) {
        std::vector<LaneBlock> cover;
        for (int64_t at = random() % 5; at < 60; at += random() % 6) {
            const int64_t end = at + 1 + random() % 7;
            cover.push_back({.start_ns = at, .end_ns = end});
            at = end;
        }
        const int64_t start = random() % 40, end = start + 1 + random() % 25;
        std::vector<bool> free(80, false);
        for (const TimeRange& part : uncovered({start, end}, cover)) {
            REQUIRE(part.duration() > 0);
            for (int64_t t = part.start_ns; t < part.end_ns; ++t) {
                REQUIRE_FALSE(free[static_cast<size_t>(t)]);
                free[static_cast<size_t>(t)] = true;
            }
        }
        for (int64_t t = 0; t < 80; ++t) {
            bool expected = t >= start && t < end;
            for (const LaneBlock& b : cover) expected = expected && !(t >= b.start_ns && t < b.end_ns);
            REQUIRE(free[static_cast<size_t>(t)] == expected);
        }
    }
}

TEST_CASE("a memory column holds the highest moment of its time") {
    TimelineFixture fixture;
    std::mt19937 random(5);
    const TraceReader& reader = fixture.add([&](TraceWriter& writer) {
        const LaneId lane = writer.addLane({0, LaneKind::compute, "compute"});
        const TraceEvent work =
            IntervalEvent{.lane = lane, .name = writer.intern("work"), .start_ns = 0, .end_ns = 100'000};
        writer.append({&work, 1});
        const NameId buffer = writer.intern("buffer");
        int64_t in_use = 0, time = 500;
        for (int i = 0; i < 3000; ++i) {
            time += random() % 60;
            const bool grow = in_use < 1000 || random() % 2;
            const int64_t delta = grow ? 1 + static_cast<int64_t>(random() % 5000) : -(in_use / 2);
            in_use += delta;
            const TraceEvent change = MemoryEvent{.time_ns = time,
                                                  .category = static_cast<MemoryCategory>(grow && i == 0 ? 0 : 4),
                                                  .delta_bytes = delta,
                                                  .buffer = buffer};
            writer.append({&change, 1});
        }
    });
    TimelineCache cache;
    cache.beginFrame(fixture.one(reader));
    const MemoryCurve& curve = reader.memory(0, MemoryTier::device);
    for (int64_t width : {7, 100, 5000, 40'000}) {
        const MemoryColumns& columns =
            cache.memory(reader, 0, MemoryTier::device, {0, 100'000}, static_cast<double>(width));
        REQUIRE(columns.column_ns == width);
        for (size_t i = 0; i < columns.columns.size(); ++i) {
            const int64_t start = columns.first_ns + static_cast<int64_t>(i) * width, end = start + width;
            int64_t expected = 0;
            for (size_t k = 0; k < curve.time_ns.size(); ++k) {
                const int64_t until = k + 1 < curve.time_ns.size() ? curve.time_ns[k + 1] : end;
                const bool last = k + 1 == curve.time_ns.size();
                // A value that lasted no time at all, within the column, was still in use.
                if (curve.time_ns[k] < end && (until > start || curve.time_ns[k] >= start || last))
                    expected = std::max(expected, curve.total_bytes[k]);
            }
            REQUIRE(columns.columns[i].total == expected);
            int64_t sum = 0;
            for (int64_t bytes : columns.columns[i].bytes) sum += bytes;
            REQUIRE(sum == expected);
        }
    }
}

TEST_CASE("panning by less than a screen asks the reader nothing") {
    TimelineFixture fixture;
    const TraceReader& reader = fixture.add({.ranks = 2, .steps = 4});
    TimelineCache cache;
    cache.beginFrame(fixture.one(reader));
    const TimeRange range{10'000'000, 20'000'000};
    const LaneBlock* first = cache.blocks(reader, LaneId{0}, range, 10'000).data();
    const TimeRange panned{range.start_ns + 9'000'000, range.end_ns + 9'000'000};
    CHECK(cache.blocks(reader, LaneId{0}, panned, 10'000).data() == first);
    cache.beginFrame(fixture.one(reader));
    CHECK(cache.blocks(reader, LaneId{0}, panned, 10'000).data() == first);
    cache.beginFrame({}); // no longer shown
    cache.beginFrame(fixture.one(reader));
    CHECK_FALSE(cache.blocks(reader, LaneId{0}, range, 10'000).empty());
}

TEST_CASE("a cache that defers reads nothing, draws what it has and wishes for the rest") {
    TimelineFixture fixture;
    const TraceReader& reader = fixture.add({.ranks = 2, .steps = 4});
    TimelineCache patient, cache;
    patient.beginFrame(fixture.one(reader));
    const TimeRange range{10'000'000, 20'000'000}, near{12'000'000, 14'000'000}, far{60'000'000, 61'000'000};
    const auto frame = [&](TimeRange visible, double ns_per_px) {
        cache.beginFrame(fixture.one(reader), true);
        return cache.blocks(reader, LaneId{0}, visible, ns_per_px);
    };
    const auto answerAll = [&] {
        for (TraceWishes& wishes : cache.takeWishes()) cache.give(answer(reader, std::move(wishes)));
    };
    CHECK(frame(range, 10'000).empty());
    CHECK(cache.incomplete());
    answerAll();
    const std::vector<LaneBlock> first = frame(range, 10'000);
    CHECK(first == patient.blocks(reader, LaneId{0}, range, 10'000));
    CHECK_FALSE(cache.incomplete());
    CHECK(cache.takeWishes().empty());
    // A zoom shows what is there until the finer answer has come.
    CHECK(frame(near, 2'000) == first);
    CHECK(cache.incomplete());
    answerAll();
    CHECK(frame(near, 2'000) == patient.blocks(reader, LaneId{0}, near, 2'000));
    // A jump shows the whole lane roughly.
    CHECK_FALSE(frame(far, 1'000).empty());
    CHECK(cache.incomplete());
    // Labels come later too, once.
    const LaneBlock& block = first.front();
    CHECK_FALSE(cache.details(reader, block));
    answerAll();
    REQUIRE(cache.details(reader, block));
    CHECK(cache.details(reader, block)->id == block.event);
    // An answer to what is not shown any more is thrown away.
    frame(near, 500);
    std::vector<TraceWishes> late = cache.takeWishes();
    REQUIRE(late.size() == 1);
    cache.beginFrame({}, true);
    cache.give(answer(reader, std::move(late[0])));
    CHECK(cache.takeWishes().empty());
}

TEST_CASE("a live trace's new events reach the cache") {
    QTemporaryDir folder;
    const std::string path = folder.filePath("live.shardscope").toStdString();
    std::unique_ptr<TraceReader> reader;
    TimelineCache cache;
    size_t seen = 0;
    int steps = 0;
    writeSampleTrace(path, {.ranks = 2, .steps = 3, .after_step = [&](int) {
                                if (!reader) {
                                    auto opened = TraceReader::open(path);
                                    REQUIRE(opened);
                                    reader = std::move(*opened);
                                } else {
                                    REQUIRE(reader->refresh());
                                }
                                TimelineModel model;
                                model.traces.push_back({.reader = reader.get()});
                                cache.beginFrame(model);
                                const size_t now = cache.blocks(*reader, LaneId{0}, {0, 100'000'000}, 1000).size();
                                CHECK(now > seen);
                                seen = now;
                                ++steps;
                            }});
    CHECK(steps == 3);
}

} // namespace shardscope::gui
