// SPDX-License-Identifier: Apache-2.0
// Pictures of lanes against brute force: no busy pixel is lost, nothing is counted twice, the number of rects is
// bounded.
#include "support/catch.h"
#include "traces/chunk_codec.h"
#include "traces/lane_index.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace shardscope;

namespace {

const LaneIndex::Loader nothing_to_load = [](size_t, size_t, bool) { return false; };

LaneEntry entry(int64_t id, int64_t start, int64_t end) {
    LaneEntry e;
    e.rect = {.start_ns = start,
              .end_ns = end,
              .event = static_cast<EventId>(id),
              .phase = static_cast<Phase>(id % 5),
              .op_class = static_cast<OpClass>(id % 8),
              .layer = static_cast<int32_t>(id % 30) - 2,
              .bucket = static_cast<int32_t>(id % 7) - 1};
    e.detail = {.op = OpId{static_cast<int32_t>(id % 100)}, .step = static_cast<int32_t>(id / 10), .bytes = 3 * id};
    return e;
}

// Durations and gaps over several orders of magnitude, some of them zero.
std::vector<LaneEntry> serialLane(size_t count, std::mt19937_64& random) {
    std::vector<LaneEntry> lane;
    int64_t now = static_cast<int64_t>(random() % 1000) - 500;
    for (size_t i = 0; i < count; ++i) {
        now += static_cast<int64_t>((random() % 3 == 0) ? 0 : random() % (uint64_t{1} << (random() % 14)));
        const int64_t start = now;
        now += static_cast<int64_t>(random() % (uint64_t{1} << (random() % 12)));
        lane.push_back(entry(static_cast<int64_t>(i) + 1, start, now));
    }
    return lane;
}

std::vector<LaneEntry> overlappingLane(size_t count, std::mt19937_64& random) {
    std::vector<LaneEntry> lane;
    for (size_t i = 0; i < count; ++i) {
        const auto start = static_cast<int64_t>(random() % (count * 20));
        lane.push_back(entry(static_cast<int64_t>(i) + 1, start,
                             start + static_cast<int64_t>(random() % (uint64_t{1} << (random() % 16)))));
    }
    return lane;
}

bool touches(const LaneRect& r, TimeRange range) {
    return r.start_ns < range.end_ns && (r.end_ns > range.start_ns || r.start_ns >= range.start_ns);
}

struct View {
    TimeRange range;
    double ns_per_px;
};

View randomView(const std::vector<LaneEntry>& lane, std::mt19937_64& random) {
    int64_t first = lane[0].rect.start_ns, last = lane[0].rect.end_ns;
    for (const LaneEntry& e : lane) {
        first = std::min(first, e.rect.start_ns);
        last = std::max(last, e.rect.end_ns);
    }
    const auto span = static_cast<uint64_t>(last - first + 300);
    const int64_t width = 1 + static_cast<int64_t>(random() % span / (1 + random() % 50));
    const int64_t start = first - 100 + static_cast<int64_t>(random() % span);
    const double pixels = 1 + static_cast<double>(random() % 300);
    return {{start, start + width}, static_cast<double>(width) / pixels};
}

// True when every visible event lies inside the union of the rects.
bool coversAll(const std::vector<LaneRect>& rects, const std::vector<LaneEntry>& lane, TimeRange range) {
    size_t k = 0;
    int64_t covered_until = std::numeric_limits<int64_t>::min();
    std::vector<const LaneRect*> visible;
    for (const LaneEntry& e : lane)
        if (touches(e.rect, range)) visible.push_back(&e.rect);
    for (const LaneRect* e : visible) {
        const int64_t start = std::max(e->start_ns, range.start_ns), end = std::min(e->end_ns, range.end_ns);
        while (k < rects.size() && rects[k].start_ns <= start)
            covered_until = std::max(covered_until, rects[k++].end_ns);
        int64_t reach = covered_until;
        for (size_t j = k; reach < end && j < rects.size() && rects[j].start_ns <= reach; ++j)
            reach = std::max(reach, rects[j].end_ns);
        if (reach < end) return false;
    }
    return true;
}

} // namespace

