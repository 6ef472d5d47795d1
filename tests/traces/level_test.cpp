// SPDX-License-Identifier: Apache-2.0
// Large finished traces: the coarser levels show what the events show, and a picture of any zoom needs little of the
// file.
#include "support/catch.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_loader.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <random>

using namespace shardscope;

namespace {

constexpr double pixels = 1500;

// A picture as one boolean per pixel.
std::vector<bool> busyPixels(const std::vector<LaneRect>& rects, TimeRange range, double px) {
    std::vector<bool> busy(static_cast<size_t>(pixels) + 1);
    for (const LaneRect& r : rects) {
        const double from = std::max(0.0, static_cast<double>(r.start_ns - range.start_ns) / px);
        const double to = std::min(pixels, static_cast<double>(r.end_ns - range.start_ns) / px);
        for (double p = std::floor(from); p <= to; ++p) busy[static_cast<size_t>(p)] = true;
    }
    return busy;
}

TimeRange randomRange(TimeRange all, std::mt19937_64& random) {
    const int64_t width = std::max<int64_t>(all.duration() >> (random() % 16), 1000);
    const int64_t start =
        all.start_ns + static_cast<int64_t>(random() % static_cast<uint64_t>(all.duration() - width + 1));
    return {start, start + width};
}

} // namespace

