// SPDX-License-Identifier: Apache-2.0
// Groups, bands, colourings, the range, and what lies over the lanes.
#include "canvas_events.h"
#include "gui/canvas/rank_order.h"
#include "gui/canvas/timeline_colour.h"
#include "gui/canvas/timeline_layout.h"
#include "timeline_fixture.h"
#include <QTest>
#include <set>

namespace shardscope::gui {
namespace {

int rowsOf(const TimelineModel& model, RowKind kind) {
    int count = 0;
    for (const TimelineRow& row : layoutRows(model, 0).rows) count += row.kind == kind;
    return count;
}

int pixelsOf(const QImage& picture, Rgb colour, QRect area) {
    int count = 0;
    for (int y = area.top(); y <= area.bottom(); ++y)
        for (int x = area.left(); x <= area.right(); ++x) count += (picture.pixel(x, y) & 0xffffff) == colour;
    return count;
}

IntervalEvent interval(LaneId lane, NameId name, int64_t start, int64_t end, OpClass op_class = OpClass::compute) {
    return {.lane = lane, .name = name, .start_ns = start, .end_ns = end, .op_class = op_class};
}

// Compute from 0 to 0.5 ms; communication from 0.4 to 0.8 ms, half of it exposed.
const TraceReader& overlapping(TimelineFixture& fixture) {
    return fixture.add([](TraceWriter& writer) {
        const LaneId compute = writer.addLane({0, LaneKind::compute, "compute"}),
                     comm = writer.addLane({0, LaneKind::comm, "comm"});
        const NameId name = writer.intern("op");
        const std::vector<TraceEvent> events = {interval(compute, name, 0, 500'000),
                                                interval(comm, name, 400'000, 800'000, OpClass::all_reduce),
                                                interval(compute, name, 990'000, 1'000'000)};
        writer.append(events);
    });
}

} // namespace

TEST_CASE("a collapsed rank is one summary lane without its memory") {
    TimelineFixture fixture;
    TimelineModel model = fixture.one(fixture.add({.ranks = 3, .steps = 3, .stage = 2}));
    const int lanes = rowsOf(model, RowKind::lane), memory = rowsOf(model, RowKind::memory);
    REQUIRE(lanes == 6);
    model.traces[0].collapsed = {1};
    CHECK(rowsOf(model, RowKind::lane) == 4);
    CHECK(rowsOf(model, RowKind::summary) == 1);
    CHECK(rowsOf(model, RowKind::memory) == memory - 1);
    CHECK(shownLanes(model, 0).size() == 4);
    model.traces[0].collapsed = {0, 1, 2, 77};
    CHECK(rowsOf(model, RowKind::summary) == 3);
    keepPicture(drawOnce(model, {.visible = stepRange(model)}).picture, "collapsed_dark");
    keepPicture(drawOnce(model, {.visible = stepRange(model)}, lightTheme()).picture, "collapsed_light");
    model.traces[0].collapsed = {};
    model.traces[0].hidden = {LaneId{0}};
    CHECK(rowsOf(model, RowKind::lane) == lanes - 1);
}

TEST_CASE("ranks stand in the order they were moved to") {
    CHECK(inOrder({0, 1, 2, 3}, {}) == std::vector<int32_t>{0, 1, 2, 3});
    CHECK(inOrder({0, 1, 2, 3}, {2, 77, 2, 0}) == std::vector<int32_t>{2, 0, 1, 3});
    CHECK(orderAfterMove(4, {}, 0, 2) == std::vector<int32_t>{1, 2, 0, 3});
    CHECK(orderAfterMove(4, {1, 2, 0, 3}, 0, 1).empty()); // back where it was
    CHECK(orderAfterMove(4, {}, 3, 0) == std::vector<int32_t>{3, 0, 1, 2});
    CHECK(orderAfterMove(4, {}, 9, 0).empty());

    TimelineFixture fixture;
    TimelineModel model = fixture.one(fixture.add({.ranks = 3, .steps = 3, .stage = 2}));
    model.traces[0].rank_order = {2, 0, 1};
    std::vector<int32_t> named;
    for (const TimelineRow& row : layoutRows(model, 0).rows)
        if (row.names_rank) named.push_back(row.rank);
    CHECK(named == std::vector<int32_t>{2, 0, 1});
    const auto lanes = model.traces[0].reader->lanes();
    CHECK(lanes[static_cast<size_t>(shownLanes(model, 0).front())].rank == 2);
}

TEST_CASE("a thousand ranks collapse within the budget of a frame") {
    TimelineFixture fixture;
    TimelineModel model = fixture.one(fixture.add([](TraceWriter& writer) {
        const NameId name = writer.intern("op");
        std::vector<TraceEvent> events;
        for (int32_t rank = 0; rank < 1000; ++rank) {
            const LaneId lane = writer.addLane({rank, LaneKind::compute, "compute"});
            for (int64_t i = 0; i < 20; ++i)
                events.push_back(interval(lane, name, i * 1000 + rank, i * 1000 + 700 + rank));
        }
        writer.append(events);
    }));
    for (int32_t rank = 0; rank < 1000; ++rank) model.traces[0].collapsed.insert(rank);
    CHECK(rowsOf(model, RowKind::summary) == 1000);
    const Drawn drawn = drawOnce(model);
    CHECK(drawn.state.drawn_rects <= 10'000);
    CHECK(drawn.state.drawn_rects > 200);
}

TEST_CASE("a summary lane shows compute, communication and what of it is exposed") {
    TimelineFixture fixture;
    TimelineModel model = fixture.one(overlapping(fixture));
    model.traces[0].collapsed = {0};
    const Drawn drawn = drawOnce(model, {.visible = {0, 1'000'000}}, darkTheme(), {1142, 200}); // 1 px for 1 us
    const QRect hidden{128 + 400, 54, 99, 120}, exposed{128 + 501, 54, 298, 120};
    CHECK(pixelsOf(drawn.picture, darkTheme().bad, hidden) == 0);
    CHECK(pixelsOf(drawn.picture, darkTheme().bad, exposed) >= 2 * 297);
    CHECK(pixelsOf(drawn.picture, operationColour(OpClass::all_reduce, Phase::forward), hidden) > 99);
    CHECK(pixelsOf(drawn.picture, operationColour(OpClass::compute, Phase::forward), hidden) > 99);
}

TEST_CASE("a summary lane marks what differs from the baseline, and what is equal recedes") {
    TimelineFixture fixture;
    TimelineModel model = fixture.one(fixture.add([](TraceWriter& writer) {
        const LaneId compute = writer.addLane({0, LaneKind::compute, "compute"}),
                     comm = writer.addLane({0, LaneKind::comm, "comm"});
        writer.append(
            std::vector<TraceEvent>{interval(compute, writer.intern("equal"), 0, 500'000),
                                    interval(comm, writer.intern("faster"), 400'000, 800'000, OpClass::all_reduce)});
    }));
    model.traces[0].collapsed = {0};
    const TimelineSelection selection{.visible = {0, 1'000'000}};
    const QRect plot{128, 54, 1000, 110};
    const auto count = [&](Rgb colour) {
        return pixelsOf(drawOnce(model, selection, darkTheme(), {1142, 200}).picture, colour, plot);
    };
    const Rgb compute = operationColour(OpClass::compute, Phase::forward);
    CHECK(count(darkTheme().good) == 0);
    CHECK(count(compute) > 0);
    const auto rects = model.traces[0].reader->rects(LaneId{1}, {0, 1'000'000}, 1000);
    const auto details = model.traces[0].reader->details(rects.at(0).event);
    auto marks = std::make_shared<DifferenceMarks>();
    marks->add(details->event.phase, details->name, {OpDifference::faster, -12, "−12 % against A"});
    model.traces[0].differences = marks;
    CHECK(count(darkTheme().good) >= 2 * 300);
    CHECK(count(compute) == 0);
    keepPicture(drawOnce(model, selection, darkTheme(), {1142, 200}).picture, "summary_differences");
}

TEST_CASE("steps and phases of a run have bands, a trace without them has none") {
    TimelineFixture fixture;
    TimelineModel run = fixture.one(fixture.add({.ranks = 1, .steps = 3, .stage = 1}));
    CHECK(rowsOf(run, RowKind::bands) == 1);
    run.traces[0].origin_ns = run.traces[0].reader->steps()[1].start_ns;
    keepPicture(drawOnce(run, {}).picture, "bands_dark");
    keepPicture(drawOnce(run, {.visible = stepRange(run)}, lightTheme()).picture, "bands_light");
    run.show_lanes = false;
    CHECK(rowsOf(run, RowKind::bands) == 0);
    CHECK(rowsOf(fixture.one(overlapping(fixture)), RowKind::bands) == 0);
}

TEST_CASE("memory gives way where four traces then fit, and only there") {
    TimelineFixture fixture;
    TimelineModel model = fixture.fourStages();
    model.only_rank = 0;
    const float usual = layoutRows(model, 0).height, least = usual - 4 * (48 - 20);
    CHECK(layoutRows(model, usual - 50).height <= usual - 50);
    CHECK(layoutRows(model, usual - 50).height > usual - 54); // by no more than is needed
    CHECK(layoutRows(model, least).height == least);
    CHECK(layoutRows(model, least - 1).height == usual); // it scrolls in any case, so it is as high as is good to read
    CHECK(layoutRows(model, usual + 80).height == usual + 80);
    keepPicture(drawOnce(model, {.visible = stepRange(model)}, darkTheme(), {1100, 656}).picture, "four_fit_dark");
}

TEST_CASE("the head of a trace stays while its lanes scroll, and the next one pushes it out") {
    TimelineFixture fixture;
    const TimelineModel model = fixture.fourStages();
    const TimelineLayout layout = layoutRows(model, 0);
    const PinnedRows top = pinnedRows(layout, 0), inside = pinnedRows(layout, 40);
    CHECK(top.first == 0);
    CHECK(inside.first == 0);
    CHECK(inside.y == 0);
    float second = 0;
    for (const TimelineRow& row : layout.rows)
        if (row.kind == RowKind::head && row.trace == 1) second = row.y;
    CHECK(pinnedRows(layout, second - 10).y < 0);
    CHECK(layout.rows[pinnedRows(layout, second).first].trace == 1);
    CHECK(pinnedRows({}, 5).height == 0);
}

TEST_CASE("colourings tell layers, buckets and names apart") {
    const LaneBlock layer3{.layer = 3}, layer11{.layer = 11}, bucket1{.op_class = OpClass::reduce_scatter, .bucket = 1};
    const Theme& theme = darkTheme();
    const auto paint = [&](TimelineColouring colouring, const LaneBlock& block, int64_t name = -1) {
        return paintOf(colouring, block, name, theme);
    };
    using enum TimelineColouring;
    CHECK(paint(layer, layer3).colour == paint(layer, layer11).colour);   // eight colours,
    CHECK(paint(layer, layer3).pattern != paint(layer, layer11).pattern); // and patterns for the rest
    CHECK_FALSE(paint(layer, bucket1) == paint(layer, layer3));
    CHECK(legendText(layer, paint(layer, layer3), 12, "") == "layer 3");
    CHECK(legendText(layer, paint(layer, LaneBlock{.layer = 12}), 12, "") == "head");
    CHECK(legendText(layer, paint(layer, LaneBlock{.layer = -2}), 12, "") == "embedding");
    CHECK(legendText(bucket, paint(bucket, bucket1), 12, "") == "bucket 1");
    CHECK(legendText(bucket, paint(bucket, layer3), 12, "") == "no bucket");
    CHECK_FALSE(paint(name, layer3, 4) == paint(name, layer3, 5));
    CHECK(legendText(operation, paint(operation, bucket1), 12, "") == "reduce-scatter");

    TimelineFixture fixture;
    TimelineModel model = fixture.one(fixture.add({.ranks = 2, .steps = 2, .stage = 2, .layers = 12}));
    std::set<QRgb> pictures;
    for (const TimelineColouring colouring : {operation, layer, bucket, name}) {
        model.colouring = colouring;
        const Drawn drawn = drawOnce(model, {.visible = stepRange(model)});
        keepPicture(drawn.picture, ("colouring" + std::to_string(static_cast<int>(colouring))).c_str());
        CHECK(drawn.state.drawn_rects <= 10'000);
        pictures.insert(
            static_cast<QRgb>(qHashBits(drawn.picture.constBits(), static_cast<size_t>(drawn.picture.sizeInBytes()))));
    }
    CHECK(pictures.size() == 4);
}

TEST_CASE("what is searched for keeps its colour, the rest is dimmed") {
    TimelineFixture fixture;
    TimelineModel model = fixture.one(overlapping(fixture));
    auto matches = std::make_shared<TraceMatches>();
    matches->lanes.resize(2);
    matches->count = 1;
    const auto rects = model.traces[0].reader->rects(LaneId{1}, {0, 1'000'000}, 1000);
    REQUIRE(rects.size() == 1);
    matches->lanes[1].push_back({rects[0].start_ns, rects[0].event});
    model.traces[0].marks.matches = matches;
    const Drawn drawn = drawOnce(model, {.visible = {0, 1'000'000}}, darkTheme(), {1142, 200});
    const QRect plot{128, 54, 1000, 110};
    CHECK(pixelsOf(drawn.picture, operationColour(OpClass::compute, Phase::forward), plot) == 0);
    CHECK(pixelsOf(drawn.picture, operationColour(OpClass::all_reduce, Phase::forward), plot) > 2000);
    CHECK(matches->within(LaneId{1}, 0, 1'000'000));
    CHECK_FALSE(matches->within(LaneId{0}, 0, 1'000'000));
    CHECK_FALSE(matches->within(LaneId{7}, 0, 1));
    CHECK_FALSE(matches->is(LaneId{1}, rects[0].start_ns, EventId{99'999}));
}

TEST_CASE("arrows, twins and a range are drawn over the lanes") {
    TimelineFixture fixture;
    TimelineModel model = fixture.one(overlapping(fixture));
    const TimelineSelection selection{.visible = {0, 1'000'000}};
    const QImage plain = drawOnce(model, selection).picture;
    model.traces[0].marks.flows = {
        {.from_lane = LaneId{0}, .to_lane = LaneId{1}, .from_ns = 100'000, .to_ns = 400'000}};
    const QImage arrow = drawOnce(model, selection).picture;
    CHECK(arrow != plain);
    model.traces[0].collapsed = {0}; // both ends meet in the summary lane
    CHECK_FALSE(drawOnce(model, selection).picture.isNull());
    model.traces[0].collapsed = {};
    model.traces[0].hidden = {LaneId{1}}; // no lane, no arrow
    const QImage hidden = drawOnce(model, selection).picture;
    model.traces[0].marks.flows.clear();
    CHECK(drawOnce(model, selection).picture == hidden);
    model.traces[0].hidden = {};
    model.traces[0].marks.twins = {model.traces[0].reader->rects(LaneId{1}, {0, 1'000'000}, 1000)[0].event};
    CHECK(drawOnce(model, selection).picture != plain);
    model.traces[0].marks.twins.clear();
    TimelineSelection ranged = selection;
    ranged.range = TimeRange{200'000, 700'000};
    const QImage band = drawOnce(model, ranged).picture;
    CHECK(band != plain);
    keepPicture(band, "range_dark");
    ranged.range = TimeRange{5'000'000, 6'000'000}; // out of sight
    CHECK(drawOnce(model, ranged).picture == plain);
}

} // namespace shardscope::gui
