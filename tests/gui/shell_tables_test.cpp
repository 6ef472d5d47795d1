// SPDX-License-Identifier: Apache-2.0
// The Details panel by mouse and keyboard: tables, filters, sorting, copying, CSV, and the SQL console.
#include "gui/tables/details_panel.h"
#include "gui/tables/sql_console.h"
#include "gui/tables/table_view.h"
#include "shell_fixture.h"
#include <QAction>
#include <QClipboard>
#include <QComboBox>
#include <QFile>
#include <QHeaderView>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QTabBar>
#include <QTableView>

namespace shardscope::gui {
namespace {

struct TablesShell : Shell {
    DetailsPanel& panel = window.details();
    void openTables(std::initializer_list<int> stages) {
        session.setPlace(Place::timeline);
        open(stages);
        session.actions().get(ActionId::tables)->trigger();
        settle();
    }
    TableView& shown(DetailsKind kind) {
        QTabBar& tabs = panel.tabs();
        QTest::mouseClick(&tabs, Qt::LeftButton, {}, tabs.tabRect(static_cast<int>(kind)).center());
        settle();
        return panel.table(kind);
    }
    void doubleClick(QTableView& view, int row) {
        const QPoint at = view.visualRect(view.model()->index(row, 1)).center();
        QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, at);
        QTest::mouseDClick(view.viewport(), Qt::LeftButton, {}, at);
        settle();
    }
    QString cell(TableView& table, int row, int column) {
        return table.order().data(table.order().index(row, column), Qt::DisplayRole).toString();
    }
};

} // namespace

TEST_CASE("each table is filled when it is looked at, and its rows lead to events") {
    TablesShell shell;
    shell.openTables({2});
    for (const DetailsKind kind : {DetailsKind::program, DetailsKind::statistics, DetailsKind::collectives}) {
        INFO(titleOf(kind));
        TableView& table = shell.shown(kind);
        REQUIRE(table.order().rowCount() > 3);
        shell.session.select({});
        shell.doubleClick(table.view(), 1);
        REQUIRE(shell.session.selected());
        const auto details = shell.session.active()->reader->details(shell.session.selected()->event);
        REQUIRE(details);
        const PlaceModel place = shell.session.model();
        const TimeRange visible = shell.session.visible();
        const int64_t start = details->event.start_ns - place.timeline.traces.at(0).origin_ns;
        CHECK(start >= visible.start_ns);
        CHECK(start <= visible.end_ns);
    }
}

TEST_CASE("a memory peak leads to the Memory place, at that moment") {
    TablesShell shell;
    shell.openTables({3});
    TableView& peaks = shell.shown(DetailsKind::memory_peaks);
    REQUIRE(peaks.order().rowCount() == 2);
    shell.doubleClick(peaks.view(), 1);
    CHECK(shell.session.place() == Place::memory);
    REQUIRE(shell.session.moment());
    CHECK(shell.session.onlyRank() == shell.session.moment()->rank);
}

TEST_CASE("tables are filtered by typing and sorted by their heads") {
    TablesShell shell;
    shell.openTables({2});
    TableView& table = shell.shown(DetailsKind::collectives);
    const int all = table.order().rowCount();
    QTest::keyClicks(&table.filter(), "bucket 1");
    CHECK(table.order().rowCount() < all);
    CHECK(table.order().rowCount() > 0);
    CHECK(table.sentence().contains(" of "));
    for (int row = 0; row < table.order().rowCount(); ++row) CHECK(shell.cell(table, row, 2).contains("bucket 1"));
    QHeaderView* head = table.view().horizontalHeader();
    QTest::mouseClick(head->viewport(), Qt::LeftButton, {},
                      QPoint(head->sectionViewportPosition(5) + 12, head->height() / 2));
    const auto rows = table.order().shownRows();
    for (size_t i = 1; i < rows.size(); ++i)
        CHECK_FALSE(cellLess(table.model().table().rows[rows[i]][5], table.model().table().rows[rows[i - 1]][5]));
}