TEST_CASE("a serial lane shows each wide event alone and merges the narrow ones") {
    std::mt19937_64 random(11);
    for (int round = 0; round < 40; ++round) {
        const auto lane = serialLane(1 + random() % 900, random);
        LaneIndex index;
        index.append(lane);
        for (int view = 0; view < 25; ++view) {
            const auto [range, px] = randomView(lane, random);
            std::vector<LaneRect> rects;
            REQUIRE(index.rects(range, px, nothing_to_load, rects));
            REQUIRE(coversAll(rects, lane, range));
            const double pixels = static_cast<double>(range.duration()) / px;
            REQUIRE(static_cast<double>(rects.size()) <= 2 * pixels + 4);
            size_t visible = 0, counted = 0, wide = 0, wide_shown = 0;
            for (const LaneEntry& e : lane) {
                if (!touches(e.rect, range)) continue;
                ++visible;
                wide += static_cast<double>(e.rect.end_ns - e.rect.start_ns) >= px;
            }
            for (size_t i = 0; i < rects.size(); ++i) {
                const LaneRect& r = rects[i];
                counted += r.count;
                if (i > 0) REQUIRE(rects[i - 1].start_ns <= r.start_ns);
                const LaneRect& original = lane[static_cast<size_t>(r.event) - 1].rect;
                REQUIRE(r.phase == original.phase);
                REQUIRE(r.op_class == original.op_class);
                REQUIRE(r.layer == original.layer);
                REQUIRE(r.bucket == original.bucket);
                if (r.count == 1) {
                    REQUIRE(r.start_ns == original.start_ns);
                    REQUIRE(r.end_ns == original.end_ns);
                    wide_shown += static_cast<double>(r.end_ns - r.start_ns) >= px;
                } else if (static_cast<double>(original.end_ns - original.start_ns) < px) {
                    REQUIRE(static_cast<double>(r.end_ns - r.start_ns) < 2 * px);
                }
            }
            REQUIRE(counted == visible);
            // An event of no length can start in the same pixel as a wide one and be drawn with it.
            REQUIRE(wide_shown <= wide);
        }
    }
}

TEST_CASE("overlapping events never leave a busy pixel empty nor grow the picture") {
    std::mt19937_64 random(12);
    for (int round = 0; round < 40; ++round) {
        auto lane = overlappingLane(1 + random() % 900, random);
        LaneIndex index;
        index.append(lane);
        std::sort(lane.begin(), lane.end(),
                  [](const LaneEntry& a, const LaneEntry& b) { return a.rect.start_ns < b.rect.start_ns; });
        for (int view = 0; view < 25; ++view) {
            const auto [range, px] = randomView(lane, random);
            std::vector<LaneRect> rects;
            REQUIRE(index.rects(range, px, nothing_to_load, rects));
            REQUIRE(coversAll(rects, lane, range));
            REQUIRE(static_cast<double>(rects.size()) <= 2 * static_cast<double>(range.duration()) / px + 4);
        }
    }
}

TEST_CASE("events() returns exactly what touches the range, whatever the order of arrival") {
    std::mt19937_64 random(13);
    for (int round = 0; round < 30; ++round) {
        auto lane = overlappingLane(1 + random() % 700, random);
        LaneIndex at_once, in_batches;
        at_once.append(lane);
        std::vector<LaneEntry> batch;
        for (const LaneEntry& e : lane) {
            batch.push_back(e);
            if (random() % 20 == 0) in_batches.append(std::exchange(batch, {}));
        }
        in_batches.append(std::move(batch));
        CHECK(in_batches.eventCount() == lane.size());
        CHECK(in_batches.extent() == at_once.extent());
        for (int view = 0; view < 10; ++view) {
            const auto [range, px] = randomView(lane, random);
            std::vector<IntervalEvent> a, b;
            REQUIRE(at_once.events(range, LaneId{3}, nothing_to_load, a));
            REQUIRE(in_batches.events(range, LaneId{3}, nothing_to_load, b));
            const auto expected = std::count_if(lane.begin(), lane.end(),
                                                [&, r = range](const LaneEntry& e) { return touches(e.rect, r); });
            REQUIRE(static_cast<int64_t>(a.size()) == expected);
            REQUIRE(b.size() == a.size());
            for (size_t i = 0; i < a.size(); ++i) {
                REQUIRE(a[i].start_ns == b[i].start_ns);
                REQUIRE(a[i].lane == LaneId{3});
                if (i > 0) REQUIRE(a[i - 1].start_ns <= a[i].start_ns);
            }
        }
    }
}

