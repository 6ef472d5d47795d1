// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/painter.h"
#include "gui/canvas/timeline_cache.h"
#include "gui/canvas/timeline_drawing.h"
#include "gui/canvas/timeline_layout.h"
#include "timeline_fixture.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace shardscope::gui {
namespace {

// Pixels of a colour, or as close to it as `tolerance` in every channel.
int pixelsOf(const QImage& picture, Rgb colour, QRect where = {}, int tolerance = 0) {
    const QRect area = where.isNull() ? picture.rect() : where;
    int count = 0;
    for (int y = area.top(); y <= area.bottom(); ++y)
        for (int x = area.left(); x <= area.right(); ++x) {
            bool same = true;
            for (int shift : {16, 8, 0})
                same = same && std::abs(static_cast<int>(picture.pixel(x, y) >> shift & 0xff) -
                                        static_cast<int>(colour >> shift & 0xff)) <= tolerance;
            count += same;
        }
    return count;
}

void checkBudget(const Drawn& drawn) {
    CHECK(drawn.state.drawn_rects <= max_rects);
    CHECK(drawn.state.drawn_labels <= max_labels);
}

IntervalEvent interval(LaneId lane, NameId name, int64_t start, int64_t end, OpClass op_class = OpClass::compute) {
    return {.lane = lane, .name = name, .start_ns = start, .end_ns = end, .op_class = op_class};
}

} // namespace

TEST_CASE("four stages stand one below the other on one scale") {
    TimelineFixture fixture;
    TimelineModel model = fixture.fourStages();
    TimelineSelection selection{.visible = stepRange(model)};
    selection.cursor_ns = 4'000'000;
    const Drawn dark = drawOnce(model, selection);
    keepPicture(dark.picture, "stages_dark");
    keepPicture(drawOnce(model, selection, lightTheme()).picture, "stages_light");
    keepPicture(drawOnce(model, selection, darkTheme(), {1080, 700}, 2).picture, "stages_dark_2x");
    keepPicture(drawOnce(model, {}, darkTheme()).picture, "whole_dark");
    checkBudget(dark);
    CHECK(dark.state.drawn_labels > 40);
    CHECK_FALSE(dark.intents.hovered);
    CHECK_FALSE(dark.intents.visible);
    // Less is stored from stage to stage, and one scale lets it be seen: rows of the colour of optimizer states shrink.
    const Drawn tall = drawOnce(model, selection, darkTheme(), {1080, 900}); // all four are in sight
    std::vector<int> optimizer;
    for (const TimelineRow& row : layoutRows(model, contentHeight(model, 900)).rows)
        if (row.kind == RowKind::memory)
            optimizer.push_back(
                pixelsOf(tall.picture, mix(darkTheme().background, memoryColour(MemoryCategory::optimizer), 0.9f),
                         {300, static_cast<int>(topHeight() + row.y), 1, static_cast<int>(row.height)}, 2));
    REQUIRE(optimizer.size() == 4);
    CHECK(optimizer[0] > 2 * optimizer[1]);
    CHECK(optimizer[1] > 0);
    CHECK(optimizer[1] == optimizer[2]);
}

TEST_CASE("the same picture comes out every time") {
    TimelineFixture fixture;
    const TimelineModel model = fixture.fourStages();
    CHECK(drawOnce(model).picture == drawOnce(model).picture);
}

TEST_CASE("all ranks, emulated time and exposed communication alone") {
    TimelineFixture fixture;
    TimelineModel model = fixture.fourStages(true);
    keepPicture(drawOnce(model, {.visible = {3'000'000, 7'000'000}}).picture, "emulated_dark");
    model.exposed_only = true;
    const Drawn exposed = drawOnce(model, {.visible = stepRange(model)}, lightTheme());
    keepPicture(exposed.picture, "exposed_light");
    CHECK(pixelsOf(exposed.picture, operationColour(OpClass::compute, Phase::backward), {128, 54, 938, 640}) == 0);
    CHECK(pixelsOf(exposed.picture, operationColour(OpClass::reduce_scatter, Phase::backward)) > 50);
    model.exposed_only = false;
    model.only_rank = -1;
    const Drawn ranks = drawOnce(model, {.visible = stepRange(model)}, lightTheme(), {1080, 900});
    keepPicture(ranks.picture, "ranks_light");
    checkBudget(ranks);
    CHECK(timelineHeight(model) > 900);
}