TEST_CASE("pictures from levels and from events agree") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.ranks = 1;
    options.synthetic_events = 100'000;
    writeSampleTrace(folder / "finished.shardscope", options);
    options.finish = false;
    writeSampleTrace(folder / "rows.shardscope", options);
    auto finished = TraceReader::open(folder / "finished.shardscope"),
         rows = TraceReader::open(folder / "rows.shardscope");
    REQUIRE(finished);
    REQUIRE(rows);
    REQUIRE((*rows)->eventCount() == 100'000);
    REQUIRE((*finished)->eventCount() == 100'000);
    REQUIRE((*finished)->span() == (*rows)->span());
    std::mt19937_64 random(21);
    for (int view = 0; view < 60; ++view) {
        const TimeRange range = view == 0 ? (*rows)->span() : randomRange((*rows)->span(), random);
        const double px = static_cast<double>(range.duration()) / pixels;
        const auto coarse = (*finished)->rects(LaneId{0}, range, px), exact = (*rows)->rects(LaneId{0}, range, px);
        REQUIRE(static_cast<double>(coarse.size()) <= 2 * pixels + 20);
        const auto busy = busyPixels(coarse, range, px), expected = busyPixels(exact, range, px);
        // The two may cut runs at other places, so a run may reach one pixel further; none may be missing.
        size_t missing = 0, added = 0;
        for (size_t p = 0; p < busy.size(); ++p) {
            const bool near = expected[p] || (p > 0 && expected[p - 1]) ||
                              (p + 1 < expected.size() && expected[p + 1]) || (p > 1 && expected[p - 2]);
            missing += expected[p] && !busy[p] && !(p > 0 && busy[p - 1]) && !(p + 1 < busy.size() && busy[p + 1]);
            added += busy[p] && !near;
        }
        CHECK(missing == 0);
        CHECK(added == 0);
    }
    CHECK((*finished)->warnings().empty());
    const auto a = (*finished)->events(LaneId{1}, (*finished)->span()), b = (*rows)->events(LaneId{1}, (*rows)->span());
    REQUIRE(a.size() == b.size());
    bool same = true;
    for (size_t i = 0; i < a.size(); ++i)
        same = same && a[i].start_ns == b[i].start_ns && a[i].end_ns == b[i].end_ns && a[i].name == b[i].name &&
               a[i].bytes == b[i].bytes && a[i].step == b[i].step && a[i].layer == b[i].layer;
    CHECK(same);
}

TEST_CASE("a picture reads a bounded part of a lane at any zoom") {
    const TemporaryFolder folder;
    SampleTraceOptions options;
    options.ranks = 1;
    options.synthetic_events = 300'000;
    writeSampleTrace(folder / "run.shardscope", options);
    TraceLoader loader(folder / "run.shardscope");
    LoadedTrace trace;
    REQUIRE(loader.connect(1000));
    REQUIRE(loader.loadTables(trace));
    REQUIRE(loader.loadChunkDirectory(trace, true));
    LaneIndex& lane = trace.lane_indexes[0];
    REQUIRE(lane.levels.size() >= 3);
    std::mt19937_64 random(22);
    size_t most = 0;
    for (int view = 0; view < 100; ++view) {
        size_t items = 0;
        const TimeRange range = view == 0 ? lane.extent() : randomRange(lane.extent(), random);
        std::vector<LaneRect> rects;
        const bool ok = lane.rects(
            range, static_cast<double>(range.duration()) / pixels,
            [&](size_t level, size_t slot, bool details) {
                return loader.loadChunk(trace, LaneId{0}, level, slot, details);
            },
            rects);
        REQUIRE(ok);
        for (auto& level : lane.levels) {
            for (auto& slot : level.slots) {
                if (slot.chunk) items += slot.count;
                slot.chunk.reset(); // forgotten, so that every picture starts cold
            }
        }
        most = std::max(most, items);
    }
    CHECK(most <= 3 * written_chunk_events);
    WARN("a picture of " << pixels << " pixels in a lane of 150000 events read at most " << most << " of them");
}

TEST_CASE("a lane that changes its pace gets the levels of the whole lane") {
    const TemporaryFolder folder;
    constexpr int64_t slow = 20'000, fast = 100'000;
    {
        auto writer = TraceWriter::createSorted(folder / "paces.shardscope", false);
        REQUIRE(writer);
        const LaneId lane = (*writer)->addLane({0, LaneKind::compute, "stream"});
        std::vector<IntervalEvent> events;
        for (int64_t i = 0; i < slow; ++i) // more than a chunk, from which the writer guesses
            events.push_back({.lane = lane, .start_ns = i * 1'000'000, .end_ns = i * 1'000'000 + 500});
        for (int64_t i = 0; i < fast; ++i)
            events.push_back(
                {.lane = lane, .start_ns = slow * 1'000'000 + i * 100, .end_ns = slow * 1'000'000 + i * 100 + 50});
        (*writer)->append(std::span<const IntervalEvent>(events));
        REQUIRE((*writer)->finish("finished"));
    }
    TraceLoader loader(folder / "paces.shardscope");
    REQUIRE(loader.connect(1000));
    LoadedTrace trace;
    REQUIRE(loader.loadTables(trace));
    REQUIRE(loader.loadChunkDirectory(trace, false));
    const LaneIndex& lane = trace.lane_indexes[0];
    REQUIRE(lane.levels.size() >= 2);
    // An eighth of all events: the slow ones keep a window each until it is longer than their distance.
    CHECK(lane.levels[1].width_ns >= int64_t{1} << 20);
    CHECK(lane.levels[1].width_ns <= int64_t{1} << 22);
    size_t events = 0;
    for (const ChunkSlot& slot : lane.levels[1].slots) events += slot.count;
    CHECK(events <= (slow + fast) / 8 * 2);
}

TEST_CASE("a lane that slows down gets finer levels than its begin asked for") {
    const TemporaryFolder folder;
    constexpr int64_t dense = 20'000, even = 180'000;
    {
        auto writer = TraceWriter::createSorted(folder / "paces.shardscope", false);
        REQUIRE(writer);
        const LaneId lane = (*writer)->addLane({0, LaneKind::compute, "stream"});
        std::vector<IntervalEvent> events;
        for (int64_t i = 0; i < dense; ++i)
            events.push_back({.lane = lane, .start_ns = i * 100'000, .end_ns = i * 100'000 + 50'000});
        for (int64_t i = 0; i < even; ++i)
            events.push_back(
                {.lane = lane, .start_ns = dense * 100'000 + i * 100, .end_ns = dense * 100'000 + i * 100 + 50});
        (*writer)->append(std::span<const IntervalEvent>(events));
        REQUIRE((*writer)->finish("finished"));
    }
    const auto reader = TraceReader::open(folder / "paces.shardscope");
    REQUIRE(reader);
    uint64_t shown = 0;
    const TimeRange all = (*reader)->span();
    for (const LaneRect& rect : (*reader)->rects(LaneId{0}, all, static_cast<double>(all.duration()) / pixels))
        shown += rect.count;
    CHECK(shown == dense + even);
    TraceLoader loader(folder / "paces.shardscope");
    REQUIRE(loader.connect(1000));
    LoadedTrace trace;
    REQUIRE(loader.loadTables(trace));
    REQUIRE(loader.loadChunkDirectory(trace, false));
    REQUIRE(trace.lane_indexes[0].levels.size() >= 2);
    CHECK(trace.lane_indexes[0].levels[1].width_ns <= int64_t{1} << 16);
}