TEST_CASE("a lane of several chunks behaves like one of one chunk") {
    std::mt19937_64 random(14);
    const auto lane = serialLane(150'000, random);
    LaneIndex index;
    index.append(lane);
    CHECK(index.levels[0].slots.size() == (150'000 + written_chunk_events - 1) / written_chunk_events);
    for (int view = 0; view < 30; ++view) {
        const auto [range, px] = randomView(lane, random);
        std::vector<LaneRect> rects;
        REQUIRE(index.rects(range, px, nothing_to_load, rects));
        REQUIRE(coversAll(rects, lane, range));
        size_t counted = 0, visible = 0;
        for (const LaneRect& r : rects) counted += r.count;
        for (const LaneEntry& e : lane) visible += touches(e.rect, range);
        REQUIRE(counted == visible);
    }
}

TEST_CASE("nonsense questions have harmless answers") {
    LaneIndex index;
    std::vector<LaneRect> rects;
    std::vector<IntervalEvent> events;
    const int64_t lowest = std::numeric_limits<int64_t>::min(), highest = std::numeric_limits<int64_t>::max();
    CHECK(index.rects({0, 100}, 1, nothing_to_load, rects));
    CHECK(rects.empty());
    CHECK(index.extent() == TimeRange{});
    index.append(
        {entry(1, 0, 10), entry(2, 20, 30), entry(3, -time_limit_ns, -time_limit_ns), entry(4, 40, time_limit_ns)});
    for (const double px : {0.0, -1.0, 1e-300, 1e300, std::nan(""), HUGE_VAL}) {
        rects.clear();
        CHECK(index.rects({lowest, highest}, px, nothing_to_load, rects));
        size_t counted = 0;
        for (const LaneRect& r : rects) counted += r.count;
        CHECK(counted == 4);
    }
    rects.clear();
    CHECK(index.rects({100, 0}, 1, nothing_to_load, rects));
    CHECK(index.rects({7, 7}, 1, nothing_to_load, rects));
    CHECK(rects.empty());
    CHECK(index.events({lowest, highest}, LaneId{0}, nothing_to_load, events));
    CHECK(events.size() == 4);
}

TEST_CASE("chunks survive their compressed form and refuse any other") {
    std::mt19937_64 random(15);
    const auto lane = serialLane(3000, random);
    std::vector<LaneRect> rects, runs;
    ChunkColumns columns;
    ShapeColumns run_columns;
    for (const LaneEntry& e : lane) {
        rects.push_back(e.rect);
        const IntervalEvent event = toEvent(LaneId{0}, e.rect, e.detail);
        const auto id = static_cast<int64_t>(e.rect.event);
        columns.add({&event, 1}, {&id, 1});
        LaneRect run = e.rect;
        run.count = 1 + static_cast<uint32_t>(random() % 1000);
        runs.push_back(run);
        run_columns.add(run, true);
    }
    const int64_t last_end = std::max_element(rects.begin(), rects.end(), [](const LaneRect& a, const LaneRect& b) {
                                 return a.end_ns < b.end_ns;
                             })->end_ns;
    const auto shape = encodeShape(columns.shape), detail = encodeDetail(columns), run_shape = encodeShape(run_columns);
    const auto read = decodeShape(shape, lane.size(), false), read_runs = decodeShape(run_shape, lane.size(), true);
    const auto read_detail = decodeDetail(detail, lane.size());
    REQUIRE(read);
    REQUIRE(read_runs);
    REQUIRE(read_detail);
    for (size_t i = 0; i < lane.size(); ++i) {
        REQUIRE(read->rect(i).start_ns == lane[i].rect.start_ns);
        REQUIRE(read->rect(i).end_ns == lane[i].rect.end_ns);
        REQUIRE(read->rect(i).event == lane[i].rect.event);
        REQUIRE(read->rect(i).bucket == lane[i].rect.bucket);
        REQUIRE(read_runs->rect(i).count == runs[i].count);
        REQUIRE((*read_detail)[i] == lane[i].detail);
    }
    WARN("bytes per event: shape " << static_cast<double>(shape.size()) / 3000 << ", detail "
                                   << static_cast<double>(detail.size()) / 3000);

    CHECK_FALSE(decodeShape(shape, lane.size() - 1, false));
    CHECK_FALSE(decodeShape(shape, lane.size() + 1, false));
    CHECK_FALSE(decodeShape(shape, lane.size(), true));
    CHECK_FALSE(decodeShape(detail, lane.size(), false));
    CHECK_FALSE(decodeShape({}, 1, false));
    CHECK_FALSE(decodeShape(shape, 0, false));
    CHECK_FALSE(decodeShape(shape, chunk_capacity + 1, false));
    CHECK_FALSE(decodeDetail(shape, lane.size()));
    for (int i = 0; i < 500; ++i) { // the frame's checksum catches every flipped bit of the content
        auto damaged = shape;
        damaged[random() % damaged.size()] ^= std::byte{1} << (random() % 8);
        const auto decoded = decodeShape(damaged, lane.size(), false);
        if (decoded) REQUIRE(decoded->lastEnd() == last_end);
        auto shorter = detail;
        shorter.resize(random() % shorter.size());
        REQUIRE_FALSE(decodeDetail(shorter, lane.size()));
    }
}
