// SPDX-License-Identifier: Apache-2.0
// The comparison by mouse and keyboard: from charts to the trace, baselines, marks, tables, and everything exported.
#include "gui/compare/chart_places.h"
#include "gui/compare/comparison_tables.h"
#include "gui/event_facts.h"
#include "gui/export/export_controller.h"
#include "gui/panels/inspector_panel.h"
#include "gui/panels/stacked_bars.h"
#include "gui/panels/summary_panel.h"
#include "gui/style.h"
#include "profiler/report/comparison_html.h"
#include "profiler/report/report_style.h"
#include "shell_fixture.h"
#include "traces/trace_writer.h"
#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QFile>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>
#include <QToolButton>
#include <QXmlStreamReader>
#include <cmath>

namespace shardscope::gui {
namespace {

void click(StackedBars& bars, size_t row, size_t segment) {
    QTest::mouseClick(&bars, Qt::LeftButton, {}, bars.segmentCentre(row, segment));
}

QByteArray contentOf(const QString& path) {
    QFile file(path);
    REQUIRE(file.open(QIODevice::ReadOnly));
    return file.readAll();
}

QString xmlError(const QByteArray& document) {
    QXmlStreamReader reader(document);
    while (!reader.atEnd()) reader.readNext();
    return reader.hasError() ? QString("line %1: %2").arg(reader.lineNumber()).arg(reader.errorString()) : QString();
}

// A trace of one lane with the given names, without steps, as an import makes it.
void writeForeign(const std::string& path, const std::vector<std::string>& names) {
    auto writer = std::move(TraceWriter::create(path)).value();
    const LaneId lane = writer->addLane({.rank = 0, .kind = LaneKind::compute, .name = "stream 7"});
    std::vector<TraceEvent> events;
    events.push_back(RunInfoEvent{"software", "PyTorch profiler"});
    events.push_back(RunInfoEvent{"source_format", "PyTorch profiler"});
    events.push_back(RunInfoEvent{"world_size", "128"});
    for (size_t i = 0; i < names.size(); ++i)
        events.push_back(IntervalEvent{.lane = lane,
                                       .name = writer->intern(names[i]),
                                       .start_ns = static_cast<int64_t>(1000 * i),
                                       .end_ns = static_cast<int64_t>(1000 * i + 800),
                                       .phase = Phase::unknown});
    writer->append(events);
    REQUIRE(writer->finish("finished"));
}

} // namespace

TEST_CASE("the cells of the charts lead to their place in the trace") {
    Shell shell;
    shell.open({0, 1, 2});
    SummaryPanel& summary = shell.window.summary();
    const Comparison& comparison = shell.session.comparison();
    const int c = shell.session.traces()[2].id;

    click(summary.budget(), 2, exposed_comm_part);
    shell.settle();
    REQUIRE(shell.session.selected());
    CHECK(shell.session.selected()->trace_id == c);
    CHECK(shell.session.active()->id == c);
    CHECK(shell.session.step() == comparison.runs[2].shown_step);
    const TraceReader& reader = *shell.session.trace(c)->reader;
    const auto details = reader.details(shell.session.selected()->event);
    REQUIRE(details);
    CHECK(isCollective(details->event.op_class));
    TimeRange step;
    for (const StepEvent& s : reader.steps())
        if (s.step == shell.session.step()) step = {s.start_ns, s.end_ns};
    CHECK(shell.session.selected()->event == longestExposed(reader, 0, step));

    click(summary.budget(), 1, compute_part);
    shell.settle();
    CHECK(shell.session.active()->label == "B");
    CHECK(shell.session.trace(shell.session.selected()->trace_id)
              ->reader->details(shell.session.selected()->event)
              ->event.op_class == OpClass::compute);

    shell.session.zoom(0.05); // the peak may lie elsewhere
    click(summary.memory(), 0, 2);
    shell.settle();
    REQUIRE(shell.session.selected());
    const OpenTrace& a = shell.session.traces()[0];
    CHECK(shell.session.selected()->trace_id == a.id);
    const auto at_peak = a.reader->details(shell.session.selected()->event);
    REQUIRE(at_peak);
    CHECK(at_peak->event.start_ns <= comparison.runs[0].peak_time_ns);
    CHECK(at_peak->lane.rank == comparison.runs[0].peak_rank);
    const int64_t origin = shell.session.model().timeline.traces[0].origin_ns;
    CHECK(at_peak->event.start_ns - origin >= shell.session.visible().start_ns);
    CHECK(at_peak->event.end_ns - origin <= shell.session.visible().end_ns);

    summary.budget().setFocus(); // the same by keyboard
    QTest::keyClick(&summary.budget(), Qt::Key_Down);
    QTest::keyClick(&summary.budget(), Qt::Key_Right);
    QTest::keyClick(&summary.budget(), Qt::Key_Return);
    CHECK(shell.session.active()->label == "B");

    click(summary.overlap(), 2, 0);
    shell.settle();
    CHECK(shell.session.selected()->trace_id == c);

    LossChart& losses = summary.losses();
    REQUIRE(losses.curves().size() == 1); // all equal
    QTest::mouseClick(losses.childAt(losses.pointOf(0, 3)), Qt::LeftButton, {},
                      losses.childAt(losses.pointOf(0, 3))->mapFrom(&losses, losses.pointOf(0, 3)));
    CHECK(shell.session.step() == 3);
    CHECK(losses.valuesAt(3).contains("A = B = C"));
}

TEST_CASE("any run can be the baseline") {
    Shell shell;
    shell.open({0, 1, 3});
    SummaryPanel& summary = shell.window.summary();
    CHECK(shell.session.model().timeline.traces[0].difference.empty());
    CHECK_FALSE(shell.session.model().timeline.traces[2].difference.empty());
    REQUIRE(summary.baselineButton(2));
    QTest::mouseClick(summary.baselineButton(2), Qt::LeftButton);
    CHECK(shell.session.baselineId() == shell.session.traces()[2].id);
    CHECK(shell.session.comparison().baseline == 2);
    CHECK(shell.session.model().timeline.traces[2].difference.empty());
    CHECK_FALSE(shell.session.model().timeline.traces[0].difference.empty());
    CHECK(summary.baselineButton(2)->isChecked());
    CHECK_FALSE(summary.baselineButton(0)->isChecked());
    CHECK(summary.ops().model().table().columns.contains("C  baseline"));
    shell.session.setActive(shell.session.traces()[1].id);
    shell.session.actions().get(ActionId::use_as_baseline)->trigger();
    CHECK(shell.session.comparison().baseline == 1);
    shell.session.closeTrace(shell.session.traces()[1].id); // the first compared one takes its place
    shell.settle();
    CHECK(shell.session.comparison().runs.size() == 2);
    CHECK(shell.session.comparison().baseline == 0);
    CHECK(summary.baselineButton(2) == nullptr);
}

TEST_CASE("differences are marked on request") {
    Shell shell;
    shell.open({0, 3});
    CHECK(shell.session.model().timeline.traces[1].differences == nullptr);
    shell.session.actions().get(ActionId::differences)->trigger();
    CHECK(shell.session.marksDifferences());
    const auto marks = shell.session.model().timeline.traces[1].differences;
    REQUIRE(marks);
    CHECK(marks->size() > 0); // stage 3 gathers what stage 0 does not
    CHECK(shell.session.model().timeline.traces[0].differences->size() > 0);
    bool only_here = false;
    for (const ComparedOp& op : shell.session.comparison().ops)
        if (op.ns[1] && !op.ns[0]) {
            const OpMark* mark = marks->find(op.phase, op.name);
            REQUIRE(mark);
            only_here |= mark->kind == OpDifference::only_here;
        }
    CHECK(only_here);
    shell.settle();
    shell.session.actions().get(ActionId::differences)->trigger();
    CHECK(shell.session.model().timeline.traces[1].differences == nullptr);
}

TEST_CASE("what was chosen differently is said key by key") {
    Shell shell;
    shell.open({0, 2});
    SummaryPanel& summary = shell.window.summary();
    CHECK(summary.differences().startsWith("stage 0 → 2 · everything else equal ("));
    summary.showPage(SummaryPanel::Page::configuration);
    const ViewTable& table = summary.configuration().model().table();
    REQUIRE(table.rows.size() == 1);
    CHECK(table.rows[0][0].text == "zero_optimization.stage");
    CHECK(table.rows[0][2].text == "0 · given");
    CHECK(table.rows[0][3].text == "2 · given");
    CHECK(table.rows[0][3].tone == Tone::attention);
    CHECK(configurationNote(shell.session.comparison()).startsWith("Everything else equal ("));
}

TEST_CASE("the table of ops sorts, filters, copies and selects") {
    Shell shell;
    shell.open({0, 3});
    SummaryPanel& summary = shell.window.summary();
    summary.showPage(SummaryPanel::Page::ops);
    ViewTablePage& ops = summary.ops();
    const QAbstractItemModelTester tester(&ops.model(), QAbstractItemModelTester::FailureReportingMode::Fatal);
    QTableView& view = ops.view();
    const int all = view.model()->rowCount();
    REQUIRE(all == static_cast<int>(shell.session.comparison().ops.size()));
    QTest::keyClicks(&ops.filter(), "all_gather");
    const int some = view.model()->rowCount();
    CHECK(some > 0);
    CHECK(some < all);
    CHECK(view.model()->index(0, 0).data().toString().contains("all_gather", Qt::CaseInsensitive));
    CHECK(view.model()->index(0, 2).data().toString() == "not there"); // in A; shown, not left out
    view.scrollTo(view.model()->index(0, 3));
    QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, view.visualRect(view.model()->index(0, 3)).center());
    shell.settle();
    REQUIRE(shell.session.selected());
    CHECK(shell.session.active()->label == "B");
    CHECK(ops.selectedText().contains("not there"));
    ops.filter().clear();
    view.sortByColumn(2, Qt::DescendingOrder);
    const double first = view.model()->index(0, 2).data(ViewTableModel::SortRole).toDouble();
    CHECK(first >= view.model()->index(1, 2).data(ViewTableModel::SortRole).toDouble());
}

