// SPDX-License-Identifier: Apache-2.0
// The whole window, offscreen: what keys, wheel and mouse do, what the panels say, and the pictures.
#include "gui/event_facts.h"
#include "gui/options.h"
#include "gui/panels/fact_list.h"
#include "gui/panels/inspector_panel.h"
#include "gui/panels/keys_overlay.h"
#include "gui/panels/library_panel.h"
#include "gui/panels/stacked_bars.h"
#include "gui/panels/summary_panel.h"
#include "gui/panels/trace_card.h"
#include "gui/screenshots.h"
#include "gui/style.h"
#include <QApplication>
#include <QDir>
#include <QDropEvent>
#include <QImage>
#include <QMimeData>
#include <QToolButton>
#include <QWheelEvent>
#include <fstream>

#include "shell_fixture.h"
#include <QSettings>

namespace shardscope::gui {
namespace {

// The widget inside the canvas that receives the mouse: its innermost child there.
QWidget* target(ImGuiCanvas& canvas, QPoint& at) {
    QWidget* inner = canvas.childAt(at);
    if (!inner) return &canvas;
    at = inner->mapFrom(&canvas, at);
    return inner;
}

void wheel(ImGuiCanvas& canvas, QPoint at, int delta) {
    QWidget* widget = target(canvas, at);
    QWheelEvent event(at, widget->mapToGlobal(at), {}, {0, delta}, Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase,
                      false);
    QApplication::sendEvent(widget, &event);
}

void moveMouse(ImGuiCanvas& canvas, QPoint at) {
    QWidget* widget = target(canvas, at);
    QTest::mouseMove(widget, at);
}

// Moves the mouse over the canvas until it is over an event of a lane.
std::optional<QPoint> findEvent(Shell& shell) {
    ImGuiCanvas& canvas = shell.window.timeline().canvas();
    for (int y = 30; y < canvas.height(); y += 7)
        for (int x = canvas.width() / 3; x < canvas.width(); x += 97) {
            moveMouse(canvas, {x, y});
            shell.settle();
            if (shell.session.hovered()) return QPoint(x, y);
        }
    return std::nullopt;
}

} // namespace

TEST_CASE("an empty window says what to do next") {
    Shell shell;
    shell.window.show();
    shell.settle();
    CHECK(shell.window.statusText().contains("no trace open"));
    CHECK(shell.window.library().cards().empty());
    for (const ActionId id : {ActionId::zoom_in, ActionId::fit, ActionId::close_trace, ActionId::longest_exposed})
        CHECK_FALSE(shell.session.actions().get(id)->isEnabled());
    CHECK(shell.session.actions().get(ActionId::open)->isEnabled());
}

TEST_CASE("buttons rest when their actions do, in every place") {
    Shell shell;
    shell.window.show();
    for (const bool with_trace : {false, true}) {
        if (with_trace) REQUIRE(shell.window.openFiles({shell.stage(1)}));
        for (const Place place : {Place::run, Place::timeline, Place::compare, Place::buckets, Place::memory}) {
            shell.session.setPlace(place);
            QApplication::processEvents(); // a toolbar shows and hides when it is laid out
            for (const QToolButton* button : shell.window.findChildren<QToolButton*>())
                if (button->defaultAction() && button->isVisibleTo(&shell.window)) {
                    INFO(button->text().toStdString());
                    CHECK(button->isEnabled() == button->defaultAction()->isEnabled());
                }
        }
    }
    shell.settle();
}

TEST_CASE("keys and the wheel zoom and pan the canvas") {
    Shell shell;
    shell.open({0, 2});
    ImGuiCanvas& canvas = shell.window.timeline().canvas();
    const TimeRange before = shell.session.visible();
    QTest::keyClick(&shell.window, Qt::Key_W);
    shell.settle();
    const TimeRange zoomed = shell.session.visible();
    CHECK(zoomed.duration() < before.duration());
    QTest::keyClick(&shell.window, Qt::Key_D);
    shell.settle();
    CHECK(shell.session.visible().start_ns > zoomed.start_ns);
    CHECK(shell.session.visible().duration() == zoomed.duration());
    QTest::keyClick(&shell.window, Qt::Key_A);
    QTest::keyClick(&shell.window, Qt::Key_S);
    shell.settle();
    CHECK(shell.session.visible().duration() == Approx(static_cast<double>(before.duration())).epsilon(0.01));
    wheel(canvas, {canvas.width() * 2 / 3, 150}, 120);
    waitFor([&] { return shell.session.visible().duration() < before.duration(); });
    QTest::keyClick(&shell.window, Qt::Key_F);
    shell.settle();
    CHECK(shell.session.visible() == before);
}

TEST_CASE("the event under the mouse is in the inspector, a click keeps it there") {
    Shell shell;
    shell.open({2});
    const auto at = findEvent(shell);
    REQUIRE(at);
    const PickedEvent hovered = *shell.session.hovered();
    const auto facts = eventFacts(*shell.session.active()->reader, hovered.event);
    REQUIRE(facts);
    CHECK(shell.window.inspector().title() == text(facts->title));
    CHECK(shell.window.inspector().facts().valueOf("duration") == text(facts->facts.at(1).value));
    // The moment under the mouse lies within the event.
    const auto details = shell.session.active()->reader->details(hovered.event);
    const int64_t moment = shell.session.cursor().value() + shell.session.model().timeline.traces.at(0).origin_ns;
    CHECK(moment >= details->event.start_ns - 1000);
    CHECK(moment <= details->event.end_ns + 1000);

    ImGuiCanvas& canvas = shell.window.timeline().canvas();
    QPoint inside = *at;
    QTest::mouseClick(target(canvas, inside), Qt::LeftButton, {}, inside);
    waitFor([&] { return shell.session.selected() == hovered; });
    moveMouse(canvas, {2, 2});
    waitFor([&] { return !shell.session.hovered(); });
    CHECK(shell.window.inspector().title() == text(facts->title));
    trigger(shell.session, ActionId::clear_selection);
    CHECK(shell.window.inspector().title().isEmpty());
}

TEST_CASE("the help overlay opens by its key and closes by any") {
    Shell shell;
    shell.window.show();
    auto* overlay = shell.window.findChild<KeysOverlay*>();
    REQUIRE(overlay);
    waitFor([&] { return shell.window.isActiveWindow(); });
    QTest::keyClick(&shell.window, Qt::Key_Question);
    CHECK(overlay->isVisible());
    QTest::keyClick(overlay, Qt::Key_Escape);
    CHECK_FALSE(overlay->isVisible());
}

TEST_CASE("each place shows its part") {
    Shell shell;
    shell.open({0, 3});
    trigger(shell.session, ActionId::place_timeline);
    CHECK(shell.session.model().timeline.traces.size() == 1);
    CHECK(shell.session.model().timeline.only_rank == -1);
    trigger(shell.session, ActionId::place_compare);
    CHECK(shell.session.model().timeline.traces.size() == 2);
    CHECK(shell.session.model().timeline.only_rank == 0);
    CHECK(shell.window.summary().isVisible());
    trigger(shell.session, ActionId::place_memory);
    CHECK_FALSE(shell.session.model().timeline.show_lanes);
    CHECK(shell.session.model().timeline.show_memory);
    trigger(shell.session, ActionId::place_run);
    CHECK_FALSE(shell.window.summary().isVisible());
    CHECK_FALSE(shell.session.actions().get(ActionId::zoom_in)->isEnabled());
    trigger(shell.session, ActionId::place_compare);
    CHECK(shell.window.summary().isVisible());
    trigger(shell.session, ActionId::next_rank);
    CHECK(shell.session.onlyRank() == 1);
    trigger(shell.session, ActionId::next_rank); // there are two ranks
    CHECK(shell.session.onlyRank() == 1);
    trigger(shell.session, ActionId::all_ranks);
    CHECK(shell.session.onlyRank() == -1);
    shell.settle();
    CHECK(shell.window.timeline().state().drawn_rects > 0);
}

TEST_CASE("the summary shows the figures of the comparison") {
    Shell shell;
    shell.open({0, 1, 2, 3});
    const Comparison& comparison = shell.session.comparison();
    REQUIRE(comparison.runs.size() == 4);
    const auto& budget = shell.window.summary().budget().rows();
    const auto& memory = shell.window.summary().memory().rows();
    const auto& overlap = shell.window.summary().overlap().rows();
    REQUIRE(budget.size() == 4);
    for (size_t i = 0; i < 4; ++i) {
        const RunFigures& run = comparison.runs[i];
        CHECK(budget[i].segments.at(0).value == static_cast<double>(run.compute_ns));
        CHECK(budget[i].segments.at(1).value == static_cast<double>(run.exposed_comm_ns));
        CHECK(budget[i].segments.at(3).value == static_cast<double>(run.idle_ns));
        double bytes = 0;
        for (const BarSegment& segment : memory[i].segments) bytes += segment.value;
        CHECK(bytes == static_cast<double>(run.peak_total_bytes));
        CHECK(overlap[i].segments.at(0).value == run.overlap_percent);
    }
    CHECK(shell.window.summary().lossStatement().contains("bitwise equal, 4 runs") == comparison.losses_equal);
    CHECK(shell.window.inspector().differences().valueOf("stage") == "0 → 1 → 2 → 3");
    emit const_cast<StackedBars&>(shell.window.summary().budget()).rowClicked(budget[2].id, 0);
    CHECK(shell.session.active()->facts.stage == 2);
}

TEST_CASE("a narrow window that opens empty gives the canvas its room") {
    QTemporaryDir own; // what this window remembers is not the user's
    const QByteArray data_home = qgetenv("XDG_DATA_HOME");
    qputenv("XDG_DATA_HOME", own.path().toUtf8());
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, own.path());
    QApplication::setOrganizationName("shardscope-tests");
    Samples samples;
    const std::string file = samples.stage(2);
    const auto start = [&](const QSize& size, const auto& look) {
        Session session;
        MainWindow window(session, Memory::remembers);
        if (!size.isEmpty()) window.resize(size);
        window.show();
        waitFor([&] { return window.settled(); });
        REQUIRE(window.openFiles({file}));
        waitFor([&] { return window.settled(); });
        look(session, window);
        window.close();
    };
    const auto fits = [](Session&, MainWindow& window) {
        QApplication::processEvents();
        CHECK(window.library().width() <= 260);
        CHECK(window.timeline().width() >= window.width() / 2 - 40);
    };
    start({1040, 700}, fits); // as it is by default
    start({}, fits);          // as it was left
    start({1600, 1000}, fits);
    start({1040, 700}, fits); // narrower than it was left
    QApplication::setOrganizationName({});
    QSettings::setDefaultFormat(QSettings::NativeFormat);
    if (data_home.isNull())
        qunsetenv("XDG_DATA_HOME");
    else
        qputenv("XDG_DATA_HOME", data_home);
}

