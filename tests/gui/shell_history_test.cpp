// SPDX-License-Identifier: Apache-2.0
// Undoing zoom and moves, focusing, and walking along a lane.
#include "gui/event_order.h"
#include "gui/view_history.h"
#include "gui/view_tracker.h"
#include "gui/window_tools.h"
#include "shell_fixture.h"

namespace shardscope::gui {

TEST_CASE("a burst is one step of the history and the oldest are forgotten") {
    ViewHistory<int> history;
    history.record(0, 0);
    for (int i = 1; i <= 5; ++i) history.record(i, 1'000 + i * 100); // a turning wheel
    history.record(6, 9'000);
    CHECK(history.back() == 5);
    CHECK(history.back() == 0);
    CHECK_FALSE(history.back());
    CHECK(history.forward() == 5);
    history.record(7, 20'000); // forgets what lay ahead
    CHECK_FALSE(history.canGoForward());
    CHECK(history.back() == 5);
    for (int i = 0; i < 1'000; ++i) history.record(100 + i, 100'000 + i * 1'000);
    int steps = 0;
    while (history.back()) ++steps;
    CHECK(steps == static_cast<int>(ViewHistory<int>::longest) - 1);
}

TEST_CASE("what grows by itself is no step of the history") {
    ViewHistory<int> history;
    history.record(0, 0);
    for (int i = 1; i < 50; ++i) history.record(i, i * 1'000, true);
    CHECK_FALSE(history.canGoBack());
    history.record(100, 60'000);
    CHECK(history.back() == 49);
}

TEST_CASE("zoom is undone and redone by keys, a burst at once") {
    Shell shell;
    shell.open({0, 2});
    shell.activate();
    int64_t now = 10'000;
    shell.window.tools().views().setClock([&] { return now; });
    const TimeRange whole = shell.session.visible();
    for (int i = 0; i < 4; ++i, now += 50) QTest::keyClick(&shell.window, Qt::Key_W);
    const TimeRange near = shell.session.visible();
    now += 5'000;
    QTest::keyClick(&shell.window, Qt::Key_D);
    const TimeRange moved = shell.session.visible();
    CHECK(moved != near);
    QTest::keyClick(&shell.window, Qt::Key_Z, Qt::ControlModifier);
    CHECK(shell.session.visible() == near);
    QTest::keyClick(&shell.window, Qt::Key_Left, Qt::AltModifier);
    CHECK(shell.session.visible() == whole);
    CHECK_FALSE(shell.session.actions().get(ActionId::undo_view)->isEnabled());
    QTest::keyClick(&shell.window, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    QTest::keyClick(&shell.window, Qt::Key_Right, Qt::AltModifier);
    CHECK(shell.session.visible() == moved);
    now += 5'000;
    trigger(shell.session, ActionId::align_time);
    const ViewPoint by_time = shell.session.viewPoint();
    QTest::keyClick(&shell.window, Qt::Key_Backspace);
    CHECK(shell.session.align() == Align::step);
    CHECK(shell.session.visible() == moved);
    trigger(shell.session, ActionId::redo_view);
    CHECK(shell.session.viewPoint() == by_time);
    shell.settle();
}

TEST_CASE("F shows the selection, then the step, then everything") {
    Shell shell;
    shell.open({2});
    trigger(shell.session, ActionId::place_timeline);
    const TimeRange step = shell.session.visible();
    shell.session.selectLongestExposed();
    shell.settle();
    const auto details = shell.session.active()->reader->details(shell.session.selected()->event);
    QTest::keyClick(&shell.window, Qt::Key_F);
    const TimeRange focused = shell.session.visible();
    const int64_t length = details->event.end_ns - details->event.start_ns;
    CHECK(focused.duration() >= length);
    CHECK(focused.duration() <= 2 * length + 200);
    QTest::keyClick(&shell.window, Qt::Key_F);
    CHECK(shell.session.visible() == step);
    shell.session.select(std::nullopt);
    QTest::keyClick(&shell.window, Qt::Key_F);
    CHECK(shell.session.visible().duration() > step.duration());
    shell.settle();
}

TEST_CASE("comma and point walk along the lane") {
    Shell shell;
    shell.open({2});
    trigger(shell.session, ActionId::place_timeline);
    const TraceReader& reader = *shell.session.active()->reader;
    QTest::keyClick(&shell.window, Qt::Key_Period); // nothing selected: says what to do
    CHECK(shell.window.notice().contains("Select an event first"));
    const auto all = reader.rects(LaneId{0}, reader.span(), 1e-3);
    REQUIRE(all.size() > 10);
    shell.session.select(PickedEvent{shell.session.active()->id, all.front().event});
    for (size_t i = 1; i < all.size(); ++i) {
        QTest::keyClick(&shell.window, Qt::Key_Period);
        shell.settle();
        REQUIRE(shell.session.selected()->event == all[i].event);
    }
    QTest::keyClick(&shell.window, Qt::Key_Period);
    shell.settle();
    CHECK(shell.session.selected()->event == all.back().event);
    CHECK(shell.window.notice().contains("last event"));
    QTest::keyClick(&shell.window, Qt::Key_Comma);
    shell.settle();
    CHECK(shell.session.selected()->event == all[all.size() - 2].event);
    const auto range = reader.details(shell.session.selected()->event)->event;
    const int64_t origin = shell.session.model().timeline.traces.at(0).origin_ns;
    CHECK(range.start_ns - origin < shell.session.visible().end_ns); // it was brought into view
    CHECK(range.end_ns - origin > shell.session.visible().start_ns);
    shell.settle();
}

} // namespace shardscope::gui
