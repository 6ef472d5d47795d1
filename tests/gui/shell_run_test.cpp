// SPDX-License-Identifier: Apache-2.0
// The Run place, with a stand-in for the command line program and with the real one: form and JSON, progress, stop,
// failure, and a child that is killed.
#include "gui/panels/live_panel.h"
#include "gui/panels/loss_chart.h"
#include "gui/panels/run_form.h"
#include "gui/panels/run_panel.h"
#include "shell_fixture.h"
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <csignal>

namespace shardscope::gui {
namespace {

struct RunShell : Shell {
    RunForm& form;
    RunProcess& run;
    explicit RunShell(const char* mode, const char* program = SHARDSCOPE_FAKE_CLI)
        : form(window.runPanel().form())
        , run(session.run()) {
        qputenv("SHARDSCOPE_FAKE", mode);
        run.setProgram(program);
        session.setPlace(Place::run);
        window.show();
        type("steps", "12");
        type("trace", QString::fromStdString(path("run.shardscope")));
    }
    void type(const char* field, const QString& typed) {
        QLineEdit* edit = form.field(field);
        REQUIRE(edit);
        edit->clear();
        QTest::keyClicks(edit, typed);
    }
    void start() { session.actions().get(ActionId::start_run)->trigger(); }
    void waitForSteps(size_t steps) {
        waitFor([&] { return run.progress().size() >= steps; });
    }
    void waitForTrace() {
        waitFor([&] { return session.active() && !session.active()->reader->steps().empty(); });
    }
};

} // namespace

TEST_CASE("the form and the JSON are two views of one thing") {
    RunShell shell("run");
    auto* json = shell.window.findChild<QPlainTextEdit*>("configText");
    REQUIRE(json);
    shell.type("zero_optimization.reduce_bucket_size", "5e5");
    CHECK(json->toPlainText().contains("\"reduce_bucket_size\": 500000"));
    shell.form.field("zero_optimization.reduce_bucket_size")->clear();
    QTest::keyClick(shell.form.field("zero_optimization.reduce_bucket_size"), Qt::Key_Backspace);
    json->setPlainText(
        R"({"train_micro_batch_size_per_gpu": 2, "zero_optimization": {"stage": 3, "reduce_bucket_size": 700000}})");
    CHECK(shell.form.field("zero_optimization.reduce_bucket_size")->text() == "7e5");
    CHECK(shell.form.field("train_micro_batch_size_per_gpu")->text() == "2");
    CHECK(shell.form.request().config == json->toPlainText().toStdString()); // used as it is, not as we would write it
    CHECK(shell.form.field("zero_optimization.stage3_prefetch_bucket_size")->isEnabled());
}

TEST_CASE("what cannot run is said in place and cannot be started") {
    RunShell shell("run");
    shell.type("ranks", "0");
    waitFor([&] { return !shell.window.runPanel().startable(); });
    CHECK(shell.form.check("ranks")->text().contains("from 1 to 64"));
    CHECK_FALSE(shell.session.actions().get(ActionId::start_run)->isEnabled());
    shell.type("ranks", "2");
    waitFor([&] { return shell.window.runPanel().startable(); });
    CHECK(shell.session.actions().get(ActionId::start_run)->isEnabled());
    auto* json = shell.window.findChild<QPlainTextEdit*>("configText");
    json->setPlainText("{\n  \"zero_optimization\": {\"stage\": 2,}\n");
    waitFor([&] { return !shell.window.runPanel().startable(); });
    json->setPlainText(R"({"train_micro_batch_size_per_gpu": 2, "zero_optimisation": {"stage": 2}})");
    waitFor([&] { return !shell.window.runPanel().startable(); });
    CHECK_FALSE(shell.run.active());
}

TEST_CASE("a run advances, grows its trace and ends") {
    RunShell shell("run");
    shell.start();
    CHECK(shell.run.active());
    shell.waitForSteps(3);
    shell.waitForTrace();
    CHECK(shell.run.steps() == 12);
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    CHECK(shell.run.state() == RunState::finished);
    CHECK(shell.run.progress().size() == 12);
    CHECK(shell.window.runPanel().statusOfLastRun().startsWith("done · 9"));
    CHECK(shell.window.runPanel().live().losses().curves().at(0).values.size() == 12);
    CHECK(shell.session.active()->reader->steps().size() == 12);
    CHECK_FALSE(shell.session.active()->followed);
    CHECK(shell.window.runPanel().failure().isEmpty());
    shell.settle();

    shell.start(); // once more, over the same file: the old trace makes room for the new one
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    CHECK(shell.session.traces().size() == 1);
    CHECK(shell.session.active()->reader->steps().size() == 12);
}

TEST_CASE("finished runs stay in the library beside later ones") {
    RunShell shell("run");
    shell.start();
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    shell.type("trace", QString::fromStdString(shell.path("second.shardscope")));
    shell.start();
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    CHECK(shell.session.traces().size() == 2);
}

TEST_CASE("Stop ends a run after its step") {
    RunShell shell("endless");
    shell.start();
    shell.waitForSteps(2);
    shell.waitForTrace();
    shell.session.actions().get(ActionId::stop_run)->trigger();
    CHECK(shell.run.state() == RunState::stopping);
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    CHECK(shell.run.state() == RunState::stopped);
    CHECK(shell.window.runPanel().statusOfLastRun().startsWith("stopped after"));
    CHECK(shell.session.active()->facts.status == "stopped");
    CHECK(shell.window.runPanel().failure().isEmpty());
}

TEST_CASE("a child that ignores Stop is killed after some patience") {
    RunShell shell("stubborn");
    shell.start();
    shell.waitForSteps(1);
    shell.waitForTrace();
    shell.run.setPatience(50);
    shell.session.actions().get(ActionId::stop_run)->trigger();
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    CHECK(shell.run.state() == RunState::stopped);
    CHECK(shell.window.runPanel().failure().contains("was killed"));
}

TEST_CASE("the message of a run that fails is shown") {
    RunShell shell("fail");
    shell.start();
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    CHECK(shell.run.state() == RunState::failed);
    CHECK(shell.window.runPanel().failure() == "ranks is 3, which does not divide the batch of 4; use 2 or 4");
    CHECK(shell.session.traces().empty());
    qputenv("SHARDSCOPE_FAKE", "mute");
    shell.start();
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    CHECK(shell.window.runPanel().failure().contains("exit code 3"));
    qputenv("SHARDSCOPE_FAKE", "run");
    shell.start();
    CHECK(shell.window.runPanel().failure().isEmpty()); // the next run clears it
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
}

TEST_CASE("a killed child ends the run, not the window") {
    RunShell shell("endless");
    shell.start();
    shell.waitForSteps(3);
    shell.waitForTrace();
    REQUIRE(shell.run.processId() > 0);
    REQUIRE(::kill(static_cast<pid_t>(shell.run.processId()), SIGKILL) == 0);
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    CHECK(shell.run.state() == RunState::killed);
    CHECK(shell.window.runPanel().failure().contains("killed"));
    REQUIRE(shell.session.traces().size() == 1);
    CHECK(shell.session.active()->reader->steps().size() >= 3);
    CHECK_FALSE(shell.session.active()->followed);
    shell.session.setPlace(Place::timeline);
    shell.settle();
    CHECK(shell.window.timeline().state().drawn_rects > 0);
}

TEST_CASE("a program that cannot be started is a sentence") {
    RunShell shell("run", "/nowhere/shardscope");
    shell.start();
    waitFor([&] { return !shell.window.runPanel().failure().isEmpty(); });
    CHECK(shell.window.runPanel().failure().contains("could not be started"));
    CHECK_FALSE(shell.run.active());
}

TEST_CASE("the real command line program trains and its trace opens") {
    RunShell shell("run", SHARDSCOPE_REAL_CLI);
    shell.type("steps", "3");
    shell.type("ranks", "2");
    shell.type("sequence", "32");
    shell.start();
    waitFor([&] { return !shell.run.active(); });
    shell.settle();
    INFO(shell.run.message().toStdString());
    REQUIRE(shell.run.state() == RunState::finished);
    CHECK(shell.run.progress().size() == 3);
    REQUIRE(shell.session.active());
    CHECK(shell.session.active()->reader->steps().size() == 3);
    CHECK(shell.session.active()->facts.title() == "ZeRO-2");
    CHECK(shell.session.active()->facts.model == "gpt2-tiny");
    CHECK(shell.session.active()->facts.precision == "bf16");
    shell.session.setPlace(Place::timeline);
    shell.settle();
    shell.session.selectLongestExposed();
    shell.settle();
    CHECK(shell.session.comparison().runs.size() == 1);
}

} // namespace shardscope::gui