TEST_CASE("what is selected is copied, and what is shown is saved") {
    TablesShell shell;
    shell.openTables({1});
    TableView& table = shell.shown(DetailsKind::statistics);
    table.view().selectRow(0);
    table.view().setFocus();
    QTest::keyClick(&table.view(), Qt::Key_C, Qt::ControlModifier);
    const QStringList lines = QApplication::clipboard()->text().trimmed().split('\n');
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].startsWith("name\tclass\tcount\ttotal"));
    CHECK(lines[1].startsWith(shell.cell(table, 0, 0)));
    const QString path = shell.folder.filePath("table.csv");
    std::optional<bool> failed;
    QObject::connect(&table, &TableView::noticed, &table, [&](const QString&, bool is_error) { failed = is_error; });
    table.saveCsv(path);
    waitFor([&] { return failed.has_value(); });
    CHECK_FALSE(*failed);
    QFile file(path);
    REQUIRE(file.open(QIODevice::ReadOnly));
    CHECK(file.readLine().startsWith("name,class,count,total_ns,share_percent"));
    failed.reset();
    table.saveCsv("/nonexistent/folder/table.csv");
    waitFor([&] { return failed.has_value(); });
    CHECK(*failed);
}

TEST_CASE("tables follow the active trace and empty when it is closed") {
    TablesShell shell;
    shell.openTables({0, 3});
    TableView& table = shell.shown(DetailsKind::program);
    const QString key = "zero_optimization.stage3";
    const auto mentions = [&] {
        bool found = false;
        for (const Row& row : table.model().table().rows)
            found = found || std::get<std::string>(row[1]).find("all_gather") != std::string::npos;
        return found;
    };
    CHECK_FALSE(mentions());
    shell.session.setActive(shell.session.traces().back().id);
    shell.settle();
    CHECK(mentions());
    while (!shell.session.traces().empty()) shell.session.closeTrace(shell.session.traces().front().id);
    CHECK(table.order().rowCount() == 0);
    CHECK(table.sentence() == "No trace is open.");
}

TEST_CASE("SQL is asked with Ctrl+Return, and its rows lead into the timeline") {
    TablesShell shell;
    shell.openTables({2});
    shell.session.actions().get(ActionId::sql_console)->trigger();
    SqlConsole& sql = shell.panel.sql();
    sql.editor().setPlainText("SELECT id AS event_id, name FROM event ORDER BY duration_ns DESC LIMIT 3");
    QTest::keyClick(&sql.editor(), Qt::Key_Return, Qt::ControlModifier);
    CHECK(sql.running());
    shell.settle();
    REQUIRE(sql.results().order().rowCount() == 3);
    shell.doubleClick(sql.results().view(), 2);
    REQUIRE(shell.session.selected());
    const auto& rows = sql.results().model().table().rows;
    CHECK(shell.session.selected()->event == static_cast<EventId>(std::get<int64_t>(rows[2][0])));
}

TEST_CASE("a fault in a statement is named and marked, and writing is refused") {
    TablesShell shell;
    shell.openTables({2});
    shell.panel.showSql();
    SqlConsole& sql = shell.panel.sql();
    sql.editor().setPlainText("SELECT name\n  FORM event");
    sql.run();
    shell.settle();
    CHECK(sql.failure().startsWith("Line 2, column "));
    sql.editor().setPlainText("SELECT rank,\n  nonsense FROM event");
    sql.run();
    shell.settle();
    CHECK(sql.failure().startsWith("Line 2, column 3: "));
    CHECK(sql.failure().contains("nonsense"));
    CHECK(sql.editor().textCursor().selectedText() == "nonsense");
    sql.editor().setPlainText("DELETE FROM event_row");
    sql.run();
    shell.settle();
    CHECK(sql.failure().contains("only read"));
    CHECK(shell.session.active()->reader->eventCount() > 0);
}

TEST_CASE("a query without an end can be stopped, and another one asked") {
    TablesShell shell;
    shell.openTables({2});
    shell.panel.showSql();
    SqlConsole& sql = shell.panel.sql();
    sql.editor().setPlainText("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n");
    sql.run();
    CHECK(sql.running());
    sql.stop();
    CHECK_FALSE(sql.running());
    sql.editor().setPlainText("SELECT count(*) AS events FROM event");
    sql.run();
    shell.settle();
    CHECK(sql.results().order().rowCount() == 1);
}

TEST_CASE("queries are kept under names, and examples stay") {
    TablesShell shell;
    shell.openTables({2});
    SqlConsole& sql = shell.panel.sql();
    sql.editor().setPlainText("SELECT 1 AS one");
    CHECK(sql.saveAs("mine"));
    CHECK_FALSE(sql.saveAs(" "));
    CHECK_FALSE(sql.saveAs("Steps"));
    CHECK(sql.queries().currentText() == "mine");
    CHECK(sql.queries().findText("Steps") > 0);
    sql.remove("Steps");
    CHECK(sql.queries().findText("Steps") > 0);
    sql.remove("mine");
    CHECK(sql.queries().findText("mine") < 0);
}

} // namespace shardscope::gui