TEST_CASE("traces of other kinds are compared with what is known of them") {
    Shell shell;
    shell.open({2});
    const std::string foreign = shell.path("foreign.shardscope");
    writeForeign(foreign, {"gemm", "gemm", "relu"});
    REQUIRE(shell.window.openFiles({foreign}));
    shell.settle();
    const Comparison& comparison = shell.session.comparison();
    REQUIRE(comparison.runs.size() == 2);
    CHECK(comparison.runs[1].whole_trace);
    SummaryPanel& summary = shell.window.summary();
    CHECK(summary.differences().contains("not all configurations are known"));
    const ViewTable known = configurationTable(comparison);
    CHECK(std::ranges::any_of(
        known.rows, [](const auto& row) { return row[0].text == "recorded by" && row[3].text == "PyTorch profiler"; }));
    CHECK(std::ranges::any_of(known.rows,
                              [](const auto& row) { return row[0].text == "world size" && row[3].text == "128"; }));
    const ViewTable ops = opsTable(comparison);
    CHECK(std::ranges::any_of(ops.rows,
                              [](const auto& row) { return row[0].text == "gemm" && row[2].text == "not there"; }));
    CHECK(summary.lossStatement() == "no losses in common");
    click(summary.budget(), 1, compute_part);
    shell.settle();
    REQUIRE(shell.session.selected());
    CHECK(shell.session.trace(shell.session.selected()->trace_id)->label == "B");
    shell.settle();
}

