// SPDX-License-Identifier: Apache-2.0
// The Memory place by mouse: moments, peaks, buffers, heat map, tiers, and traces without memory.
#include "export_driver.h"
#include "gui/memory/alive_table.h"
#include "gui/memory/memory_panel.h"
#include "gui/tables/table_view.h"
#include "shell_fixture.h"
#include "traces/trace_writer.h"
#include <QAbstractItemModelTester>
#include <QAction>
#include <QTableView>
#include <QToolButton>

namespace shardscope::gui {
namespace {

struct MemoryShell : Shell {
    MemoryPanel& panel = window.memory();
    void openMemory(std::initializer_list<int> stages) {
        session.setPlace(Place::memory);
        open(stages);
        session.setPlace(Place::memory);
        settle();
    }
    void openFile(const std::string& file) {
        session.setPlace(Place::memory);
        REQUIRE(window.openFiles({file}));
        window.show();
        settle();
    }
    void click(ImGuiCanvas& canvas, QPoint at) {
        QTest::mouseMove(&canvas, at);
        waitFor([&] { return canvas.idle(); });
        QTest::mouseClick(&canvas, Qt::LeftButton, {}, at);
        settle();
    }
    // The middle of a heat map cell.
    QPoint cell(int row, int column) const {
        const float width = window_heat().column_width;
        return {
            static_cast<int>(heat_metrics::label_width + (static_cast<float>(column) + 0.5f) * width),
            static_cast<int>(heat_metrics::head_height + (static_cast<float>(row) + 0.5f) * heat_metrics::row_height)};
    }
    const HeatMapState& window_heat() const { return panel.heatState(); }
};

} // namespace

TEST_CASE("the Memory place shows peaks of all ranks, the buffers of one, and what was alive at its peak") {
    MemoryShell shell;
    shell.openMemory({2});
    REQUIRE(shell.panel.focus());
    CHECK(shell.panel.focus()->rank == 0);
    CHECK_FALSE(shell.panel.focus()->time_ns);
    CHECK(shell.panel.heatModel().rows.size() == 2);
    REQUIRE(shell.panel.picture());
    CHECK(shell.panel.bufferState().drawn_rects > 50);
    CHECK(shell.panel.facts().contains("= planned"));
    const TableData& alive = shell.panel.alive().model().table();
    REQUIRE_FALSE(alive.rows.empty());
    int64_t bytes = 0;
    for (const Row& row : alive.rows) bytes += std::get<int64_t>(row[1]);
    CHECK(bytes == shell.panel.picture()->lives.peakBytes());
    CHECK(bytes == shell.panel.heatModel().rows[0].total_bytes);
}

TEST_CASE("a click on the curves lists what was alive then; Peak leads back") {
    MemoryShell shell;
    shell.openMemory({2});
    ImGuiCanvas& curves = shell.window.timeline().canvas();
    const size_t at_peak = shell.panel.alive().model().table().rows.size();
    shell.click(curves, {140, 150});
    REQUIRE(shell.session.moment());
    CHECK(shell.panel.focus()->time_ns == shell.session.moment()->time_ns);
    CHECK(shell.panel.alive().model().table().rows.size() < at_peak);
    QTest::mouseClick(shell.panel.findChild<QToolButton*>("goToPeak"), Qt::LeftButton);
    shell.settle();
    CHECK(shell.panel.alive().model().table().rows.size() == at_peak);
    CHECK(shell.session.moment()->time_ns ==
          shell.session.active()->reader->memory(0, MemoryTier::device).peak_time_ns);
}

TEST_CASE("a cell of the heat map leads to that rank at that peak") {
    MemoryShell shell;
    shell.openMemory({1});
    const size_t column = 2; // of the categories that occur
    const MemoryCategory category = shell.window_heat().columns.at(column);
    shell.click(shell.panel.heat(), shell.cell(1, static_cast<int>(column)));
    REQUIRE(shell.session.moment());
    CHECK(shell.session.moment()->rank == 1);
    CHECK(shell.session.onlyRank() == 1);
    CHECK(shell.panel.focus()->rank == 1);
    CHECK(shell.panel.picture()->lives.rank == 1);
    const auto* facts = shell.session.memoryData().facts(shell.session.active()->id);
    for (const MemoryHeatRow& row : facts->heat)
        if (row.rank == 1) CHECK(shell.session.moment()->time_ns == row.peak_time_ns[static_cast<size_t>(category)]);
    const TimeRange visible = shell.session.visible();
    const PlaceModel place = shell.session.model();
    const int64_t view = shell.session.moment()->time_ns - place.timeline.traces[0].origin_ns;
    CHECK(view >= visible.start_ns);
    CHECK(view <= visible.end_ns);
}

TEST_CASE("the heat map follows the cursor of the timeline") {
    MemoryShell shell;
    shell.openMemory({2});
    const int64_t peak = shell.panel.heatModel().rows[0].total_bytes;
    shell.session.actions().get(ActionId::heat_at_cursor)->trigger();
    QTest::mouseMove(&shell.window.timeline().canvas(), {135, 150});
    waitFor([&] { return shell.session.cursor().has_value(); });
    shell.settle();
    CHECK(shell.session.cursor());
    waitFor([&] { return shell.panel.heatModel().rows[0].total_bytes < peak; });
    CHECK_FALSE(shell.panel.heatModel().rows[0].planned_bytes);
    // The cursor goes with the mouse into the buffers, and the curves do not take it back.
    QTest::mouseMove(&shell.panel.buffers(), {600, 40});
    shell.settle();
    CHECK(shell.session.cursor());
}

TEST_CASE("a buffer that is clicked selects the op that it was allocated for") {
    MemoryShell shell;
    shell.openMemory({2});
    shell.session.actions().get(ActionId::buffers_by_size)->trigger();
    shell.settle();
    const BufferPicture& buffers = *shell.panel.picture();
    size_t row = 0; // the first that comes and goes
    while (buffers.lives.all()[buffers.rows[row].lives[0]].alloc_op == OpId::none) ++row;
    const BufferLife* life = nullptr;
    const PlaceModel place = shell.session.model();
    const int64_t origin = place.timeline.traces[0].origin_ns;
    const TimeRange visible = shell.session.visible();
    for (const size_t i : buffers.rows[row].lives) {
        const BufferLife& candidate = buffers.lives.all()[i];
        if (candidate.start_ns - origin > visible.start_ns && candidate.start_ns - origin < visible.end_ns)
            life = &candidate;
    }
    REQUIRE(life);
    const float width = static_cast<float>(shell.panel.buffers().width()) - 128 - 14;
    const auto x_of = [&](int64_t time) {
        return 128 + static_cast<int>(static_cast<double>(time - origin - visible.start_ns) /
                                      static_cast<double>(visible.duration()) * static_cast<double>(width));
    };
    const int x = (x_of(life->start_ns) + x_of(std::min(life->end_ns, visible.end_ns + origin))) / 2;
    shell.click(shell.panel.buffers(), {x, 28 + static_cast<int>(row) * 18 + 9});
    REQUIRE(shell.session.selected());
    const auto details = shell.session.active()->reader->details(shell.session.selected()->event);
    REQUIRE(details);
    const ProgramOpEvent* op = opAfter(*shell.session.active()->reader, life->alloc_op);
    REQUIRE(op);
    CHECK(details->event.op == op->op);
    CHECK(details->event.step == life->step);
    CHECK(details->lane.rank == 0);
}

TEST_CASE("a rank that is chosen is the one whose buffers are shown, and closing a trace is no harm") {
    MemoryShell shell;
    shell.openMemory({0, 3});
    shell.session.setOnlyRank(1);
    shell.settle();
    CHECK(shell.panel.focus()->rank == 1);
    CHECK(shell.panel.picture()->lives.rank == 1);
    const int first = shell.session.active()->id;
    shell.session.setActive(shell.session.traces().back().id);
    shell.settle();
    CHECK(shell.panel.focus()->trace_id != first);
    while (!shell.session.traces().empty()) shell.session.closeTrace(shell.session.traces().front().id);
    shell.settle();
    CHECK_FALSE(shell.panel.focus());
    CHECK_FALSE(shell.panel.picture());
}

TEST_CASE("buffers, ranks and what is alive are exported, whole and without the mouse") {
    MemoryShell shell;
    shell.openMemory({2});
    waitFor([&] { return shell.panel.picture() != nullptr; });
    const QStringList offered = exportsOffered(shell.window);
    for (const char* what : {"Memory curves", "Buffers", "Memory by rank", "Table of what is alive"})
        CHECK(offered.contains(what));
    for (const char* what : {"Memory curves", "Buffers", "Memory by rank"}) checkPictureExports(shell, what);
    const QByteArray csv = exportAs(shell, "Table of what is alive", "CSV");
    CHECK(csv.count('\n') == shell.panel.alive().view().model()->rowCount() + 1);

    // Rows that the window has no room for are in the picture that is suggested.
    trigger(shell.session, ActionId::buffers_by_size);
    shell.settle();
    for (const Exportable& exportable : shell.window.exports().exportables())
        if (exportable.name == "Buffers")
            CHECK(exportable.size.height() >= static_cast<int>(18 * shell.panel.picture()->rows.size()));
    shell.session.setPlace(Place::timeline);
    CHECK_FALSE(exportsOffered(shell.window).contains("Buffers"));
}

TEST_CASE("tiers can be chosen where there are several") {
    MemoryShell shell;
    const std::string file = shell.path("tiers.shardscope");
    {
        auto writer = std::move(TraceWriter::create(file)).value();
        const LaneId lane = writer->addLane({0, LaneKind::compute, "rank 0 compute"});
        const std::vector<TraceEvent> events = {
            IntervalEvent{.lane = lane, .start_ns = 0, .end_ns = 1000},
            MemoryEvent{.time_ns = 10, .tier = MemoryTier::device, .delta_bytes = 1 << 20},
            MemoryEvent{.time_ns = 10, .tier = MemoryTier::nvme, .delta_bytes = 5 << 20}};
        writer->append(events);
        REQUIRE(writer->finish("finished"));
    }
    shell.openFile(file);
    CHECK(shell.panel.focus()->tier == MemoryTier::device);
    CHECK(shell.panel.action("memoryNvme")->isVisible());
    CHECK_FALSE(shell.panel.action("memoryHost")->isVisible());
    shell.panel.action("memoryNvme")->trigger();
    shell.settle();
    CHECK(shell.panel.focus()->tier == MemoryTier::nvme);
    CHECK(shell.panel.picture()->lives.peakBytes() == 5 << 20);
    CHECK(shell.panel.facts().contains("Addresses are not recorded"));
}

TEST_CASE("a trace without memory says how to record it") {
    MemoryShell shell;
    const std::string file = shell.path("none.shardscope");
    {
        auto writer = std::move(TraceWriter::create(file)).value();
        const LaneId lane = writer->addLane({0, LaneKind::compute, "GPU 0 stream 7"});
        const std::vector<TraceEvent> events = {RunInfoEvent{"source_format", "NVIDIA Nsight Systems"},
                                                IntervalEvent{.lane = lane, .start_ns = 0, .end_ns = 1000}};
        writer->append(events);
        REQUIRE(writer->finish("finished"));
    }
    shell.openFile(file);
    CHECK_FALSE(shell.panel.focus());
    CHECK(shell.panel.heatModel().sentence == "No memory was recorded.");
    CHECK(noMemorySentence(*shell.session.active()->reader).find("--cuda-memory-usage") != std::string::npos);
}

} // namespace shardscope::gui
