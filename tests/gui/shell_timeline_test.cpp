// SPDX-License-Identifier: Apache-2.0
// The Timeline place by mouse and keyboard: groups, range, search, relations, menus. And the workers' answers as
// values.
#include "canvas_events.h"
#include "gui/bench_zoom.h"
#include "gui/canvas/timeline_layout.h"
#include "gui/panels/inspector_panel.h"
#include "gui/panels/range_card.h"
#include "gui/panels/relations_list.h"
#include "gui/panels/search_box.h"
#include "gui/panels/timeline_menu.h"
#include "gui/timeline_tools.h"
#include "traces/bench.h"
#include "traces/trace_writer.h"
#include <QApplication>
#include <QClipboard>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMenu>
#include <QTableWidget>
#include <QToolButton>

#include "shell_fixture.h"

namespace shardscope::gui {
namespace {

const std::atomic<bool> going_on = false;

struct TimelineShell : Shell {
    TimelineShell() {
        open({2});
        session.setPlace(Place::timeline);
        settle();
        activate();
    }
    TimelineTools& tools() { return session.timelineTools(); }
    ImGuiCanvas& canvas() { return window.timeline().canvas(); }
    const TraceReader& reader() { return *session.active()->reader; }
    SearchBox& searchBox() { return *window.findChild<SearchBox*>(); }
    TimeAxis axis() {
        return {session.visible(), timeline_metrics::gutter,
                static_cast<float>(canvas().width()) - timeline_metrics::right_margin};
    }
    int laneY(LaneId lane) {
        const TimelineModel model = session.model().timeline;
        for (const TimelineRow& row :
             layoutRows(model, contentHeight(model, static_cast<float>(canvas().height()))).rows)
            if (row.kind == RowKind::lane && row.lane == lane)
                return static_cast<int>(topHeight() + row.y - window.timeline().state().scroll_y + 10);
        FAIL("no such lane");
        return 0;
    }
    LaneId lane(int32_t rank, LaneKind kind) {
        const auto lanes = reader().lanes();
        for (size_t i = 0; i < lanes.size(); ++i)
            if (lanes[i].rank == rank && lanes[i].kind == kind) return static_cast<LaneId>(i);
        FAIL("no such lane");
        return LaneId::none;
    }
    // A collective of the shown step, wide enough to be clicked.
    IntervalEvent collective(int32_t rank = 0) {
        const int64_t origin = session.model().timeline.traces[0].origin_ns;
        const TimeRange shown{session.visible().start_ns + origin, session.visible().end_ns + origin};
        IntervalEvent longest;
        for (const IntervalEvent& event : reader().events(lane(rank, LaneKind::comm), shown))
            if (event.start_ns > shown.start_ns && event.end_ns < shown.end_ns &&
                event.end_ns - event.start_ns > longest.end_ns - longest.start_ns)
                longest = event;
        return longest;
    }
    QPoint placeOf(const IntervalEvent& event) {
        const int64_t origin = session.model().timeline.traces[0].origin_ns;
        return {static_cast<int>(axis().x((event.start_ns + event.end_ns) / 2 - origin)), laneY(event.lane)};
    }
    void click(QPoint at, Qt::MouseButton button = Qt::LeftButton) {
        moveMouse(canvas(), at);
        settle();
        QTest::mouseClick(&canvas(), button, {}, at);
        settle();
    }
    void drag(QPoint from, QPoint to, Qt::KeyboardModifiers modifiers) {
        moveMouse(canvas(), from);
        QTest::mousePress(&canvas(), Qt::LeftButton, modifiers, from);
        for (const QPoint at : {(from + to) / 2, to}) {
            QMouseEvent move(QEvent::MouseMove, at, canvas().mapToGlobal(at), Qt::NoButton, Qt::LeftButton, modifiers);
            QApplication::sendEvent(&canvas(), &move);
        }
        settle();
        QTest::mouseRelease(&canvas(), Qt::LeftButton, modifiers, to);
        settle();
    }
    void select(const IntervalEvent& event) { click(placeOf(event)); }
};

TraceMatches found(const TraceReader& reader, const QString& text) {
    const auto query = parseSearch(text);
    REQUIRE(query);
    return findMatches(reader, *query, going_on);
}

} // namespace

TEST_CASE("a click on the head of a rank collapses it, and the trace remembers") {
    TimelineShell shell;
    const int y = shell.laneY(shell.lane(1, LaneKind::compute));
    shell.click({20, y});
    CHECK(shell.session.model().timeline.traces[0].collapsed == std::set<int32_t>{1});
    const std::string path = shell.reader().path();
    shell.session.closeTrace(shell.session.active()->id);
    REQUIRE(shell.session.openTrace(path));
    shell.settle();
    CHECK(shell.session.model().timeline.traces[0].collapsed == std::set<int32_t>{1});
    shell.tools().collapseAll(true);
    CHECK(shell.tools().allCollapsed());
    CHECK(shownLanes(shell.session.model().timeline, 0).empty());
    shell.tools().collapseAll(false);
    CHECK_FALSE(shell.tools().allCollapsed());
}

TEST_CASE("a drag with Ctrl or Shift shows the budget of the range, Esc clears it") {
    TimelineShell shell;
    const TimeRange before = shell.session.visible();
    for (const auto modifier : {Qt::ControlModifier, Qt::ShiftModifier}) {
        shell.drag({300, 300}, {600, 320}, modifier);
        CHECK(shell.session.visible() == before); // not a pan
        const auto range = shell.tools().range();
        REQUIRE(range);
        CHECK(std::abs(shell.axis().x(range->start_ns) - 300) < 1.5f);
        CHECK(std::abs(shell.axis().x(range->end_ns) - 600) < 1.5f);
        REQUIRE(shell.tools().budgets().size() == 1);
        const RangeBudget& budget = shell.tools().budgets()[0].budget;
        REQUIRE(budget.ranks.size() == 2);
        for (const RankBudget& rank : budget.ranks) {
            CHECK(rank.span_ns == range->duration());
            CHECK(rank.compute_ns + rank.exposed_comm_ns + rank.exposed_copy_ns + rank.other_ns + rank.idle_ns ==
                  rank.span_ns);
            const RankBudget whole = rankBudget(shell.reader(), rank.rank, budget.range);
            CHECK(rank.compute_ns == whole.compute_ns);
            CHECK(rank.overlap_ns == whole.overlap_ns);
        }
        RangeCard& card = shell.window.inspector().range();
        CHECK(card.isVisible());
        CHECK(card.table().rowCount() == 3); // the mean and two ranks
        CHECK(card.table().item(0, 0)->text() == "mean");
        shell.canvas().setFocus();
        QTest::keyClick(&shell.canvas(), Qt::Key_Escape);
        shell.settle();
        CHECK_FALSE(shell.tools().range());
        CHECK_FALSE(card.isVisible());
    }
}

TEST_CASE("searching marks, counts and walks through the matches") {
    TimelineShell shell;
    shell.canvas().setFocus();
    QTest::keyClick(&shell.canvas(), Qt::Key_Slash);
    SearchBox& box = shell.searchBox();
    REQUIRE(box.field().hasFocus());
    QTest::keyClicks(&box.field(), "class:reduce_scatter rank:1");
    QTest::keyClick(&box.field(), Qt::Key_Return);
    shell.settle();
    const int64_t count = shell.tools().matchCount();
    CHECK(count == found(shell.reader(), "class:reduce_scatter rank:1").count);
    REQUIRE(count > 2);
    CHECK(box.countText() == QString("%1 matches").arg(count));
    CHECK(shell.session.model().timeline.traces[0].marks.matches);
    QTest::keyClick(&box.field(), Qt::Key_Return);
    shell.settle();
    REQUIRE(shell.session.selected());
    const auto first = shell.reader().details(shell.session.selected()->event);
    REQUIRE(first);
    CHECK(first->lane.rank == 1);
    CHECK(first->event.op_class == OpClass::reduce_scatter);
    const int64_t at = shell.tools().matchPosition();
    CHECK(box.countText() == QString("%1 of %2").arg(at).arg(count));
    QTest::keyClick(&box.field(), Qt::Key_Return);
    shell.settle();
    CHECK(shell.tools().matchPosition() == at % count + 1);
    QTest::keyClick(&box.field(), Qt::Key_Return, Qt::ShiftModifier);
    shell.settle();
    CHECK(shell.tools().matchPosition() == at);
    QTest::keyClick(&box.field(), Qt::Key_Escape);
    shell.settle();
    CHECK(shell.tools().searched().isEmpty());
    CHECK_FALSE(shell.session.model().timeline.traces[0].marks.matches);
    CHECK(shell.canvas().hasFocus());
}

TEST_CASE("a wrong search says where it is wrong") {
    CHECK(parseSearch("/a(b/").error().message.find("character") != std::string::npos);
    CHECK(parseSearch("bucket:x").error().message.find("bucket:") != std::string::npos);
    CHECK(parseSearch("class:nonsense").error().message.find("all_gather") != std::string::npos);
    CHECK(parseSearch("lane:nonsense").error().message.find("comm") != std::string::npos);
    REQUIRE(parseSearch("void ns::kernel<float>"));
    CHECK(parseSearch("void ns::kernel<float>")->words.size() == 2);
    CHECK(parseSearch("   ")->empty());
    CHECK(parseSearch("//")->empty());
    CHECK(parseSearch("/unfinished")->patterns.size() == 1);
}

TEST_CASE("filters, words and expressions find what the events say") {
    Samples samples;
    const auto reader = TraceReader::open(samples.stage(2));
    REQUIRE(reader);
    const TraceReader& trace = **reader;
    int64_t bucket1 = 0, layer2 = 0, all = 0;
    const TimeRange span = trace.span();
    for (size_t i = 0; i < trace.lanes().size(); ++i)
        for (const IntervalEvent& e : trace.events(static_cast<LaneId>(i), {span.start_ns, span.end_ns + 1})) {
            bucket1 += e.bucket == 1;
            layer2 += e.layer == 2 && e.phase == Phase::backward;
            ++all;
        }
    CHECK(found(trace, "bucket:1").count == bucket1);
    CHECK(found(trace, "layer:2 phase:backward").count == layer2);
    CHECK(found(trace, "/.*/").count == all);
    CHECK(found(trace, "no such operation").count == 0);
    const TraceMatches matches = found(trace, "bucket:1");
    // Walking forwards from the start meets every match once, in order, and comes back to the first.
    std::optional<MatchRef> at = nextMatch(matches, span.start_ns - 1, LaneId::none, true);
    for (int64_t i = 1; i <= bucket1; ++i) {
        REQUIRE(at);
        CHECK(positionOf(matches, at->match.start_ns, at->lane) == i);
        CHECK(trace.details(at->match.event)->event.bucket == 1);
        at = nextMatch(matches, at->match.start_ns, at->lane, true);
    }
    CHECK(positionOf(matches, at->match.start_ns, at->lane) == 1);
    CHECK(positionOf(matches, at->match.start_ns - 1, at->lane) == 0);
    CHECK_FALSE(nextMatch(TraceMatches(), 0, LaneId{0}, true));
    const std::atomic<bool> cancelled = true;
    CHECK(findMatches(trace, *parseSearch("bucket:1"), cancelled).count == 0);
}

TEST_CASE("the same operation in other ranks and steps is a click away") {
    TimelineShell shell;
    shell.select(shell.collective());
    REQUIRE(shell.session.selected());
    const auto& relations = shell.tools().relations();
    REQUIRE(relations);
    REQUIRE(relations->ranks.size() == 2);
    CHECK(relations->ranks[0].event == shell.session.selected()->event);
    REQUIRE(relations->next_step);
    CHECK(relations->next_step->step == relations->self.step + 1);
    CHECK(relations->next_step->name == relations->self.name);
    CHECK(shell.session.model().timeline.traces[0].marks.twins.size() >= 2);

    QEvent leave(QEvent::Leave); // the mouse goes to the list: what it rests on in the canvas would be shown instead
    QApplication::sendEvent(&shell.canvas(), &leave);
    shell.settle();
    RelationsList& list = shell.window.inspector().relations();
    CHECK(list.ranks().rowCount() == 2);
    const EventId other = relations->ranks[1].event;
    emit list.ranks().cellClicked(1, 0);
    shell.settle();
    CHECK(shell.session.selected()->event == other);
    const EventId next = shell.tools().relations()->next_step->event;
    list.nextStep().click();
    shell.settle();
    CHECK(shell.session.selected()->event == next);
}

TEST_CASE("arrow keys walk along a lane and between lanes") {
    TimelineShell shell;
    const IntervalEvent start = shell.collective();
    shell.select(start);
    const EventId first = shell.session.selected()->event;
    const auto key = [&](Qt::Key pressed) {
        QTest::keyClick(&shell.canvas(), pressed);
        shell.settle();
        return shell.reader().details(shell.session.selected()->event)->event;
    };
    const IntervalEvent after = key(Qt::Key_Right);
    CHECK(after.lane == start.lane);
    CHECK(after.start_ns > start.start_ns);
    key(Qt::Key_Left);
    CHECK(shell.session.selected()->event == first);
    const IntervalEvent above = key(Qt::Key_Up);
    CHECK(above.lane == shell.lane(0, LaneKind::compute));
    const IntervalEvent below = key(Qt::Key_Down);
    CHECK(below.lane == start.lane);
    for (int i = 0; i < 10; ++i) key(Qt::Key_Up); // the topmost lane is the end
    CHECK(shell.reader().details(shell.session.selected()->event)->event.lane == shell.lane(0, LaneKind::compute));
}

TEST_CASE("what an operation waited for is found in the program") {
    Samples samples;
    const auto reader = TraceReader::open(samples.stage(2));
    REQUIRE(reader);
    const TraceReader& trace = **reader;
    int checked = 0;
    for (size_t i = 0; i < trace.lanes().size(); ++i)
        for (const LaneRect& rect : trace.rects(static_cast<LaneId>(i), trace.span(), 1e-3)) {
            const auto details = trace.details(rect.event);
            REQUIRE(details);
            const ProgramOpEvent* op = trace.op(details->event.op);
            if (!op || op->waits_for.empty() || checked >= 12) continue;
            ++checked;
            const EventRelations relations = relationsOf(trace, rect.event, going_on);
            CHECK(relations.waited_for.size() <= op->waits_for.size());
            for (const RelatedEvent& other : relations.waited_for) {
                CHECK(other.end_ns <= details->event.start_ns);
                CHECK(other.rank == details->lane.rank);
                CHECK(other.step == details->event.step);
            }
            CHECK(relations.flows.size() >= relations.waited_for.size());
        }
    CHECK(relationsOf(trace, EventId{999'999}, going_on).self.event == EventId::none);
}

TEST_CASE("a kernel of an imported trace leads to the call that launched it") {
    QTemporaryDir folder;
    const std::string path = folder.filePath("imported.shardscope").toStdString();
    auto writer = TraceWriter::create(path);
    REQUIRE(writer);
    const LaneId host = (*writer)->addLane({0, LaneKind::host, "thread 1"}),
                 stream = (*writer)->addLane({0, LaneKind::compute, "stream 7"});
    const NameId launch = (*writer)->intern("cudaLaunchKernel"), kernel = (*writer)->intern("gemm");
    std::vector<TraceEvent> events;
    for (int64_t i = 0; i < 3; ++i) {
        events.push_back(IntervalEvent{.lane = host,
                                       .name = launch,
                                       .start_ns = i * 1000,
                                       .end_ns = i * 1000 + 100,
                                       .op_class = OpClass::api_call,
                                       .correlation = i});
        events.push_back(IntervalEvent{.lane = stream,
                                       .name = kernel,
                                       .start_ns = i * 1000 + 500,
                                       .end_ns = i * 1000 + 900,
                                       .op_class = OpClass::compute,
                                       .correlation = i});
    }
    (*writer)->append(events);
    REQUIRE((*writer)->finish("finished"));
    const auto reader = TraceReader::open(path);
    REQUIRE(reader);
    const EventId second = (*reader)->rects(stream, {1500, 1900}, 1)[0].event;
    const EventRelations of_kernel = relationsOf(**reader, second, going_on);
    REQUIRE(of_kernel.waited_for.size() == 1);
    CHECK(of_kernel.waited_for[0].start_ns == 1000);
    const EventRelations of_call = relationsOf(**reader, of_kernel.waited_for[0].event, going_on);
    REQUIRE(of_call.waited_by.size() == 1);
    CHECK(of_call.waited_by[0].event == second);
    CHECK(of_call.flows[0].to_ns == 1500);
}

TEST_CASE("the right button searches, copies and hides") {
    TimelineShell shell;
    const IntervalEvent event = shell.collective();
    shell.click(shell.placeOf(event), Qt::RightButton);
    auto* menu = qobject_cast<QMenu*>(QApplication::activePopupWidget());
    REQUIRE(menu);
    const auto trigger = [&](const QString& start) {
        for (QAction* action : menu->actions())
            if (action->text().startsWith(start)) {
                action->trigger();
                shell.settle();
                return true;
            }
        return false;
    };
    CHECK(trigger("All of bucket"));
    CHECK(shell.tools().searched() == QString("bucket:%1").arg(event.bucket));
    CHECK(shell.searchBox().field().text() == shell.tools().searched());
    CHECK(trigger("Copy as JSON"));
    const QJsonObject copied = QJsonDocument::fromJson(QApplication::clipboard()->text().toUtf8()).object();
    CHECK(copied["start_ns"].toInteger() == event.start_ns);
    CHECK(copied["bucket"].toInt() == event.bucket);
    CHECK(trigger("Hide this lane"));
    CHECK(shell.session.model().timeline.traces[0].hidden == std::set<LaneId>{event.lane});
    menu->close();
    shell.tools().showAllLanes();
    CHECK_FALSE(shell.tools().hidesLanes());
}

TEST_CASE("nothing is drawn while nothing changes, whatever lies over the lanes") {
    TimelineShell shell;
    shell.select(shell.collective());
    shell.drag({300, 300}, {600, 320}, Qt::ControlModifier);
    shell.tools().search("class:reduce_scatter");
    shell.settle();
    waitFor([&] { return !shell.tools().busy(); });
    QApplication::processEvents();
    shell.settle();
    const int64_t frames = shell.canvas().frameCount();
    for (int i = 0; i < 100; ++i) QApplication::processEvents();
    CHECK(shell.canvas().frameCount() <= frames + 1); // the tooltip's one look after the mouse has rested
}

TEST_CASE("actions change colours, arrows and groups, and rest where they make no sense") {
    TimelineShell shell;
    const auto trigger = [&](ActionId id) { shell.session.actions().get(id)->trigger(); };
    trigger(ActionId::colour_bucket);
    CHECK(shell.session.model().timeline.colouring == TimelineColouring::bucket);
    CHECK(shell.session.actions().get(ActionId::colour_bucket)->isChecked());
    trigger(ActionId::collapse_ranks);
    CHECK(shell.tools().allCollapsed());
    trigger(ActionId::collapse_ranks);
    CHECK_FALSE(shell.tools().allCollapsed());
    CHECK_FALSE(shell.session.actions().get(ActionId::zoom_to_range)->isEnabled());
    shell.drag({300, 300}, {600, 320}, Qt::ControlModifier);
    const auto range = shell.tools().range();
    REQUIRE(range);
    trigger(ActionId::zoom_to_range);
    CHECK(shell.session.visible() == *range);
    shell.select(shell.collective());
    waitFor([&] { return shell.tools().relations().has_value(); });
    trigger(ActionId::flow_arrows);
    CHECK(shell.session.model().timeline.traces[0].marks.flows.empty());
    shell.session.setPlace(Place::run);
    CHECK_FALSE(shell.session.actions().get(ActionId::collapse_ranks)->isEnabled());
}

TEST_CASE("lanes of any length are walked through event by event") {
    QTemporaryDir folder;
    const std::string path = folder.filePath("many.shardscope").toStdString();
    REQUIRE(writeBenchTrace(path, 400'000));
    const auto reader = TraceReader::open(path);
    REQUIRE(reader);
    const auto query = parseSearch("class:all_gather");
    REQUIRE(query);
    const TraceMatches matches = findMatches(**reader, *query, going_on);
    CHECK(matches.count > 50'000);
    for (size_t i = 1; i < matches.lanes[1].size(); ++i)
        if (matches.lanes[1][i].start_ns < matches.lanes[1][i - 1].start_ns) FAIL("out of order");
    const TraceMatches::Match some = matches.lanes[1][20'000];
    const auto details = (*reader)->details(some.event);
    REQUIRE(details);
    CHECK(details->event.start_ns == some.start_ns);
    CHECK(details->event.op_class == OpClass::all_gather);
    const auto report = benchZoomFrames({.trace = path, .frames = 60, .width = 640, .height = 400});
    REQUIRE(report);
    CHECK(report->find("400000 events on 8 lanes") != std::string::npos);
    CHECK_FALSE(benchZoomFrames({.trace = folder.filePath("missing").toStdString()}));
}

TEST_CASE("the rank of what is selected moves up and down, and the view before comes back") {
    Shell shell;
    shell.open({2});
    shell.session.setPlace(Place::timeline);
    shell.session.setOnlyRank(-1);
    shell.session.selectLongestExposed();
    waitFor(
        [&] { return shell.session.selected() && shell.session.actions().get(ActionId::move_rank_down)->isEnabled(); });
    const std::string path = shell.session.active()->reader->path();
    const auto order = [&] { return shell.session.timelineTools().lanes(path).rank_order; };
    const int32_t rank = shell.session.timelineTools().relations()->self.rank; // of two
    trigger(shell.session, rank == 0 ? ActionId::move_rank_down : ActionId::move_rank_up);
    CHECK(order() == std::vector<int32_t>{1, 0});
    trigger(shell.session, ActionId::undo_view);
    CHECK(order().empty());
    trigger(shell.session, ActionId::redo_view);
    CHECK(order() == std::vector<int32_t>{1, 0});
    shell.settle();
}

} // namespace shardscope::gui