TEST_CASE("every view is exported at the size that was asked for") {
    Shell shell;
    shell.open({0, 2});
    ExportController& exports = shell.window.exports();
    QString suggested;
    const QString folder = shell.folder.path();
    const auto choose = [&](const QString& name, const QString& suffix) {
        suggested = name;
        return folder + "/out." + suffix;
    };
    exports.setChooseFile(choose);
    const auto exportAs = [&](const QString& what, const QString& format) {
        shell.session.actions().get(ActionId::export_view)->trigger();
        auto* dialog = shell.window.findChild<ExportDialog*>();
        REQUIRE(dialog);
        const auto boxes = dialog->findChildren<QComboBox*>();
        for (QComboBox* box : boxes)
            if (box->accessibleName() == "What") box->setCurrentText(what);
        for (QComboBox* box : boxes) {
            if (box->accessibleName() == "Format") box->setCurrentText(format);
            if (box->accessibleName() == "Theme") box->setCurrentText("light");
            if (box->accessibleName() == "Scale") box->setCurrentText("3 ×");
        }
        for (QSpinBox* box : dialog->findChildren<QSpinBox*>())
            box->setValue(box->accessibleName() == "Width" ? 800 : 500);
        QTest::mouseClick(dialog->findChild<QPushButton*>("export"), Qt::LeftButton);
        waitFor([&] { return shell.window.findChild<ExportDialog*>() == nullptr; });
        return contentOf(folder + "/out." + format.toLower());
    };
    for (const char* what : {"Timelines", "All charts", "Step budget", "Loss"}) {
        INFO(what);
        const QImage png = QImage::fromData(exportAs(what, "PNG"), "PNG");
        CHECK(png.size() == QSize(2400, 1500));
        CHECK(qGray(png.pixel(5, png.height() - 5)) > 200); // the light theme, though the window is dark
        const QByteArray svg = exportAs(what, "SVG");
        CHECK(xmlError(svg) == "");
        CHECK(svg.contains("<text"));
        CHECK(exportAs(what, "PDF").startsWith("%PDF-"));
    }
    CHECK(suggested == "loss_ZeRO-0_ZeRO-2.pdf");
    const QByteArray csv = exportAs("Table of what differs", "CSV");
    CHECK(csv == "key,A,B\nzero_optimization.stage,0,2\n");
    CHECK(shell.window.notice().contains("Exported"));

    // A place that cannot be written is told in the dialog, which stays open for another name.
    exports.setChooseFile([&](const QString&, const QString&) { return folder + "/missing/out.png"; });
    shell.session.actions().get(ActionId::export_view)->trigger();
    auto* dialog = shell.window.findChild<ExportDialog*>();
    QTest::mouseClick(dialog->findChild<QPushButton*>("export"), Qt::LeftButton);
    CHECK(dialog->isVisible());
    QTest::keyClick(dialog, Qt::Key_Escape);
    CHECK_FALSE(QFile::exists(folder + "/missing/out.png"));
}

