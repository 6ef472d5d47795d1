// SPDX-License-Identifier: Apache-2.0
// Projects: what is kept, that it comes back, and that a bad file takes nothing away.
#include "gui/panels/library_panel.h"
#include "gui/panels/missing_card.h"
#include "gui/panels/note_card.h"
#include "gui/panels/notes_panel.h"
#include "gui/panels/trace_card.h"
#include "gui/project.h"
#include "gui/timeline_tools.h"
#include "gui/workspace.h"
#include "shell_fixture.h"
#include <QDir>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <fstream>

namespace shardscope::gui {
namespace {

Project sample() {
    Project project;
    project.traces = {{.path = "/data/runs/zero0.shardscope",
                       .trace_id = "a1",
                       .bytes = 12,
                       .name = "baseline",
                       .tags = {"paper", "β"}},
                      {.path = "/data/runs/zero2.shardscope",
                       .trace_id = "b2",
                       .open = false,
                       .compared = false,
                       .name = {},
                       .tags = {}}};
    project.view = Bookmark{.place = Place::memory,
                            .view = {Align::time, 7, {-315'360'000'000'000'000, 315'360'000'000'000'001}}, // ten years
                            .only_rank = 1,
                            .trace = project.traces[0].path,
                            .selected_trace = project.traces[1].path,
                            .selected = EventId{(int64_t{3} << 40) + 1}};
    project.bookmarks[4] = *project.view;
    project.notes = {{.trace = project.traces[1].path,
                      .lane = LaneId{2},
                      .start_ns = 9'007'199'254'740'993, // no double holds it
                      .end_ns = 9'007'199'254'740'995,
                      .event = EventId{5},
                      .text = "nothing is left\nto hide this behind"}};
    project.layouts["memory"] = QByteArray("\x00\xff layout", 9);
    return project;
}

void write(const std::string& path, const QByteArray& bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.constData(), bytes.size());
}

} // namespace

TEST_CASE("a project is read as it was written, to the nanosecond") {
    const Project project = sample();
    const auto again = parseProject(projectText(project, "/data"), "/data");
    REQUIRE(again);
    CHECK(again->traces == project.traces);
    CHECK(again->view == project.view);
    CHECK(again->bookmarks == project.bookmarks);
    CHECK(again->layouts == project.layouts);
    REQUIRE(again->notes.size() == 1);
    Note note = again->notes[0];
    CHECK(note == project.notes[0]);
}

TEST_CASE("a mistake in a project file is a sentence that names it") {
    const QByteArray good = projectText(sample(), "/data");
    const auto mistake = [&](const char* from, const char* to) {
        QByteArray bad = good;
        bad.replace(from, to);
        CHECK(bad != good);
        const auto parsed = parseProject(bad, "/data");
        REQUIRE_FALSE(parsed);
        return parsed.error().message;
    };
    CHECK(mistake("\"shardproj\": 1", "\"shardproj\": 99").find("newer version") != std::string::npos);
    CHECK(mistake("\"shardproj\": 1", "\"other\": 1").find("not a project") != std::string::npos);
    CHECK(mistake("\"place\": \"memory\"", "\"place\": \"kitchen\"").find("place") != std::string::npos);
    CHECK(mistake("\"trace\": 1", "\"trace\": 7").find("trace 7 of 2") != std::string::npos);
    CHECK(mistake("9007199254740995", "\"soon\"").find("end_ns") != std::string::npos);
    CHECK(mistake("9007199254740995", "5").find("ends before it starts") != std::string::npos);
    for (qsizetype length = 0; length < good.size(); length += 37) // cut off anywhere
        CHECK_FALSE(parseProject(good.left(length), "/data"));
    CHECK_FALSE(parseProject("[]", "/data"));
    CHECK_FALSE(parseProject(QByteArray(1 << 16, '['), "/data"));
}