TEST_CASE("cards select and close their traces") {
    Shell shell;
    shell.open({0, 1});
    const auto cards = shell.window.library().cards();
    REQUIRE(cards.size() == 2);
    QTest::mouseClick(cards[1], Qt::LeftButton);
    CHECK(shell.session.active()->id == cards[1]->traceId());
    const int closed = cards[0]->traceId();
    emit cards[0]->closeRequested(closed);
    waitFor([&] { return shell.session.trace(closed) == nullptr; });
    CHECK(shell.window.library().cards().size() == 1);
}

TEST_CASE("an unreadable file is reported and the window lives on") {
    Shell shell;
    shell.open({2});
    std::ofstream(shell.path("bad.shardscope")) << "noise";
    shell.window.openFiles({shell.path("bad.shardscope")});
    shell.settle();
    CHECK(shell.window.notice().size() > 20);
    CHECK(shell.session.traces().size() == 1);
    QTest::keyClick(&shell.window, Qt::Key_W);
    shell.settle();
}

TEST_CASE("files can be dropped on the window") {
    Shell shell;
    shell.window.show();
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(text(shell.stage(1))), QUrl::fromLocalFile(text(shell.stage(2)))});
    QDragEnterEvent enter({50, 300}, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&shell.window, &enter);
    CHECK(enter.isAccepted());
    QDropEvent drop({50, 300}, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(&shell.window, &drop);
    shell.settle();
    CHECK(shell.session.traces().size() == 2);
    shell.settle();
}

TEST_CASE("pictures of every place are written in both themes") {
    Samples samples;
    Options options;
    options.files = {samples.stage(0), samples.stage(2)};
    options.screenshot_folder = samples.path("pictures");
    options.width = 1280;
    options.height = 720;
    REQUIRE(takeScreenshots(options) == 0);
    const QStringList written = QDir(text(options.screenshot_folder)).entryList({"*.png"});
    CHECK(written.size() == 16);
    for (const char* place : {"compare", "timeline", "buckets", "memory", "run", "tables", "warnings", "sql"})
        for (const char* theme : {"dark", "light"}) {
            const QImage image(text(options.screenshot_folder) + QString("/%1_%2.png").arg(place, theme));
            CHECK(image.width() == 1280);
            REQUIRE(image.height() == 720);
            const int corner = qGray(image.pixel(image.width() - 3, image.height() - 3)); // the status bar's ground
            CHECK((corner < 80) == (std::string(theme) == "dark"));
        }
    options.files = {samples.path("missing.shardscope")};
    CHECK(takeScreenshots(options) != 0);
}

} // namespace shardscope::gui