TEST_CASE("the report of the window is that of the command line") {
    Shell shell;
    shell.open({0, 3});
    shell.session.setBaseline(shell.session.traces()[1].id);
    const QString path = shell.folder.filePath("report.html");
    QString suggested;
    shell.window.exports().setChooseFile([&](const QString& name, const QString&) {
        suggested = name;
        return path;
    });
    shell.session.actions().get(ActionId::export_report)->trigger();
    waitFor([&] { return !shell.window.exports().writing(); });
    CHECK(suggested == "report_ZeRO-0_ZeRO-3.html");
    CHECK(shell.window.notice().contains("report.html"));
    const QByteArray html = contentOf(path);
    CHECK(xmlError(html) == "");
    std::vector<std::unique_ptr<TraceReader>> readers;
    std::vector<const TraceReader*> borrowed;
    for (const OpenTrace& open : shell.session.traces()) {
        readers.push_back(std::move(TraceReader::open(open.reader->path())).value());
        borrowed.push_back(readers.back().get());
    }
    const std::string other = shell.path("cli.html");
    REQUIRE(writeComparisonHtml(borrowed, 1, other));
    CHECK(html == contentOf(text(other)));
    shell.window.exports().setChooseFile(
        [&](const QString&, const QString&) { return shell.folder.filePath("no/report.html"); });
    shell.session.actions().get(ActionId::export_report)->trigger();
    waitFor([&] { return !shell.window.exports().writing(); });
    CHECK(shell.window.notice().contains("does not exist"));
}

TEST_CASE("the report wears the colours of the window") {
    const auto has = [](const char* name, Rgb colour) {
        const QString rule = QString(name) + toColour(colour).name();
        INFO(rule.toStdString());
        CHECK(report_style.find(rule.toStdString()) != std::string_view::npos);
    };
    for (const Theme* theme : {&darkTheme(), &lightTheme()}) {
        has("--text:", theme->text);
        has("--dim:", theme->dim);
        has("--faint:", theme->faint);
        has("--line:", theme->line);
        has("--grid:", theme->grid);
        has("--accent:", theme->accent);
        has("--good:", theme->good);
        has("--bad:", theme->bad);
        has("--attention:", theme->attention);
    }
    has(".forward { fill:", operationColour(OpClass::compute, Phase::forward));
    has(".backward { fill:", operationColour(OpClass::compute, Phase::backward));
    has(".recompute { fill:", operationColour(OpClass::compute, Phase::recompute));
    has(".optimizer-step { fill:", operationColour(OpClass::compute, Phase::optimizer));
    has(".gather { fill:", operationColour(OpClass::all_gather, Phase::forward));
    has(".scatter { fill:", operationColour(OpClass::reduce_scatter, Phase::forward));
    has(".reduce { fill:", operationColour(OpClass::all_reduce, Phase::forward));
    for (const MemoryCategory category : all_memory_categories)
        has(("." + std::string(toText(category)) + " { fill:").c_str(), memoryColour(category));
    for (int run = 0; run < 4; ++run) has(QString(".run%1 { stroke:").arg(run).toUtf8(), traceColour(run));
}

} // namespace shardscope::gui
