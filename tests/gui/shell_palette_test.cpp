// SPDX-License-Identifier: Apache-2.0
// The command palette: how entries are found, and what the real window does when one is chosen by keyboard.
#include "gui/fuzzy.h"
#include "gui/panels/command_palette.h"
#include "gui/window_tools.h"
#include "shell_fixture.h"
#include <QAbstractItemModelTester>
#include <QLineEdit>

namespace shardscope::gui {
namespace {

QString best(std::initializer_list<const char*> texts, const char* pattern) {
    QString found;
    int score = INT_MIN;
    for (const char* candidate : texts)
        if (const auto match = fuzzyMatch(QString(pattern), QString(candidate)); match && match->score > score) {
            score = match->score;
            found = candidate;
        }
    return found;
}

PaletteEntry entry(const char* title, bool enabled = true) {
    return {.title = title, .detail = "Menu", .keys = {}, .run = [] {}, .enabled = enabled};
}

} // namespace

TEST_CASE("letters in order are found, those that start words first") {
    CHECK(best({"Go to lane…", "Longest exposed", "Close trace"}, "gtl") == "Go to lane…");
    CHECK(best({"rank 1 comm", "rank 0 comm", "rank 0 compute"}, "0 comm") == "rank 0 comm");
    CHECK(best({"Fit", "Focus on the selection"}, "fit") == "Fit");
    CHECK_FALSE(fuzzyMatch(QString("xyz"), QString("Zoom in")));
    CHECK(fuzzyMatch(QString(), QString("anything"))->score == 0);
    const auto match = fuzzyMatch(QString("zi"), QString("Zoom in"));
    REQUIRE(match);
    CHECK(match->positions == std::vector<qsizetype>{0, 5});
}

TEST_CASE("the palette's list is a well-behaved model") {
    PaletteModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.contribute(PaletteMode::commands, [](const QString&, std::vector<PaletteEntry>& entries) {
        entries = {entry("Resting", false), entry("Awake"), entry("Asleep")};
    });
    model.contribute(PaletteMode::lanes, [](const QString&, std::vector<PaletteEntry>& entries) {
        entries.push_back(entry("lane of another mode"));
    });
    model.show(PaletteMode::commands, "");
    CHECK(model.rowCount() == 3);
    CHECK(model.index(model.firstEnabled()).data().toString() == "Awake");
    model.show(PaletteMode::commands, "menu"); // found by what it is, too
    CHECK(model.rowCount() == 3);
    model.show(PaletteMode::commands, "as");
    REQUIRE(model.rowCount() >= 1);
    CHECK(model.index(0).data().toString() == "Asleep");
    model.show(PaletteMode::anything, "lane");
    CHECK(model.rowCount() == 1);
    model.show(PaletteMode::commands, "nothing like it");
    CHECK(model.rowCount() == 0);
    CHECK(model.firstEnabled() == -1);
}

TEST_CASE("a command is found and run by keyboard alone") {
    Shell shell;
    shell.open({0, 2});
    CommandPalette& palette = shell.window.tools().palette();
    shell.activate();
    QTest::keyClick(&shell.window, Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    REQUIRE(palette.isVisible());
    QTest::keyClicks(&palette.field(), "place mem");
    QTest::keyClick(&palette.field(), Qt::Key_Escape);
    CHECK_FALSE(palette.isVisible());
    CHECK(shell.session.place() == Place::compare);
    QTest::keyClick(&shell.window, Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
    CHECK(palette.field().text().isEmpty());
    QTest::keyClicks(&palette.field(), "timel");
    QTest::keyClick(&palette.field(), Qt::Key_Return);
    CHECK_FALSE(palette.isVisible());
    CHECK(shell.session.place() == Place::timeline);
    shell.settle();
}

TEST_CASE("letters typed into the palette are no shortcuts of the window") {
    Shell shell;
    shell.open({1});
    const TimeRange before = shell.session.visible();
    shell.activate();
    QTest::keyClick(&shell.window, Qt::Key_F, Qt::ControlModifier | Qt::ShiftModifier);
    CommandPalette& palette = shell.window.tools().palette();
    REQUIRE(palette.isVisible());
    QTest::keyClicks(&palette.field(), "wasdfw");
    shell.settle();
    CHECK(shell.session.visible() == before);
    CHECK(palette.field().text() == "wasdfw");
}

TEST_CASE("a lane and a step are gone to by name") {
    Shell shell;
    const std::string wide = shell.path("wide.shardscope"); // so that the last lane has to be scrolled to
    writeSampleTrace(wide, {.ranks = 16, .steps = 5, .stage = 3, .layers = 2});
    shell.window.show();
    REQUIRE(shell.window.openFiles({wide}));
    trigger(shell.session, ActionId::place_timeline);
    shell.settle();
    shell.activate();
    CommandPalette& palette = shell.window.tools().palette();
    QTest::keyClick(&shell.window, Qt::Key_P, Qt::ControlModifier);
    REQUIRE(palette.isVisible());
    const auto lanes = shell.session.active()->reader->lanes();
    CHECK(palette.model().rowCount() == static_cast<int>(lanes.size()));
    QTest::keyClicks(&palette.field(), QString::fromStdString(lanes.back().name));
    QTest::keyClick(&palette.field(), Qt::Key_Return);
    shell.settle();
    CHECK(shell.window.timeline().state().scroll_y > 0);

    QTest::keyClick(&shell.window, Qt::Key_G, Qt::ControlModifier);
    QTest::keyClicks(&palette.field(), "4");
    QTest::keyClick(&palette.field(), Qt::Key_Return);
    shell.settle();
    CHECK(shell.session.step() == 4);
}

} // namespace shardscope::gui
