// SPDX-License-Identifier: Apache-2.0
// What tables know without a window, and the Qt models made of them.
#include "gui/tables/details_tables.h"
#include "gui/tables/query_result.h"
#include "gui/tables/saved_queries.h"
#include "gui/tables/table_model.h"
#include "shell_fixture.h"
#include "traces/query.h"
#include <QAbstractItemModelTester>
#include <set>

namespace shardscope::gui {
namespace {

TableData small() {
    TableData table{.name = "small", .columns = {}, .rows = {}, .links = {}, .notes = {}};
    table.columns = {{"name", ColumnKind::text, {}},
                     {"total", ColumnKind::time, {}},
                     {"size", ColumnKind::bytes, {}},
                     {"share", ColumnKind::percent, {}}};
    table.rows = {{std::string("Gather, block 1"), int64_t{1'500'000}, int64_t{4 << 20}, 61.25},
                  {std::string("norm\t2"), int64_t{250'000}, Cell(), std::nan("")},
                  {std::string("gelu"), int64_t{20}, int64_t{100}, 3.0}};
    return table;
}

std::unique_ptr<TraceReader> sampleReader(Samples& samples, int stage) {
    auto reader = TraceReader::open(samples.stage(stage));
    REQUIRE(reader);
    return std::move(*reader);
}

size_t columnOf(const TableData& table, const std::string& name) {
    for (size_t c = 0; c < table.columns.size(); ++c)
        if (table.columns[c].name == name) return c;
    FAIL("no column " << name);
    return 0;
}

} // namespace

TEST_CASE("a column has one unit, which stands in its head") {
    const TableData table = small();
    const TableText text(table);
    CHECK(text.head(0) == "name");
    CHECK(text.head(1) == "total, ms");
    CHECK(text.head(2) == "size, MiB");
    CHECK(text.head(3) == "share, %");
    CHECK(text.cell(0, 1) == "1.500");
    CHECK(text.cell(2, 1) == "0.000");
    CHECK(text.tooltip(2, 1) == "20 ns");
    CHECK(text.cell(1, 2).empty());
    CHECK(text.cell(1, 3) == "not a number");
    CHECK(text.cell(1, 0) == "norm 2");
    CHECK_FALSE(text.alignsRight(0));
    CHECK(text.alignsRight(1));
}

TEST_CASE("rates have as many decimals as four digits of the largest need") {
    TableData table;
    table.columns = {{"GB/s", ColumnKind::rate, {}}, {"x", ColumnKind::real, {}}};
    table.rows = {{147.172, 1.23456789}, {3.07507, 2.0}, {Cell(), Cell()}};
    const TableText text(table);
    CHECK(text.cell(0, 0) == "147.2");
    CHECK(text.cell(1, 0) == "3.1");
    CHECK(text.cell(2, 0).empty());
    CHECK(text.cell(0, 1) == "1.23457");
    CHECK(text.alignsRight(0));
}

TEST_CASE("tables are pasted in units and saved exactly") {
    const TableData table = small();
    CHECK(tableTsv(table, {0}) == "name\ttotal, ms\tsize, MiB\tshare, %\nGather, block 1\t1.500\t4.000\t61.2\n");
    CHECK(tableCsv(table, {2, 0}) ==
          "name,total_ns,size_bytes,share_percent\ngelu,20,100,3\n\"Gather, block 1\",1500000,4194304,61.25\n");
}

TEST_CASE("cells compare exactly, and nothing comes before everything") {
    CHECK(cellLess(int64_t{1} << 60, (int64_t{1} << 60) + 1)); // equal as doubles
    CHECK_FALSE(cellLess((int64_t{1} << 60) + 1, int64_t{1} << 60));
    CHECK(cellLess(Cell(), int64_t{-5}));
    CHECK(cellLess(std::nan(""), 0.5));
    CHECK(cellLess(int64_t{3}, std::string("2")));
    CHECK(cellLess(1.5, int64_t{2}));
    CHECK(rowMatches(small().rows[0], "gather"));
    CHECK_FALSE(rowMatches(small().rows[2], "gather"));
}

TEST_CASE("the models keep Qt's rules while tables come, are sorted and filtered") {
    TableModel model;
    TableOrder order(model);
    QAbstractItemModelTester test_model(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    QAbstractItemModelTester test_order(&order, QAbstractItemModelTester::FailureReportingMode::Fatal);
    CHECK(order.rowCount() == 0);
    model.setTable(std::make_shared<const TableData>(small()));
    order.sort(1, Qt::AscendingOrder);
    CHECK(order.shownRows() == std::vector<size_t>{2, 1, 0});
    order.setNeedle("G");
    CHECK(order.shownRows() == std::vector<size_t>{2, 0});
    order.sort(2, Qt::DescendingOrder);
    CHECK(order.shownRows() == std::vector<size_t>{0, 2});
    CHECK(order.data(order.index(0, 1), Qt::DisplayRole).toString() == "1.500");
    CHECK(order.headerData(2, Qt::Horizontal, Qt::DisplayRole).toString() == "size, MiB");
    model.setTable(std::make_shared<const TableData>());
    CHECK(order.rowCount() == 0);
}

TEST_CASE("every table of a run leads to its events") {
    Samples samples;
    const auto reader = sampleReader(samples, 3);
    for (const DetailsKind kind : all_details) {
        INFO(titleOf(kind));
        const auto table = detailsTable(*reader, kind);
        REQUIRE(table);
        CHECK(table->links.size() == table->rows.size());
        for (const Row& row : table->rows) CHECK(row.size() == table->columns.size());
        if (kind == DetailsKind::warnings) continue;
        REQUIRE_FALSE(table->rows.empty());
        for (size_t i = 0; i < table->rows.size(); ++i) {
            const TableLink& link = table->links[i];
            if (kind == DetailsKind::memory_peaks) {
                CHECK(link.memory);
                continue;
            }
            const auto details = reader->details(eventOf(*reader, link));
            REQUIRE(details);
            CHECK(details->name == std::get<std::string>(table->rows[i][columnOf(*table, "name")]));
        }
    }
}

TEST_CASE("statistics add up, and so do the collectives") {
    Samples samples;
    const auto reader = sampleReader(samples, 2);
    const TableData statistics = *detailsTable(*reader, DetailsKind::statistics);
    int64_t count = 0;
    double share = 0;
    for (const Row& row : statistics.rows) {
        count += std::get<int64_t>(row[columnOf(statistics, "count")]);
        share += std::get<double>(row[columnOf(statistics, "share")]);
    }
    CHECK(count == reader->eventCount());
    CHECK(share == Approx(100));
    const TableData collectives = *detailsTable(*reader, DetailsKind::collectives);
    int64_t found = 0;
    const auto asked = queryTrace(
        reader->path(), "SELECT count(*) FROM collective", {}, [](const auto&) {},
        [&](const Row& row) {
            found = std::get<int64_t>(row[0]);
            return true;
        });
    REQUIRE(asked);
    CHECK(static_cast<int64_t>(collectives.rows.size()) == found);
    const TableData few = *detailsTable(*reader, DetailsKind::collectives, {.rows = 5});
    CHECK(few.rows.size() == 5);
    CHECK(few.links.size() == 5);
    REQUIRE(few.notes.size() == 1);
    CHECK(few.notes[0].find("left out") != std::string::npos);
}

TEST_CASE("rows of a query lead to what they are about") {
    const Row event{int64_t{7}, int64_t{500}, int64_t{20}};
    CHECK(queryResult({"id", "start_ns", "duration_ns"}, {event}).links[0].event == EventId{7});
    CHECK(queryResult({"id", "start_ns", "bytes"}, {event}).links[0].event == EventId::none); // of another table
    CHECK(queryResult({"event_id", "start_ns", "bytes"}, {event}).links[0].event == EventId{7});
    CHECK(queryResult({"x", "start_ns", "bytes"}, {event}).links[0].time_ns == 500);
    const TableData memory =
        queryResult({"rank", "tier", "peak_time_ns"}, {{int64_t{3}, std::string("host"), int64_t{99}}});
    REQUIRE(memory.links[0].memory);
    CHECK(memory.links[0].memory->first == 3);
    CHECK(memory.links[0].memory->second == MemoryTier::host);
    CHECK(memory.links[0].time_ns == 99);
    CHECK_FALSE(queryResult({"count"}, {{int64_t{3}}}).links[0].leadsSomewhere());
    CHECK(memory.columns[2].kind == ColumnKind::time);
}

TEST_CASE("every example query can be asked") {
    Samples samples;
    const std::string path = samples.stage(3);
    std::set<std::string> names;
    for (const SavedQuery& query : builtInQueries()) {
        INFO(query.name);
        CHECK(names.insert(query.name).second);
        int64_t rows = 0;
        const auto end = queryTrace(
            path, query.sql, {}, [](const auto&) {}, [&](const Row&) { return ++rows > 0; });
        if (!end) FAIL(end.error().message);
        CHECK(rows > 0);
    }
}

TEST_CASE("a place in a text is told in lines and characters") {
    CHECK(placeOf("SELECT\n  größe FROM", 0).line == 1);
    const TextPlace place = placeOf("SELECT\n  größe FROM", 17);
    CHECK(place.line == 2);
    CHECK(place.column == 9);
    CHECK(placeOf("a", 99).column == 2);
}

} // namespace shardscope::gui
