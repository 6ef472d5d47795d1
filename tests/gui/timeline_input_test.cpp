// SPDX-License-Identifier: Apache-2.0
// The timeline in a widget, driven by the mouse and the keyboard: what it says the user meant.
#include "canvas_events.h"
#include "gui/canvas/timeline_layout.h"
#include "timeline_fixture.h"
#include <QTest>
#include <cmath>

namespace shardscope::gui {
namespace {

// A timeline whose intents are applied, as the session does it.
struct Stage {
    TimelineFixture fixture;
    TimelineModel model;
    TimelineSelection selection;
    TimelineState state;
    TimelineIntents last;
    std::vector<EventRef> clicked;
    std::vector<RankMove> moved;
    int clicked_empty = 0, folded = 0;
    ImGuiCanvas canvas{[this](const CanvasFrame& frame) {
        last = drawTimeline(model, selection, {frame.zoom, frame.pan, frame.fit}, *frame.theme, state);
        if (last.visible) {
            selection.visible = *last.visible;
            canvas.requestFrame();
        }
        if (last.clicked) clicked.push_back(*last.clicked);
        if (last.moved) moved.push_back(*last.moved);
        folded += last.folded.has_value();
        clicked_empty += last.clicked_empty;
    }};

    explicit Stage(QSize size = {1000, 500}) {
        model = fixture.one(fixture.add({.ranks = 2, .steps = 3, .stage = 2}));
        selection.visible = fullRange(model);
        canvas.resize(size);
        canvas.show();
        settle();
    }
    void settle() {
        REQUIRE(QTest::qWaitFor([&] { return canvas.idle(); }, 5000));
    }
    const TraceReader& reader() const { return *model.traces[0].reader; }
    TimeAxis axis() const {
        return {selection.visible, timeline_metrics::gutter,
                static_cast<float>(canvas.width()) - timeline_metrics::right_margin};
    }
    double timeAt(int x) const { return static_cast<double>(axis().timeAt(static_cast<float>(x))); }
    // The middle of a lane on the screen.
    int laneY(LaneId lane) const {
        const TimelineLayout layout = layoutRows(model, contentHeight(model, static_cast<float>(canvas.height())));
        for (const TimelineRow& row : layout.rows)
            if (row.kind == RowKind::lane && row.lane == lane)
                return static_cast<int>(topHeight() + row.y - state.scroll_y + metrics::lane_height / 2);
        FAIL("no such lane");
        return 0;
    }
    void wheel(QPoint at, QPoint angle, Qt::KeyboardModifiers modifiers = {}) {
        turnWheel(canvas, at, angle, modifiers);
        settle();
    }
    void keys(const QString& text) {
        QTest::keyClicks(&canvas, text);
        settle();
    }
    void move(QPoint to) {
        moveMouse(canvas, to);
        settle();
    }
    void drag(QPoint from, QPoint to) {
        moveMouse(canvas, from);
        QTest::mousePress(&canvas, Qt::LeftButton, {}, from);
        moveMouse(canvas, (from + to) / 2, Qt::LeftButton);
        moveMouse(canvas, to, Qt::LeftButton);
        settle();
        QTest::mouseRelease(&canvas, Qt::LeftButton, {}, to);
        settle();
    }
    // An event of a lane that is wide enough to point at, and the place of its middle.
    std::pair<LaneRect, QPoint> someEvent(LaneId lane) {
        for (const LaneRect& rect : reader().rects(lane, selection.visible, axis().nsPerPx())) {
            const float x0 = axis().x(rect.start_ns), x1 = axis().x(rect.end_ns);
            if (rect.count == 1 && x1 - x0 > 20 && x0 > axis().x0 && x1 < axis().x1)
                return {rect, {static_cast<int>((x0 + x1) / 2), laneY(lane)}};
        }
        FAIL("no event is wide enough");
        return {};
    }
};

constexpr QPoint in_plot{600, 200};

} // namespace

TEST_CASE("the wheel zooms around the mouse") {
    Stage stage;
    const TimeRange before = stage.selection.visible;
    const double under = stage.timeAt(in_plot.x());
    stage.wheel(in_plot, {0, 360});
    const TimeRange after = stage.selection.visible;
    CHECK(after.duration() < before.duration() / 1.5);
    CHECK(std::abs(stage.timeAt(in_plot.x()) - under) <= 2 * stage.axis().nsPerPx());
    stage.wheel(in_plot, {0, -360});
    CHECK(std::abs(static_cast<double>(stage.selection.visible.duration() - before.duration())) <
          0.001 * static_cast<double>(before.duration()));
}

TEST_CASE("shift and the horizontal wheel pan") {
    Stage stage;
    stage.wheel(in_plot, {0, 600});
    const TimeRange before = stage.selection.visible;
    stage.wheel(in_plot, {0, -120}, Qt::ShiftModifier);
    CHECK(stage.selection.visible.start_ns > before.start_ns);
    CHECK(stage.selection.visible.duration() == before.duration());
    stage.wheel(in_plot, {120, 0});
    CHECK(std::abs(stage.selection.visible.start_ns - before.start_ns) <= 1);
}

TEST_CASE("zooming ends at a hundred nanoseconds and a little past everything") {
    Stage stage;
    for (int i = 0; i < 30; ++i) stage.wheel(in_plot, {0, 12 * 120});
    CHECK(stage.selection.visible.duration() == 100);
    for (int i = 0; i < 30; ++i) stage.wheel(in_plot, {0, -12 * 120});
    const double full = static_cast<double>(fullRange(stage.model).duration());
    CHECK(static_cast<double>(stage.selection.visible.duration()) == Approx(1.1 * full).epsilon(1e-6));
    CHECK(stage.selection.visible.start_ns <= fullRange(stage.model).start_ns);
    CHECK(stage.selection.visible.end_ns >= fullRange(stage.model).end_ns);
}

TEST_CASE("W and S zoom, A and D pan, F fits") {
    Stage stage;
    const TimeRange full = stage.selection.visible;
    stage.keys("www");
    const TimeRange zoomed = stage.selection.visible;
    CHECK(zoomed.duration() < full.duration() / 2);
    stage.keys("d");
    CHECK(stage.selection.visible.start_ns > zoomed.start_ns);
    CHECK(stage.selection.visible.duration() == zoomed.duration());
    stage.keys("aa");
    CHECK(stage.selection.visible.start_ns < zoomed.start_ns);
    stage.keys("s");
    CHECK(stage.selection.visible.duration() > zoomed.duration());
    stage.keys("f");
    CHECK(stage.selection.visible == full);
}

TEST_CASE("dragging carries the time under the mouse") {
    Stage stage;
    stage.wheel(in_plot, {0, 600});
    const double under = stage.timeAt(in_plot.x());
    const TimeRange before = stage.selection.visible;
    stage.drag(in_plot, {450, 200});
    CHECK(stage.selection.visible.duration() == before.duration());
    CHECK(stage.selection.visible.start_ns > before.start_ns);
    CHECK(std::abs(stage.timeAt(450) - under) <= 2 * stage.axis().nsPerPx());
    CHECK(stage.clicked.empty());
    CHECK(stage.clicked_empty == 0);
}

TEST_CASE("panning stops a little past the ends") {
    Stage stage;
    stage.keys("wwww");
    for (int i = 0; i < 40; ++i) stage.keys("aaaa");
    const TimeRange full = fullRange(stage.model);
    CHECK(stage.selection.visible.start_ns ==
          full.start_ns - std::llround(0.05 * static_cast<double>(full.duration())));
}

TEST_CASE("the event under the mouse is hovered, and clicked") {
    Stage stage;
    stage.keys("wwwww");
    for (LaneId lane : {LaneId{0}, LaneId{1}, LaneId{2}}) {
        const auto [rect, place] = stage.someEvent(lane);
        stage.move(place);
        REQUIRE(stage.last.hovered);
        // Joined blocks stand for the longest event within them.
        const auto hovered = stage.reader().details(stage.last.hovered->event);
        REQUIRE(hovered);
        CHECK(hovered->event.lane == lane);
        CHECK(hovered->event.layer == rect.layer);
        CHECK(hovered->event.phase == rect.phase);
        CHECK(hovered->event.bucket == rect.bucket);
        if (isCollective(rect.op_class)) CHECK(stage.last.hovered->event == rect.event);
        REQUIRE(stage.last.cursor_ns);
        CHECK(std::abs(static_cast<double>(*stage.last.cursor_ns) - stage.timeAt(place.x())) < stage.axis().nsPerPx());
        stage.clicked.clear();
        QTest::mouseClick(&stage.canvas, Qt::LeftButton, {}, place);
        stage.settle();
        REQUIRE(stage.clicked.size() == 1);
        CHECK(stage.clicked[0] == *stage.last.hovered);
    }
}

TEST_CASE("a click beside all blocks says so") {
    Stage stage;
    QTest::mouseClick(&stage.canvas, Qt::LeftButton, {}, {600, 70}); // the head line
    stage.settle();
    CHECK(stage.clicked_empty == 1);
    CHECK(stage.clicked.empty());
    QTest::mouseClick(&stage.canvas, Qt::LeftButton, {}, {20, 200}); // the gutter
    stage.settle();
    CHECK(stage.clicked_empty == 1);
}

TEST_CASE("a double click shows the event alone") {
    Stage stage;
    stage.keys("wwwww");
    const auto [rect, place] = stage.someEvent(LaneId{0});
    QTest::mouseClick(&stage.canvas, Qt::LeftButton, {}, place);
    QTest::mouseDClick(&stage.canvas, Qt::LeftButton, {}, place);
    stage.settle();
    CHECK(stage.selection.visible.start_ns < rect.start_ns);
    CHECK(stage.selection.visible.end_ns > rect.end_ns);
    CHECK(stage.selection.visible.duration() < fullRange(stage.model).duration() / 4);
}

TEST_CASE("the tooltip comes after a rest and goes with the mouse") {
    Stage stage;
    stage.keys("wwwww");
    const auto [rect, place] = stage.someEvent(LaneId{1});
    stage.move(place);
    CHECK_FALSE(stage.state.tooltip_shown);
    REQUIRE(QTest::qWaitFor([&] { return stage.state.tooltip_shown; }, 5000));
    keepPicture(stage.canvas.grab().toImage(), "tooltip_event");
    const int memory_y = stage.laneY(LaneId{1}) + 70;
    stage.move({place.x(), memory_y});
    CHECK_FALSE(stage.state.tooltip_shown);
    REQUIRE(QTest::qWaitFor([&] { return stage.state.tooltip_shown; }, 5000));
    keepPicture(stage.canvas.grab().toImage(), "tooltip_memory");
    stage.move({600, 70});
    CHECK_FALSE(stage.state.tooltip_shown);
}

TEST_CASE("a click in the strip of the whole trace goes there") {
    Stage stage;
    stage.keys("wwwwww");
    QTest::mouseClick(&stage.canvas, Qt::LeftButton, {}, {300, 12});
    stage.settle();
    const TimeAxis overview{fullRange(stage.model), stage.axis().x0, stage.axis().x1};
    const TimeRange visible = stage.selection.visible;
    const int64_t middle = visible.start_ns + visible.duration() / 2;
    CHECK(std::abs(middle - overview.timeAt(300)) < static_cast<int64_t>(2 * overview.nsPerPx()));
}

TEST_CASE("rows scroll with Ctrl and the wheel, over the labels, and by the scrollbar") {
    Stage stage({900, 220});
    const TimeRange before = stage.selection.visible;
    stage.wheel({400, 150}, {0, -120}, Qt::ControlModifier);
    const float by_ctrl = stage.state.scroll_y;
    CHECK(by_ctrl > 0);
    stage.wheel({30, 150}, {0, -120});
    CHECK(stage.state.scroll_y > by_ctrl);
    stage.wheel({30, 150}, {0, 10 * 120});
    CHECK(stage.state.scroll_y == 0);
    stage.drag({894, 70}, {894, 400});
    const float highest = timelineHeight(stage.model) - 220;
    CHECK(stage.state.scroll_y == Approx(highest));
    CHECK(stage.selection.visible == before);
}

TEST_CASE("the head of a rank is dragged to another rank's place, and a click still folds it") {
    Stage stage({1000, 900});
    const auto lanes = stage.reader().lanes();
    const auto first = [&](int32_t rank) {
        for (size_t i = 0; i < lanes.size(); ++i)
            if (lanes[i].rank == rank && lanes[i].kind == LaneKind::compute) return stage.laneY(static_cast<LaneId>(i));
        return 0;
    };
    stage.drag({30, first(0)}, {40, first(1) + 6});
    REQUIRE(stage.moved.size() == 1);
    CHECK(stage.moved[0].rank == RankRef{0, 0});
    CHECK(stage.moved[0].to == 1);
    CHECK(stage.folded == 0);
    stage.drag({30, first(0)}, {30, first(0) + 12}); // onto itself
    CHECK(stage.moved.size() == 1);
    moveMouse(stage.canvas, QPoint(30, first(0)));
    QTest::mouseClick(&stage.canvas, Qt::LeftButton, {}, {30, first(0)});
    stage.settle();
    CHECK(stage.folded == 1);
}

} // namespace shardscope::gui