TEST_CASE("a project comes back in another window as it was saved") {
    Samples files;
    const std::string project = files.path("stages.shardproj");
    std::vector<std::string> labels;
    TimeRange range;
    {
        Shell shell;
        REQUIRE(shell.window.openFiles({files.stage(0), files.stage(1), files.stage(2)}));
        shell.window.show();
        shell.settle();
        shell.activate();
        const int first = shell.session.traces()[0].id;
        shell.session.setName(first, "baseline");
        shell.session.setTags(first, {"paper"});
        shell.session.timelineTools().toggleRank(first, 1);
        shell.session.timelineTools().hideLane(first, LaneId{2});
        shell.session.timelineTools().moveRank(first, 1, 0);
        shell.session.setCompared(shell.session.traces()[1].id, false);
        shell.session.setPlace(Place::timeline);
        shell.session.setActive(shell.session.traces()[2].id);
        shell.session.selectLongestExposed();
        shell.settle();
        QTest::keyClick(&shell.window, Qt::Key_F);
        QTest::keyClick(&shell.window, Qt::Key_M);
        REQUIRE(shell.session.notes().notes().size() == 1);
        shell.session.notes().setText(shell.session.notes().notes()[0].id, "why here?");
        QTest::keyClick(&shell.window, Qt::Key_3, Qt::ControlModifier | Qt::ShiftModifier);
        range = shell.session.visible();
        CHECK(shell.window.workspace().dirty());
        REQUIRE(shell.window.workspace().saveAs(QString::fromStdString(project)));
        CHECK_FALSE(shell.window.workspace().dirty());
        CHECK(shell.window.windowTitle().contains("stages.shardproj"));
        shell.settle();
    }
    Shell shell;
    shell.window.show();
    REQUIRE(shell.window.openFiles({project}));
    shell.activate();
    shell.settle();
    REQUIRE(shell.session.traces().size() == 3);
    CHECK(shell.session.traces()[0].title() == "baseline");
    CHECK(shell.session.traces()[0].tags == std::vector<std::string>{"paper"});
    const auto lanes = shell.session.timelineTools().lanes(shell.session.traces()[0].reader->path());
    CHECK(lanes.collapsed == std::set<int32_t>{1});
    CHECK(lanes.hidden == std::set<LaneId>{LaneId{2}});
    CHECK(lanes.rank_order == std::vector<int32_t>{1, 0});
    CHECK_FALSE(shell.session.traces()[1].compared);
    CHECK(shell.session.active()->id == shell.session.traces()[2].id);
    CHECK(shell.session.place() == Place::timeline);
    CHECK(shell.session.visible() == range);
    CHECK(shell.session.selected().has_value());
    REQUIRE(shell.session.notes().notes().size() == 1);
    CHECK(shell.session.notes().notes()[0].text == "why here?");
    CHECK_FALSE(shell.window.workspace().dirty());
    QTest::keyClick(&shell.window, Qt::Key_S);
    shell.session.setPlace(Place::compare);
    QTest::keyClick(&shell.window, Qt::Key_3, Qt::ControlModifier);
    CHECK(shell.session.place() == Place::timeline);
    CHECK(shell.session.visible() == range);
    CHECK_FALSE(shell.window.workspace().dirty()); // looking around changes nothing
    shell.session.setTags(shell.session.traces()[1].id, {"slow"});
    CHECK(shell.window.workspace().dirty());
    shell.session.setTags(shell.session.traces()[1].id, {});
    CHECK_FALSE(shell.window.workspace().dirty());
    shell.settle();
}

TEST_CASE("a folder of traces and project may be moved, and a trace that is gone can be located") {
    QTemporaryDir place;
    const QString before = place.filePath("before"), after = place.filePath("after");
    QDir().mkpath(before);
    for (const int stage : {0, 2})
        writeSampleTrace((before + QString("/zero%1.shardscope").arg(stage)).toStdString(),
                         {.ranks = 2, .steps = 3, .stage = stage});
    {
        Shell shell;
        REQUIRE(shell.window.openFiles(
            {(before + "/zero0.shardscope").toStdString(), (before + "/zero2.shardscope").toStdString()}));
        shell.settle();
        shell.session.selectLongestExposed();
        shell.settle();
        shell.session.notes().add({.trace = shell.session.traces()[1].reader->path(), .text = "moves along"});
        REQUIRE(shell.window.workspace().saveAs(before + "/p.shardproj"));
        shell.settle();
    }
    REQUIRE(QFile::rename(before, after));
    REQUIRE(QFile::rename(after + "/zero2.shardscope", place.filePath("elsewhere.shardscope")));
    Shell shell;
    shell.window.show();
    shell.window.workspace().open(after + "/p.shardproj");
    shell.settle();
    CHECK(shell.session.traces().size() == 1);
    REQUIRE(shell.window.library().missingCards().size() == 1);
    CHECK(shell.window.notice().contains("not where the project says"));
    shell.window.workspace().locate(0, place.filePath("elsewhere.shardscope"));
    shell.settle();
    CHECK(shell.window.library().missingCards().empty());
    REQUIRE(shell.session.traces().size() == 2);
    REQUIRE(shell.session.notes().notes().size() == 1);
    CHECK(shell.session.notes().notes()[0].trace == shell.session.traces()[1].reader->path());
    CHECK(shell.window.workspace().dirty());
    shell.settle();
}

TEST_CASE("a corrupt project takes nothing away") {
    Shell shell;
    shell.open({1, 2});
    const std::string bad = shell.path("bad.shardproj");
    for (const QByteArray& bytes :
         {QByteArray("{\"shardproj\": 1, \"traces\": 5}"), QByteArray("\xff\xfe\x00", 3), QByteArray()}) {
        write(bad, bytes);
        shell.window.openFiles({bad});
        shell.settle();
        CHECK(shell.window.notice().contains("bad.shardproj"));
        CHECK(shell.session.traces().size() == 2);
    }
    shell.window.openFiles({shell.path("missing.shardproj")});
    shell.settle();
    CHECK(shell.window.notice().contains("missing.shardproj"));
    CHECK(shell.session.traces().size() == 2);
    shell.settle();
}

