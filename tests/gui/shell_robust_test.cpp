// SPDX-License-Identifier: Apache-2.0
// Files that go away, traces of odd shapes, small windows: the program goes on and says what happened.
#include "gui/panels/library_panel.h"
#include "gui/panels/trace_card.h"
#include "gui/workspace.h"
#include "shell_fixture.h"
#include "traces/trace_writer.h"
#include <QApplication>
#include <QFile>
#include <QLineEdit>
#include <QSet>
#include <QTimer>
#include <QToolButton>
#include <filesystem>
#include <fstream>

namespace shardscope::gui {
namespace {

constexpr int64_t year_ns = int64_t{365} * 86'400 * 1'000'000'000;

std::string written(const Samples& samples, const char* name, const std::function<void(TraceWriter&)>& write) {
    const std::string path = samples.path(name);
    auto writer = TraceWriter::create(path);
    REQUIRE(writer);
    write(**writer);
    REQUIRE((*writer)->finish("finished"));
    return path;
}

void addEvent(TraceWriter& writer, LaneId lane, int64_t start_ns, int64_t end_ns) {
    const TraceEvent event =
        IntervalEvent{.lane = lane, .name = writer.intern("matmul"), .start_ns = start_ns, .end_ns = end_ns, .step = 0};
    writer.append(std::span(&event, 1));
}

// Everything a hand does first: each place, keys, selection, marks.
void useEverything(Shell& shell) {
    for (const Place place : {Place::timeline, Place::compare, Place::memory}) {
        shell.session.setPlace(place);
        for (const int key :
             {Qt::Key_W, Qt::Key_D, Qt::Key_F, Qt::Key_S, Qt::Key_S, Qt::Key_A, Qt::Key_Home, Qt::Key_X, Qt::Key_M,
              Qt::Key_Period, Qt::Key_Comma, Qt::Key_BracketRight, Qt::Key_E, Qt::Key_Escape})
            QTest::keyClick(&shell.window, static_cast<Qt::Key>(key));
        shell.settle();
        shell.window.grab();
    }
}

} // namespace

TEST_CASE("a deleted trace stays on the screen and its card says what happened") {
    Shell shell;
    shell.open({0, 2});
    const std::string path = shell.session.traces()[1].reader->path();
    REQUIRE(QFile::remove(QString::fromStdString(path)));
    waitFor([&] { return shell.session.traces()[1].file_state == FileState::deleted; });
    CHECK(shell.window.notice().contains("deleted or moved"));
    CHECK(shell.window.library().cards()[1]->stateText() == "file deleted");
    useEverything(shell);
    CHECK(shell.session.traces().size() == 2);
}

TEST_CASE("what was opened, used and closed leaves no widgets in the window") {
    Shell shell;
    const std::vector<std::string> files = {shell.stage(0), shell.stage(3)};
    const auto round = [&] {
        REQUIRE(shell.window.openFiles(files));
        shell.window.show();
        shell.settle();
        useEverything(shell);
        shell.session.setTheme(lightTheme());
        shell.session.setTheme(darkTheme());
        shell.session.closeAll();
        shell.settle();
        QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
        const QList<QWidget*> all = shell.window.findChildren<QWidget*>();
        // Bare children of the window are Qt's own: restoring docks adds some each time.
        return std::count_if(all.begin(), all.end(), [&](const QWidget* widget) {
            return widget->parent() != &shell.window || widget->metaObject() != &QWidget::staticMetaObject;
        });
    };
    round(); // what is made at its first use stays; the key of marks sets and removes in turn
    const auto before = round();
    round();
    CHECK(round() <= before);
}

TEST_CASE("a replaced trace is told from the one that was opened, and opens anew") {
    Shell shell;
    shell.open({1});
    const std::string path = shell.session.traces()[0].reader->path();
    writeSampleTrace(shell.path("new"), {.ranks = 2, .steps = 3, .stage = 3});
    REQUIRE(std::rename(shell.path("new").c_str(), path.c_str()) == 0);
    waitFor([&] { return shell.session.traces()[0].file_state == FileState::replaced; });
    CHECK(shell.window.notice().contains("replaced"));
    CHECK(shell.session.traces()[0].facts.stage == 1);
    useEverything(shell);
    REQUIRE(shell.window.openFiles({path}));
    shell.settle();
    REQUIRE(shell.session.traces().size() == 1);
    CHECK(shell.session.traces()[0].facts.stage == 3);
    CHECK(shell.session.traces()[0].file_state == FileState::as_opened);
    shell.settle();
}

TEST_CASE("a file overwritten in place with noise does not end the program") {
    Shell shell;
    shell.open({2});
    const std::string path = shell.session.traces()[0].reader->path();
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .write(std::string(200'000, 'x').data(), 200'000);
    useEverything(shell);
    CHECK(shell.session.traces().size() == 1);
    waitFor([&] { return shell.window.notice().contains("is no trace any more"); });
    CHECK(shell.session.traces()[0].file_state == FileState::replaced);
}

TEST_CASE("a file overwritten in place by another trace is shown anew, and the window says so") {
    Shell shell;
    shell.open({1});
    const std::string path = shell.session.traces()[0].reader->path();
    writeSampleTrace(shell.path("new"), {.ranks = 2, .steps = 3, .stage = 3});
    std::ofstream(path, std::ios::binary | std::ios::trunc)
        << std::ifstream(shell.path("new"), std::ios::binary).rdbuf();
    waitFor([&] { return shell.window.notice().contains("was overwritten while it was open"); });
    shell.settle();
    REQUIRE(shell.session.traces().size() == 1);
    CHECK(shell.session.traces()[0].facts.stage == 3);
    CHECK(shell.session.traces()[0].file_state == FileState::as_opened);
    useEverything(shell);
}

TEST_CASE("a file that is touched without another recording in it is not worth a word") {
    Shell shell;
    shell.open({1});
    const std::string path = shell.session.traces()[0].reader->path();
    std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now());
    bool looked = false;
    QTimer::singleShot(1'000, [&] { looked = true; });
    waitFor([&] { return looked; });
    CHECK(shell.window.notice().isEmpty());
    CHECK(shell.session.traces()[0].file_state == FileState::as_opened);
}

TEST_CASE("traces without events, with one, and over ten years can be used") {
    Shell shell;
    shell.window.show();
    const std::string empty = written(shell, "empty.shardscope", [](TraceWriter&) {});
    const std::string one = written(shell, "one.shardscope", [](TraceWriter& writer) {
        addEvent(writer, writer.addLane({.rank = 0, .kind = LaneKind::compute, .name = "only"}), 5, 5);
    });
    const std::string long_one = written(shell, "years.shardscope", [](TraceWriter& writer) {
        const LaneId lane = writer.addLane({.rank = 0, .kind = LaneKind::compute, .name = "slow"});
        for (int64_t year = 0; year < 10; ++year)
            addEvent(writer, lane, year * year_ns, year * year_ns + (year % 2 ? year_ns / 2 : 1));
    });
    for (const std::string& path : {empty, one, long_one}) {
        INFO(path);
        REQUIRE(shell.window.openFiles({path}));
        shell.settle();
        useEverything(shell);
        while (!shell.session.traces().empty()) shell.session.closeTrace(shell.session.traces().front().id);
    }
    REQUIRE(shell.window.openFiles({empty, one, long_one}));
    shell.settle();
    useEverything(shell);
}

TEST_CASE("a thousand lanes can be used") {
    Shell shell;
    shell.window.show();
    const std::string wide = written(shell, "wide.shardscope", [](TraceWriter& writer) {
        for (int rank = 0; rank < 500; ++rank)
            for (const LaneKind kind : {LaneKind::compute, LaneKind::comm}) {
                const LaneId lane = writer.addLane(
                    {.rank = rank,
                     .kind = kind,
                     .name = "rank " + std::to_string(rank) + (kind == LaneKind::comm ? " comm" : " compute")});
                for (int64_t i = 0; i < 20; ++i) addEvent(writer, lane, i * 1'000, i * 1'000 + 700);
            }
    });
    REQUIRE(shell.window.openFiles({wide}));
    shell.settle();
    useEverything(shell);
    shell.session.setPlace(Place::timeline);
    shell.session.setOnlyRank(-1);
    shell.window.timeline().revealLane(shell.session.active()->id, LaneId{999});
    shell.settle();
    CHECK(shell.window.timeline().state().scroll_y > 1'000);
}

TEST_CASE("files that take time are opened by a worker, in order") {
    Shell shell;
    shell.window.show();
    std::ofstream(shell.path("noise.shardscope")) << "this is not a trace, whatever its name says";
    CHECK(shell.window.openFiles({shell.stage(3), shell.path("noise.shardscope"), shell.stage(0), shell.stage(1)}));
    CHECK(shell.session.traces().empty()); // the window did not wait
    CHECK(shell.session.busy());
    CHECK(shell.window.statusText().contains("no trace open"));
    waitFor([&] { return shell.session.opening() == 0; });
    shell.settle();
    REQUIRE(shell.session.traces().size() == 3);
    CHECK(shell.session.traces()[0].facts.stage == 3);
    CHECK(shell.session.traces()[1].facts.stage == 0);
    CHECK(shell.session.traces()[2].facts.stage == 1);
    CHECK(shell.window.notice().contains("noise.shardscope"));
}

TEST_CASE("everything can be reached by keyboard and has a name") {
    Shell shell;
    shell.open({0, 2});
    for (const QToolButton* button : shell.window.findChildren<QToolButton*>()) {
        if (!button->isVisibleTo(&shell.window)) continue;
        INFO(button->objectName().toStdString() << " in " << button->parent()->metaObject()->className());
        CHECK((button->text().size() > 1 || !button->accessibleName().isEmpty() ||
               (button->defaultAction() && !button->defaultAction()->text().isEmpty()) ||
               !button->toolTip().isEmpty()));
    }
    // Tab goes round the window and comes back.
    shell.activate();
    QSet<QWidget*> reached;
    for (int i = 0; i < 200; ++i) {
        QTest::keyClick(QApplication::focusWidget() ? QApplication::focusWidget() : &shell.window, Qt::Key_Tab);
        reached.insert(QApplication::focusWidget());
    }
    for (TraceCard* card : shell.window.library().cards()) CHECK(reached.contains(card));
    CHECK(reached.contains(&shell.window.timeline().canvas()));
}

TEST_CASE("nothing is cut off in a small window") {
    Shell shell;
    shell.window.resize(1280, 720);
    shell.open({0, 1, 2, 3});
    for (const Place place : {Place::run, Place::timeline, Place::compare, Place::memory}) {
        shell.session.setPlace(place);
        shell.settle();
        INFO(static_cast<int>(place));
        CHECK(shell.window.width() == 1280);
        CHECK(shell.window.height() == 720);
        for (const QToolButton* button : shell.window.findChildren<QToolButton*>()) {
            if (!button->isVisible() || button->window() != &shell.window) continue;
            const QRect at(button->mapTo(&shell.window, QPoint()), button->size());
            INFO(button->text().toStdString());
            CHECK(at.right() <= shell.window.width());
            if (button->defaultAction()) CHECK(button->width() >= std::min(button->sizeHint().width(), 24));
        }
    }
}

} // namespace shardscope::gui