TEST_CASE("exposed communication is underlined and hidden communication is not") {
    TimelineFixture fixture;
    const TraceReader& reader = fixture.add([](TraceWriter& writer) {
        const LaneId compute = writer.addLane({0, LaneKind::compute, "compute"}),
                     comm = writer.addLane({0, LaneKind::comm, "comm"});
        const NameId name = writer.intern("op");
        const std::vector<TraceEvent> events = {
            interval(compute, name, 0, 500'000), interval(comm, name, 100'000, 300'000, OpClass::all_reduce),
            interval(comm, name, 400'000, 700'000, OpClass::all_reduce), interval(compute, name, 900'000, 1'000'000)};
        writer.append(events);
    });
    const Drawn drawn = drawOnce(fixture.one(reader), {.visible = {0, 1'000'000}}, darkTheme(), {1142, 200});
    // 1,000 pixels for a millisecond: the underline runs from 0.5 to 0.7 ms, two pixels high.
    const QRect hidden{128 + 100, 54, 300, 120}, exposed{128 + 500, 54, 200, 120}; // the legend is below
    CHECK(pixelsOf(drawn.picture, darkTheme().bad, hidden) == 0);
    CHECK(pixelsOf(drawn.picture, darkTheme().bad, exposed) >= 2 * 198);
    CHECK(pixelsOf(drawn.picture, darkTheme().bad, {128, 54, 1000, 120}) <= 2 * 201);
}

TEST_CASE("a recorded peak that differs from the planned one is marked") {
    const auto write = [](int64_t planned) {
        return [planned](TraceWriter& writer) {
            const LaneId lane = writer.addLane({0, LaneKind::compute, "compute"});
            const std::vector<TraceEvent> events = {
                interval(lane, writer.intern("op"), 0, 1000),
                MemoryEvent{.time_ns = 100, .category = MemoryCategory::parameters, .delta_bytes = 5 << 20},
                MemoryEvent{.time_ns = 900, .category = MemoryCategory::parameters, .delta_bytes = -(5 << 20)},
                PlannedPeakEvent{.bytes = planned}};
            writer.append(events);
        };
    };
    TimelineFixture fixture;
    const Drawn kept = drawOnce(fixture.one(fixture.add(write(5 << 20))));
    const Drawn missed = drawOnce(fixture.one(fixture.add(write((5 << 20) + 1))));
    keepPicture(missed.picture, "not_as_planned_dark");
    CHECK(pixelsOf(kept.picture, darkTheme().attention, {}, 40) == 0);
    CHECK(pixelsOf(missed.picture, darkTheme().attention, {}, 40) > 5);
}

TEST_CASE("the selected event is outlined") {
    TimelineFixture fixture;
    TimelineModel model = fixture.one(fixture.add({.ranks = 1, .steps = 2, .stage = 0}));
    model.show_memory = false;
    TimelineSelection selection{.visible = {0, 3'000'000}};
    const auto rects = model.traces[0].reader->rects(LaneId{0}, selection.visible, 1000);
    REQUIRE(rects.size() > 2);
    const QRect below_ruler{128, 54, 900, 300};
    const int without = pixelsOf(drawOnce(model, selection).picture, darkTheme().accent, below_ruler);
    selection.selected = EventRef{0, rects[2].event};
    const Drawn drawn = drawOnce(model, selection);
    keepPicture(drawn.picture, "selected_dark");
    CHECK(pixelsOf(drawn.picture, darkTheme().accent, below_ruler) > without + 60);
}

TEST_CASE("no trace, an empty trace and one event draw without complaint") {
    TimelineFixture fixture;
    const Drawn nothing = drawOnce({});
    keepPicture(nothing.picture, "no_trace_dark");
    CHECK(nothing.state.drawn_labels == 1); // says what to do next
    CHECK_FALSE(nothing.intents.visible);
    CHECK(fullRange({}) == TimeRange{0, 1});

    const TraceReader& empty = fixture.add([](TraceWriter& writer) { writer.addLane({0, LaneKind::compute, "c"}); });
    checkBudget(drawOnce(fixture.one(empty)));

    const TraceReader& one = fixture.add([](TraceWriter& writer) {
        const LaneId lane = writer.addLane({0, LaneKind::compute, "c"});
        const TraceEvent event = interval(lane, writer.intern("the only one"), 41, 42);
        writer.append({&event, 1});
    });
    const Drawn drawn = drawOnce(fixture.one(one));
    CHECK(fullRange(fixture.one(one)).duration() == 1);
    CHECK(drawn.state.drawn_rects > 0);
}

TEST_CASE("a thousand lanes stay within the budget") {
    TimelineFixture fixture;
    const TraceReader& reader = fixture.add([](TraceWriter& writer) {
        const NameId name = writer.intern("op");
        std::vector<TraceEvent> events;
        for (int32_t rank = 0; rank < 500; ++rank)
            for (LaneKind kind : {LaneKind::compute, LaneKind::comm}) {
                const LaneId lane = writer.addLane({rank, kind, "lane"});
                for (int64_t i = 0; i < 20; ++i)
                    events.push_back(interval(lane, name, i * 1000, i * 1000 + 900,
                                              kind == LaneKind::comm ? OpClass::all_gather : OpClass::compute));
            }
        writer.append(events);
    });
    const TimelineModel model = fixture.one(reader);
    CHECK(timelineHeight(model) > 1000 * metrics::lane_pitch);
    checkBudget(drawOnce(model));
    checkBudget(drawOnce(model, {}, lightTheme(), {1600, 4000}));
}

TEST_CASE("times of decades and of nanoseconds both fit") {
    TimelineFixture fixture;
    constexpr int64_t far_end = 2'300'000'000'000'000'000; // as far as times may lie, 73 years
    const TraceReader& reader = fixture.add([&](TraceWriter& writer) {
        const LaneId lane = writer.addLane({0, LaneKind::compute, "c"});
        const NameId name = writer.intern("op");
        const std::vector<TraceEvent> events = {interval(lane, name, 0, 10),
                                                interval(lane, name, far_end - 10, far_end)};
        writer.append(events);
    });
    const TimelineModel model = fixture.one(reader);
    for (TimeRange visible :
         {TimeRange{0, far_end}, TimeRange{0, 100}, TimeRange{far_end - 100, far_end}, TimeRange{-far_end, far_end},
          TimeRange{INT64_MIN / 2, INT64_MAX / 2}, TimeRange{far_end / 2, far_end / 2 + 1}})
        checkBudget(drawOnce(model, {.visible = visible}));
    TimelineModel shifted = model;
    shifted.traces[0].origin_ns = far_end;
    checkBudget(drawOnce(shifted));
}

TEST_CASE("many short events stay within the budget and show as runs") {
    TimelineFixture fixture;
    const TraceReader& reader = fixture.add({.ranks = 8, .synthetic_events = 200'000});
    const TimelineModel model = fixture.one(reader);
    const TimeRange full = fullRange(model);
    for (int64_t share : {1, 3, 10, 100, 1000}) {
        const Drawn drawn = drawOnce(model, {.visible = {full.start_ns, full.start_ns + full.duration() / share}},
                                     darkTheme(), {1600, 1000});
        if (share == 1) keepPicture(drawn.picture, "runs_dark");
        if (share == 100) keepPicture(drawn.picture, "dense_dark");
        INFO("1/" << share << ": " << drawn.state.drawn_rects << " rects, " << drawn.state.drawn_labels << " labels");
        checkBudget(drawn);
        CHECK(drawn.state.drawn_rects > 200);
    }
}

TEST_CASE("a picture comes to rest where one resolution has too many blocks and the next nearly none") {
    // Lanes of marks of one layer, three pixels from one to the next: apart they are too many, and at twice the
    // nanoseconds per pixel all of a lane join.
    constexpr int64_t lanes = 20, marks = 700, pitch_ns = 3'000, mark_ns = 1'000;
    TimelineFixture fixture;
    const TraceReader& reader = fixture.add([&](TraceWriter& writer) {
        const NameId name = writer.intern("op");
        std::vector<TraceEvent> events;
        for (int32_t rank = 0; rank < lanes; ++rank) {
            const LaneId lane = writer.addLane({rank, LaneKind::compute, "lane"});
            for (int64_t i = 0; i < marks; ++i) {
                IntervalEvent event = interval(lane, name, i * pitch_ns, i * pitch_ns + mark_ns, OpClass::compute);
                event.layer = 0;
                events.push_back(event);
            }
        }
        writer.append(events);
    });
    const TimelineModel model = fixture.one(reader);
    for (const bool defers : {false, true}) {
        TimelineState state;
        state.defers = defers;
        TimelineIntents intents;
        TimelineSelection selection{.visible = {0, 1'600'000}}; // about a pixel for each thousand nanoseconds
        ImGuiCanvas canvas(
            [&](const CanvasFrame&) { intents = drawTimeline(model, selection, {}, darkTheme(), state); });
        canvas.resize(1800, 1000);
        int frames = 0;
        do {
            canvas.grab();
            for (TraceWishes& wishes : state.cache->takeWishes()) state.cache->give(answer(reader, std::move(wishes)));
        } while (intents.incomplete && ++frames < 40);
        INFO("deferred " << defers);
        CHECK(frames < 40);
        CHECK_FALSE(intents.wants_finer);
    }
}

TEST_CASE("how long a frame takes, printed and not judged") {
    TimelineFixture fixture;
    const auto report = [](const char* what, const TimelineModel& model, std::vector<TimeRange> ranges) {
        TimelineState state;
        std::vector<double> frame_ms;
        TimelineSelection selection;
        // One context for all frames, as in a widget; renderToImage would build the fonts anew.
        ImGuiCanvas canvas([&](const CanvasFrame&) { drawTimeline(model, selection, {}, darkTheme(), state); });
        canvas.resize(1600, 1000);
        for (TimeRange range : ranges) {
            selection.visible = range;
            const std::clock_t begin = std::clock(); // processor time: other programs do not count
            canvas.grab();
            frame_ms.push_back(1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
        }
        const double first = frame_ms.front();
        std::sort(frame_ms.begin(), frame_ms.end());
        std::printf("  %-44s first %.2f, median %.2f, worst %.2f ms of processor; %d rects, %d labels\n", what, first,
                    frame_ms[frame_ms.size() / 2], frame_ms.back(), state.drawn_rects, state.drawn_labels);
        CHECK(frame_ms.size() == ranges.size());
    };
    const auto panning = [](TimeRange range, int frames) {
        std::vector<TimeRange> ranges;
        for (int i = 0; i < frames; ++i) {
            const int64_t by = range.duration() * i / 200;
            ranges.push_back({range.start_ns + by, range.end_ns + by});
        }
        return ranges;
    };
    const TimelineModel stages = fixture.fourStages(true);
    report("four stages, one step, 1600x1000", stages, std::vector<TimeRange>(20, stepRange(stages)));
    report("four stages, panning", stages, panning(stepRange(stages), 40));
    const TimelineModel dense = fixture.one(fixture.add({.ranks = 8, .synthetic_events = 400'000}));
    const TimeRange full = fullRange(dense);
    report("400,000 events on 16 lanes, whole trace", dense, std::vector<TimeRange>(20, full));
    report("the same, panning at 1/20", dense, panning({0, full.duration() / 20}, 40));
    std::vector<TimeRange> zooms;
    for (int i = 0; i < 40; ++i) zooms.push_back({0, full.duration() * (41 - i) / 41});
    report("the same, zooming", dense, zooms);
}

TEST_CASE("a kernel's block is named by its function where the signature does not fit") {
    LaneBlock block;
    block.op_class = OpClass::compute;
    const auto has = [&](const char* name, const char* label) {
        const auto labels = blockLabels(block, name, -1);
        return std::find(labels.begin(), labels.end(), label) != labels.end();
    };
    CHECK(has("void shardscope::cuda::scale<float>(float*, int)", "scale"));
    CHECK(has("scale(float*, int)", "scale"));
    CHECK(has("nvjet_hsh_128x256", "nvjet_hsh_128x256"));
    CHECK(has("(anonymous namespace)::odd()", "(anonymous namespace)::odd()"));
}

} // namespace shardscope::gui