TEST_CASE("what was open is found again after a crash and after a new project") {
    QTemporaryDir copies;
    Samples files;
    const std::string trace = files.stage(2);
    { // ends without being asked anything
        Shell shell;
        shell.window.workspace().keepCopiesIn(copies.path());
        CHECK_FALSE(shell.window.workspace().canContinue());
        REQUIRE(shell.window.openFiles({trace}));
        shell.settle();
        shell.session.selectLongestExposed();
        shell.settle();
        shell.window.workspace().mark(false);
        shell.settle();
    }
    Shell shell;
    Workspace& workspace = shell.window.workspace();
    shell.window.show();
    workspace.keepCopiesIn(copies.path());
    REQUIRE(workspace.canContinue());
    CHECK(workspace.previousSummary() == "1 trace, 1 note");
    trigger(shell.session, ActionId::continue_project);
    shell.settle();
    REQUIRE(shell.session.traces().size() == 1);
    CHECK(shell.session.notes().notes().size() == 1);
    CHECK(workspace.dirty()); // it has no file yet
    trigger(shell.session, ActionId::new_project);
    CHECK(shell.session.traces().empty());
    CHECK(shell.session.notes().notes().empty());
    trigger(shell.session, ActionId::continue_project);
    shell.settle();
    CHECK(shell.session.traces().size() == 1);
}

TEST_CASE("marks and notes are pinned, edited, removed and brought back in the real window") {
    Shell shell;
    shell.open({0, 2});
    NotesPanel* panel = shell.window.findChild<NotesPanel*>();
    REQUIRE(panel);
    QTest::keyClick(&shell.window, Qt::Key_M); // neither selection nor mouse
    CHECK(shell.window.notice().contains("Select an event"));
    shell.session.selectLongestExposed();
    shell.settle();
    const auto picked = *shell.session.selected();
    QTest::keyClick(&shell.window, Qt::Key_M);
    REQUIRE(panel->cards().size() == 1);
    CHECK(shell.session.model().timeline.notes.size() == 1);
    QTest::keyClick(&shell.window, Qt::Key_M); // once more takes it away
    CHECK(panel->cards().empty());
    shell.session.notes().restoreRemoved();
    REQUIRE(panel->cards().size() == 1);
    QTest::keyClick(&shell.window, Qt::Key_N); // at the same place: its text is asked for
    NoteCard* card = panel->cards()[0];
    REQUIRE(card->editing());
    QTest::keyClicks(&card->editor(), "exposed, W S D");
    QTest::keyClick(&card->editor(), Qt::Key_Return, Qt::ControlModifier);
    CHECK_FALSE(card->editing());
    CHECK(shell.session.notes().notes()[0].text == "exposed, W S D");
    CHECK(shell.session.model().timeline.notes.at(0).text == "exposed, W S D");
    card->edit();
    QTest::keyClicks(&card->editor(), "!!!");
    QTest::keyClick(&card->editor(), Qt::Key_Escape);
    CHECK(shell.session.notes().notes()[0].text == "exposed, W S D");

    shell.session.select(std::nullopt);
    shell.session.setPlace(Place::run);
    QTest::mouseClick(card, Qt::LeftButton); // leads to the place
    CHECK(shell.session.place() == Place::timeline);
    CHECK(shell.session.selected() == picked);
    emit card->removeRequested(card->noteId());
    waitFor([&] { return panel->cards().empty(); });
    shell.settle();
}

TEST_CASE("cards take names and tags, and the filter finds them") {
    Shell shell;
    shell.open({0, 1, 2});
    LibraryPanel& library = shell.window.library();
    TraceCard* card = library.cards()[1];
    card->rename();
    QTest::keyClicks(&card->editor(), "small buckets");
    QTest::keyClick(&card->editor(), Qt::Key_Return);
    CHECK(shell.session.traces()[1].title() == "small buckets");
    CHECK(shell.session.model().timeline.traces.at(1).title == "small buckets");
    card->editTags();
    QTest::keyClicks(&card->editor(), "paper, #slow,,paper");
    QTest::keyClick(&card->editor(), Qt::Key_Return);
    CHECK(shell.session.traces()[1].tags == std::vector<std::string>{"paper", "slow"});
    card->editTags();
    QTest::keyClicks(&card->editor(), "nothing");
    QTest::keyClick(&card->editor(), Qt::Key_Escape);
    CHECK(shell.session.traces()[1].tags.size() == 2);

    QTest::keyClicks(&library.filter(), "slow");
    CHECK(library.cards()[1]->isVisible());
    CHECK_FALSE(library.cards()[0]->isVisible());
    library.filter().clear();
    CHECK(library.cards()[0]->isVisible());
    card->rename();
    card->editor().clear();
    QTest::keyClick(&card->editor(), Qt::Key_Return);
    CHECK(shell.session.traces()[1].title() == "ZeRO-1");
    waitFor([&] { return library.settled(); });
    shell.settle();
}

} // namespace shardscope::gui
