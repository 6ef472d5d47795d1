// SPDX-License-Identifier: Apache-2.0
// The Buckets place by mouse and keyboard: a sweep that is opened, one that is run by the real program, the table of a
// trace, and the file that is written.
#include "export_driver.h"
#include "gui/buckets/advice_panel.h"
#include "gui/buckets/bucket_table_model.h"
#include "gui/buckets/buckets_panel.h"
#include "gui/buckets/mini_timeline.h"
#include "gui/buckets/point_slider.h"
#include "gui/buckets/sweep_chart.h"
#include "gui/buckets/write_config.h"
#include "gui/panels/run_form.h"
#include "gui/panels/run_panel.h"
#include "shell_fixture.h"
#include <QComboBox>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableView>
#include <filesystem>
#include <fstream>
#include <qcustomplot.h>

namespace shardscope::gui {
namespace {

struct BucketsShell : Shell {
    BucketsPanel& panel = window.buckets();
    std::string folder = path("sweep");

    void writeSweep(const std::string& status = "finished") {
        std::filesystem::create_directories(folder + "/traces");
        Sweep sweep;
        sweep.status = status;
        sweep.title = "sample · ZeRO-2";
        sweep.keys = {"zero_optimization.reduce_bucket_size"};
        sweep.repeat = 2;
        sweep.steps = 5;
        sweep.warmup_steps = 1;
        sweep.base = {{"model", "gpt2-tiny"}, {"config", R"({"zero_optimization": {"stage": 2}})"}};
        for (const auto& [value, step_ns, is_default] : {std::tuple{"100000", 30'000'000, false},
                                                         {"1000000", 20'000'000, false},
                                                         {"500000000", 26'000'000, true}}) {
            SweepPoint point{.values = {value}, .is_default = is_default};
            const std::string trace = std::string("traces/") + value + ".shardscope";
            writeSampleTrace(folder + "/" + trace, {.ranks = 2, .steps = 5, .stage = 2, .layers = 4});
            for (int64_t round = 0; round < 2; ++round)
                point.runs.push_back({.round = round,
                                      .steps = 4,
                                      .step_ns = step_ns + 1'000 * round,
                                      .exposed_comm_ns = step_ns / 5,
                                      .comm_ns = step_ns / 3,
                                      .overlap_percent = 40,
                                      .collectives = 7,
                                      .peak_bytes = 1 << 24,
                                      .loss_bits = "abc",
                                      .trace = round == 0 ? trace : ""});
            sweep.points.push_back(point);
        }
        std::ofstream(folder + "/sweep.json") << sweepJson(sweep);
    }
    void openSweep() {
        writeSweep();
        REQUIRE(window.openFiles({folder}));
        window.show();
        settle();
        REQUIRE(panel.model());
        waitFor([&] { return panel.chart().positionOf(1).x() > 0; });
    }
    QString labelText(const char* name) const { return window.findChild<QLabel*>(name)->text(); }
};

} // namespace

TEST_CASE("a sweep is opened, its points are walked and one becomes the active trace") {
    BucketsShell shell;
    shell.openSweep();
    CHECK(shell.session.place() == Place::buckets);
    CHECK(shell.panel.selectedPoint() == 1);
    CHECK(shell.labelText("sweepCardTitle") == "reduce_bucket_size 1e6");
    CHECK(shell.labelText("sweepSentences").contains("23 % faster than the default 5e8"));
    CHECK(shell.labelText("sweepSentences").contains("The loss did not change (bitwise, 6 runs)"));
    CHECK(shell.labelText("sweepSnippet").contains("1000000"));
    CHECK(shell.panel.steps().steps().size() == 2); // now, and was
    CHECK(shell.panel.table().model()->rowCount() > 0);
    CHECK(shell.session.traces().empty()); // looking is not opening

    PointSlider& slider = shell.panel.slider();
    REQUIRE(slider.stops().size() == 3);
    QTest::mouseClick(&slider, Qt::LeftButton, {}, {static_cast<int>(slider.stops()[0].x) + 4, 13});
    CHECK(shell.panel.selectedPoint() == 0);
    CHECK(shell.labelText("sweepSentences").contains("50 % slower than the recommended"));
    QTest::keyClick(&slider, Qt::Key_End);
    CHECK(shell.panel.selectedPoint() == 2);
    shell.settle();
    CHECK(shell.panel.steps().steps().size() == 1); // it is the default itself

    QTest::mouseClick(&shell.panel.chart().plot(), Qt::LeftButton, {}, shell.panel.chart().positionOf(0).toPoint());
    shell.settle();
    CHECK(shell.panel.selectedPoint() == 0);
    REQUIRE(shell.session.active());
    CHECK(shell.session.active()->reader->path() == shell.folder + "/traces/100000.shardscope");

    // A row leads to its event.
    QTableView& table = shell.panel.table();
    const QRect cell = table.visualRect(table.model()->index(0, 0));
    QTest::mouseClick(table.viewport(), Qt::LeftButton, {}, cell.center());
    shell.settle();
    CHECK(shell.session.selected());
    QTest::mouseDClick(table.viewport(), Qt::LeftButton, {}, cell.center());
    shell.settle();
    CHECK(shell.session.place() == Place::timeline);
}

TEST_CASE("the table works for the active trace without a sweep, and says what changed against the baseline") {
    BucketsShell shell;
    shell.open({1, 2});
    shell.session.setActive(shell.session.traces()[1].id);
    shell.session.actions().get(ActionId::place_buckets)->trigger();
    shell.settle();
    QTableView& table = shell.panel.table();
    CHECK(table.model()->rowCount() > 0);
    CHECK_FALSE(table.isColumnHidden(BucketTableModel::change));
    CHECK(shell.panel.steps().steps().size() == 2);
    shell.session.setActive(shell.session.traces()[0].id);
    shell.settle();
    CHECK(table.isColumnHidden(BucketTableModel::change)); // the baseline itself
    while (!shell.session.traces().empty()) shell.session.closeTrace(shell.session.traces().front().id);
    shell.settle();
    CHECK(table.model()->rowCount() == 0);
}

TEST_CASE("the chart of a sweep, its steps and its collectives are exported") {
    BucketsShell shell;
    shell.openSweep();
    waitFor([&] { return !shell.panel.steps().steps().empty(); });
    CHECK(exportsOffered(shell.window) == QStringList{"Sweep", "Steps", "Table of collectives"});
    for (const char* what : {"Sweep", "Steps"}) checkPictureExports(shell, what);
    const QByteArray svg = exportAs(shell, "Sweep", "SVG");
    CHECK(svg.contains("Step time and peak memory against reduce_bucket_size"));
    CHECK(svg.contains("best"));
    const QByteArray csv = exportAs(shell, "Table of collectives", "CSV");
    CHECK(csv.count('\n') == shell.panel.table().model()->rowCount() + 1);
    shell.session.setPlace(Place::run);
    CHECK(exportsOffered(shell.window).isEmpty());
}

TEST_CASE("a damaged sweep is a sentence and nothing else") {
    BucketsShell shell;
    std::filesystem::create_directories(shell.folder);
    std::ofstream(shell.folder + "/sweep.json") << R"({"shardscope_sweep": 1, "points": [3]})";
    shell.window.openFiles({shell.folder + "/sweep.json"});
    shell.window.show();
    shell.settle();
    CHECK(shell.window.notice().contains("is damaged"));
    CHECK(shell.panel.model() == nullptr);
}

TEST_CASE("the chosen value is written into a DeepSpeed JSON and taken back") {
    BucketsShell shell;
    shell.openSweep();
    const QString file = QString::fromStdString(shell.path("ds.json"));
    const QByteArray before = "{\n  // mine\n  \"zero_optimization\": {\"stage\": 2, \"reduce_bucket_size\": 5e8}\n}\n";
    std::ofstream(file.toStdString()) << before.toStdString();
    QTest::mouseClick(shell.panel.advice().writeButton(), Qt::LeftButton);
    auto* dialog = shell.window.findChild<WriteConfigDialog*>("writeConfig");
    REQUIRE(dialog);
    CHECK_FALSE(dialog->writeButton()->isEnabled());
    QTest::keyClicks(dialog->path(), file);
    CHECK(dialog->difference().contains("+ "));
    CHECK(dialog->difference().contains("\"reduce_bucket_size\": 1000000"));
    CHECK(dialog->difference().contains("- "));
    REQUIRE(dialog->writeButton()->isEnabled());
    QTest::mouseClick(dialog->writeButton(), Qt::LeftButton);
    const auto content = [](const QString& name) {
        QFile opened(name);
        return opened.open(QIODevice::ReadOnly) ? opened.readAll() : QByteArray();
    };
    CHECK(content(file) == QByteArray(before).replace("5e8", "1000000"));
    CHECK(content(file + ".bak") == before);
    QTest::mouseClick(dialog->undoButton(), Qt::LeftButton);
    CHECK(content(file) == before);
    dialog->path()->setText(QString::fromStdString(shell.path("absent/ds.json")));
    CHECK(dialog->verdict().contains("does not exist"));
    CHECK_FALSE(dialog->writeButton()->isEnabled());
}

TEST_CASE("a sweep runs as a child process, is stopped and goes on") {
    BucketsShell shell;
    shell.session.run().setProgram(SHARDSCOPE_REAL_CLI);
    RunRequest request = shell.window.runPanel().form().request();
    const std::string model = shell.path("small.json");
    std::ofstream(model)
        << R"({"name": "small", "layers": 2, "channels": 32, "heads": 2, "vocabulary": 256, "context": 16})";
    request.model = model;
    request.ranks = "2";
    request.link = "none";
    shell.window.runPanel().form().setRequest(request);
    shell.session.setPlace(Place::buckets);
    shell.window.show();
    SweepForm& form = shell.panel.form();
    const auto type = [&](const char* field, const QString& typed) {
        form.field(field)->clear();
        QTest::keyClicks(form.field(field), typed);
    };
    type("values", "1e4:2e4:exp:2");
    form.refresh();
    CHECK(form.problem().contains("is no range"));
    CHECK_FALSE(form.startButton()->isEnabled());
    type("values", "1e4,2e4");
    type("repeat", "300");
    type("steps", "4");
    type("folder", QString::fromStdString(shell.folder));
    form.refresh();
    CHECK(form.problem().isEmpty());
    REQUIRE(form.startButton()->isEnabled());
    QTest::mouseClick(form.startButton(), Qt::LeftButton);
    waitFor([&] { return shell.panel.model() && shell.panel.model()->verdict.runs >= 2; });
    CHECK(form.progressText().contains("run "));
    const auto advice_top = [&] { return shell.panel.advice().mapTo(&shell.panel, QPoint()).y(); };
    const auto form_top = [&] { return form.mapTo(&shell.panel, QPoint()).y(); };
    waitFor([&] { return form_top() < advice_top(); }); // what can be stopped stands above what may change
    CHECK(shell.labelText("sweepSentences").contains("goes on"));
    QTest::mouseClick(form.stopButton(), Qt::LeftButton);
    waitFor([&] { return shell.panel.process().state().kind == SweepState::stopped && shell.panel.settled(); });
    const int64_t runs = shell.panel.model()->verdict.runs;
    CHECK(runs >= 2);
    CHECK(runs < 900);
    waitFor([&] { return form_top() > advice_top(); });
    CHECK_FALSE(shell.labelText("sweepSentences").contains("goes on"));
    REQUIRE(form.resumeButton()->isVisible());
    QTest::mouseClick(form.resumeButton(), Qt::LeftButton);
    waitFor([&] { return shell.panel.model()->verdict.runs > runs; });
    shell.panel.process().stop();
    waitFor([&] { return !shell.panel.process().active() && shell.panel.settled(); });
    CHECK(shell.panel.model()->verdict.loss == LossAgreement::equal);

    // A child that cannot start says why.
    shell.session.run().setProgram(QString::fromStdString(shell.path("absent")));
    type("folder", QString::fromStdString(shell.path("other")));
    form.refresh();
    QTest::mouseClick(form.startButton(), Qt::LeftButton);
    waitFor([&] { return shell.panel.process().state().kind == SweepState::failed; });
    CHECK(shell.window.notice().contains("could not be started"));
}

} // namespace shardscope::gui
