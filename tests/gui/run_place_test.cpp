// SPDX-License-Identifier: Apache-2.0
// The Run place by mouse and keyboard: form and JSON as one request with one history, checks in place, the queue, and
// runs that are varied.
#include "core_runtime/config_keys.h"
#include "gui/panels/config_editor.h"
#include "gui/panels/library_panel.h"
#include "gui/panels/queue_list.h"
#include "gui/panels/run_cards.h"
#include "gui/panels/run_form.h"
#include "gui/panels/run_panel.h"
#include "gui/panels/trace_card.h"
#include "gui/run_fields.h"
#include "shell_fixture.h"
#include <QClipboard>
#include <QComboBox>
#include <QContextMenuEvent>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPlainTextEdit>
#include <QScrollArea>
#include <QToolButton>
#include <csignal>
#include <unistd.h>

namespace shardscope::gui {
namespace {

constexpr const char* bucket = "zero_optimization.reduce_bucket_size";

constexpr const char* commented = R"({
  // the batch that fits
  "train_micro_batch_size_per_gpu": 2, # per rank
  "zero_optimization": {
    "stage": 2, /* was 3 */
    "reduce_bucket_size": 5e5,
    "contiguous_gradients": true,
  },
  "wandb": {"enabled": false}
})";

struct RunPlace : Shell { // the Run place with a stand-in for the command line program
    RunPanel& panel;
    RunForm& form;
    RunQueue& queue;
    QPlainTextEdit* json;
    explicit RunPlace(const char* mode = "run")
        : panel(window.runPanel())
        , form(panel.form())
        , queue(panel.queue())
        , json(window.findChild<QPlainTextEdit*>("configText")) {
        qputenv("SHARDSCOPE_FAKE", mode);
        session.run().setProgram(SHARDSCOPE_FAKE_CLI);
        session.setPlace(Place::run);
        window.show();
        type("trace", QString::fromStdString(path("run.shardscope")));
        checked();
    }
    ~RunPlace() {
        if (!session.run().active()) return;
        ::kill(static_cast<pid_t>(session.run().processId()), SIGKILL);
        waitFor([&] { return !session.run().active(); });
    }
    void type(const char* field, const QString& typed) {
        QLineEdit* edit = form.field(field);
        REQUIRE(edit);
        edit->setFocus();
        edit->selectAll();
        QTest::keyClick(edit, Qt::Key_Backspace);
        QTest::keyClicks(edit, typed);
    }
    void choose(const char* field, const char* shown) {
        auto* combo = form.findChild<QComboBox*>(QString("field:%1").arg(field));
        REQUIRE(combo);
        combo->setCurrentText(shown);
    }
    void press(const char* name) {
        auto* button = window.findChild<QToolButton*>(name);
        REQUIRE(button);
        QTest::mouseClick(button, Qt::LeftButton);
    }
    void pressRow(int row, const char* name) {
        const auto rows = window.findChild<QueueList*>()->rows();
        REQUIRE(static_cast<size_t>(row) < rows.size());
        QTest::mouseClick(rows[static_cast<size_t>(row)]->findChild<QToolButton*>(name), Qt::LeftButton);
    }
    void trigger(ActionId id) {
        REQUIRE(session.actions().get(id)->isEnabled());
        session.actions().get(id)->trigger();
    }
    void checked() {
        waitFor([&] { return panel.settled(); });
    }
    void ended(size_t runs) {
        waitFor([&] {
            const auto& all = queue.runs();
            return !queue.active() && all.size() == runs && queue.waiting() == 0;
        });
    }
    QString status(size_t row) { return window.findChild<QueueList*>()->rows().at(row)->status(); }
    std::string config() { return json->toPlainText().toStdString(); }
};

} // namespace

TEST_CASE("typing in the JSON moves the form, field by field") {
    RunPlace place;
    place.json->setPlainText(commented);
    CHECK(place.form.field(bucket)->text() == "5e5");
    QTextCursor cursor = place.json->document()->find("5e5");
    place.json->setTextCursor(cursor);
    QTest::keyClicks(place.json, "250000");
    CHECK(place.form.field(bucket)->text() == "250,000");
    CHECK(place.form.field("train_micro_batch_size_per_gpu")->text() == "2");
    place.json->setTextCursor(place.json->document()->find("2, /*"));
    QTest::keyClicks(place.json, "3");
    CHECK_FALSE(isJsonObject(place.config())); // the comma and the comment's start went too
    CHECK(place.form.field(bucket)->text() == "250,000");
}

TEST_CASE("a field changes its key and nothing else of the text") {
    RunPlace place;
    place.json->setPlainText(commented);
    place.type(bucket, "7e5");
    std::string expected = commented;
    expected.replace(expected.find("5e5"), 3, "700000");
    CHECK(place.config() == expected);
    place.choose("zero_optimization.overlap_comm", "on");
    CHECK(place.config().find("\"contiguous_gradients\": true,\n    \"overlap_comm\": true,\n  },") !=
          std::string::npos);
    place.press("reset:zero_optimization.overlap_comm");
    CHECK(place.config() == expected);
    place.press("reset:zero_optimization.reduce_bucket_size");
    CHECK(place.config().find("reduce_bucket_size") == std::string::npos);
    CHECK(place.config().find("/* was 3 */") != std::string::npos);
    place.checked();
    CHECK(place.form.field(bucket)->placeholderText() == "5e8"); // the default, from the engine
}

TEST_CASE("a broken text keeps the form, marks its line and says why") {
    RunPlace place;
    place.json->setPlainText("{\n  \"train_batch_size\": 8,\n  \"zero_optimization\": {\"stage\": 1 \"x\": 2}\n}");
    place.checked();
    CHECK_FALSE(place.panel.startable());
    const auto* problem = place.window.findChild<QLabel*>("configProblem");
    CHECK(problem->text().contains("line 3"));
    REQUIRE_FALSE(place.json->extraSelections().isEmpty());
    CHECK(place.json->extraSelections().back().cursor.blockNumber() == 2);
    const QString before = place.json->toPlainText();
    place.type(bucket, "9"); // there is nothing that could take it
    CHECK(place.json->toPlainText() == before);
    CHECK(place.form.field(bucket)->text() == "1e6");
    place.json->setPlainText("{\"train_batch_size\": 8, \"zero_optimization\": {\"stage\": 7}}");
    place.checked();
    CHECK(place.form.check("zero_optimization.stage")->text().contains("choose 0, 1, 2 or 3"));
}

TEST_CASE("the history is one of form and JSON") {
    RunPlace place;
    const std::string first = place.config();
    place.type(bucket, "123");
    place.choose("zero_optimization.overlap_comm", "off");
    place.type("ranks", "3");
    QTest::keyClick(place.json, Qt::Key_Z, Qt::ControlModifier);
    CHECK(place.form.field("ranks")->text() == "4");
    CHECK(configValue(place.config(), "zero_optimization.overlap_comm") == "false");
    QTest::keyClick(place.form.field(bucket), Qt::Key_Z, Qt::ControlModifier);
    CHECK(configValue(place.config(), "zero_optimization.overlap_comm") == "true");
    QTest::keyClick(place.form.field(bucket), Qt::Key_Z, Qt::ControlModifier); // what was typed is one step
    CHECK(place.config() == first);
    CHECK(place.form.field(bucket)->text() == "1e6");
    QTest::keyClick(place.json, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    CHECK(configValue(place.config(), bucket) == "123");
    place.json->moveCursor(QTextCursor::End);
    QTest::keyClicks(place.json, " //ab cd");
    QTest::keyClick(place.json, Qt::Key_Z, Qt::ControlModifier); // a word of the text is one
    CHECK(place.json->toPlainText().endsWith("} //ab"));
    QTest::keyClick(place.json, Qt::Key_Z, Qt::ControlModifier);
    CHECK(place.config().back() == '}');
    CHECK(configValue(place.config(), bucket) == "123");
}

TEST_CASE("remarks stand under their field and mark their line") {
    RunPlace place;
    place.type(bucket, "5e8");
    place.checked();
    CHECK(place.form.check(bucket)->text().contains("x the whole model: one bucket, nothing overlaps; try"));
    CHECK(place.panel.startable());
    const auto& marks = place.window.findChild<ConfigEditor*>()->marks();
    REQUIRE(marks.size() == 1);
    CHECK(marks[0].line == lineOfKey(place.config(), bucket));
    const auto& advice = place.window.findChild<BeforeCard*>()->advice();
    CHECK(std::any_of(advice.begin(), advice.end(), [](const Advice& a) { return a.field == bucket; }));
    place.type("checkpoint_every", "5");
    place.checked();
    CHECK(place.form.check("checkpoint_every")->text().contains("Checkpoints into"));
    place.type("checkpoint_every", "");
    place.type("trace", "/nowhere/run.shardscope");
    place.checked();
    CHECK(place.form.check("trace")->text().contains("create it or choose another"));
    if (::geteuid() == 0) return; // who may write everywhere is not told otherwise
    place.type("trace", "/proc/run.shardscope");
    place.checked();
    CHECK(place.form.check("trace")->text().contains("cannot be written"));
}

TEST_CASE("planned memory is held against a device") {
    RunPlace place;
    const auto* note = place.window.findChild<QLabel*>("plannedNote");
    CHECK(note->text().contains("4 ranks ="));
    auto* device = place.form.findChild<QComboBox*>("field:device_memory");
    device->setCurrentText("1 MiB");
    place.checked();
    CHECK(note->text().contains("does not fit"));
    device->setCurrentText("large");
    place.checked();
    CHECK(place.form.check("device_memory")->text().contains("80 GB"));
}

TEST_CASE("configurations follow one another and their traces open") {
    RunPlace place;
    place.trigger(ActionId::start_run);
    CHECK(place.queue.active());
    place.type(bucket, "2e5");
    place.trigger(ActionId::queue_run);
    CHECK(place.status(1) == "waiting");
    place.ended(2);
    CHECK(place.status(0).startsWith("done"));
    CHECK(place.status(1).startsWith("done"));
    CHECK(place.session.traces().size() == 2); // the second got a path of its own
    CHECK(place.queue.runs()[1].request.trace == place.path("run-2.shardscope"));
    CHECK(configValue(place.queue.runs()[1].request.config, bucket) == "2e5");
    place.trigger(ActionId::run_again);
    CHECK(place.queue.active());
    waitFor([&] { return !place.queue.active(); });
    CHECK(place.queue.runs().size() == 3);
    std::remove(place.queue.runs()[2].trace_path.c_str()); // it went to the user's documents
}

TEST_CASE("one click queues the four stages, and one that fails does not hold up the others") {
    RunPlace place("stage0-fails");
    place.trigger(ActionId::queue_stages);
    CHECK(place.queue.runs().size() == 4);
    place.ended(4);
    CHECK(place.status(0) == "failed");
    for (const size_t stage : {1u, 2u, 3u}) {
        CHECK(place.status(stage).startsWith("done"));
        CHECK(stageOf(place.queue.runs()[stage].request) == static_cast<int>(stage));
    }
    CHECK(place.session.traces().size() == 3);
    CHECK(place.queue.runs()[0].message.contains("use 2 or 4"));
}

TEST_CASE("what waits can be moved, taken out, and is held by Stop") {
    RunPlace place("endless");
    place.trigger(ActionId::start_run);
    for (const char* size : {"1e5", "2e5", "3e5"}) {
        place.type(bucket, size);
        place.trigger(ActionId::queue_run);
    }
    place.pressRow(3, "up");
    CHECK(configValue(place.queue.runs()[2].request.config, bucket) == "3e5");
    place.pressRow(1, "remove");
    REQUIRE(place.queue.runs().size() == 3);
    CHECK(configValue(place.queue.runs()[1].request.config, bucket) == "3e5");
    waitFor([&] { return place.session.run().progress().size() >= 2; });
    place.trigger(ActionId::stop_run);
    waitFor([&] { return !place.queue.active(); });
    CHECK(place.status(0).startsWith("stopped after"));
    CHECK(place.queue.holds());
    CHECK(place.status(1) == "waiting");
    qputenv("SHARDSCOPE_FAKE", "run");
    place.press("startQueue");
    place.ended(3);
    CHECK(place.status(2).startsWith("done"));
}

TEST_CASE("a failure shows its remedy on top and what the child said below") {
    RunPlace place("fail");
    place.trigger(ActionId::start_run);
    waitFor([&] { return !place.panel.failure().isEmpty(); });
    CHECK(place.window.findChild<QLabel*>("runFailureTitle")->text().endsWith("failed: use 2 or 4"));
    auto* output = place.window.findChild<QPlainTextEdit*>("runOutput");
    CHECK(output->isHidden());
    place.press("foldOutput");
    CHECK(output->isVisible());
    CHECK(output->toPlainText().contains("--progress json")); // how it was called
    CHECK(output->toPlainText().contains("a library says something\nnote: wandb has no effect\nerror: ranks is 3"));
    place.press("copyOutput");
    CHECK(QApplication::clipboard()->text() == output->toPlainText());
    CHECK(remedyOf("no remedy here").isEmpty());
}

TEST_CASE("a run is duplicated and what is changed is marked") {
    RunPlace place;
    place.type(bucket, "3e5");
    place.trigger(ActionId::start_run);
    place.ended(1);
    place.type(bucket, "9e5");
    place.type("steps", "7");
    place.trigger(ActionId::vary_run);
    CHECK(place.form.field(bucket)->text() == "3e5");
    CHECK(place.form.field("steps")->text() == "20");
    CHECK(place.form.field("trace")->text().isEmpty());
    const auto shown = [&](const char* part) {
        for (const QLabel* label : place.window.findChildren<QLabel*>())
            if (label->isVisible() && label->text().contains(part)) return true;
        return false;
    };
    CHECK(shown("nothing is changed yet"));
    place.type(bucket, "6e5");
    CHECK(shown("reduce_bucket_size 3e5 → 6e5"));
    CHECK(shown("was 3e5 · elements"));
    place.press("backToOriginal");
    CHECK(place.form.field(bucket)->text() == "3e5");
    place.press("forgetOriginal");
    CHECK_FALSE(shown("was 3e5"));
}

TEST_CASE("the card of a run leads to the form with its configuration") {
    Shell shell;
    shell.open({0, 3});
    shell.session.setActive(shell.session.traces()[0].id);
    TraceCard* card = shell.window.library().cards()[1];
    QContextMenuEvent asked(QContextMenuEvent::Mouse, {20, 12}, card->mapToGlobal(QPoint(20, 12)));
    QApplication::sendEvent(card, &asked);
    auto* menu = card->findChild<QMenu*>("traceMenu");
    REQUIRE(menu);
    waitFor([&] { return menu->isVisible(); });
    const QString wanted = shell.session.actions().get(ActionId::vary_run)->text();
    const auto entries = menu->actions();
    const auto entry =
        std::find_if(entries.begin(), entries.end(), [&](const QAction* a) { return a->text() == wanted; });
    REQUIRE(entry != entries.end());
    QTest::mouseClick(menu, Qt::LeftButton, {}, menu->actionGeometry(*entry).center());
    CHECK(shell.session.place() == Place::run);
    CHECK(shell.session.active()->id == shell.session.traces()[1].id);
    const RunRequest& request = shell.window.runPanel().form().request();
    CHECK(stageOf(request) == 3);
    CHECK(request.config == requestOf(*shell.session.traces()[1].reader).config);
    waitFor([&] { return shell.window.runPanel().settled(); });
}

TEST_CASE("what should change in a new run is where the cursor is") {
    RunPlace place;
    place.session.setPlace(Place::compare);
    place.window.resize(1280, 720);
    place.open({1, 2});
    RunForm& form = place.form;
    const char* rare = "zero_optimization.allgather_bucket_size"; // folded away, and far below
    QScrollArea* scroll = nullptr;
    for (QWidget* at = form.parentWidget(); at && !scroll; at = at->parentWidget())
        scroll = qobject_cast<QScrollArea*>(at);
    REQUIRE(scroll);
    form.setFilter("micro batch");
    for (const char* key : {bucket, rare}) {
        INFO(key);
        place.session.setPlace(Place::timeline);
        emit place.session.changeWanted(place.session.traces()[1].id, key);
        CHECK(place.session.place() == Place::run);
        CHECK(stageOf(form.request()) == 2);
        QLineEdit* field = form.field(key);
        REQUIRE(field);
        CHECK(form.shows(key));
        CHECK(QApplication::focusWidget() == field);
        QWidget* row = field;
        while (row && !row->property("sought").isValid()) row = row->parentWidget();
        REQUIRE(row);
        CHECK(row->property("sought").toBool());
        const QRect seen(field->mapTo(scroll->viewport(), QPoint()), field->size());
        CHECK(scroll->viewport()->rect().contains(seen));
        QTest::keyClicks(field, "123456"); // in place of what stood there
        CHECK(field->text() == "123456");
        CHECK(configValue(form.request().config, key) == "123,456");
        QTest::keyClick(field, Qt::Key_Tab);
        CHECK_FALSE(row->property("sought").toBool());
        place.checked();
    }
}

TEST_CASE("a trace tells the request it is a run of") {
    Samples samples;
    const auto reader = TraceReader::open(samples.stage(2));
    REQUIRE(reader);
    const RunRequest request = requestOf(**reader);
    CHECK(isJsonObject(request.config));
    CHECK(problemsAtSight(request).empty());
    RunRequest other = request;
    CHECK(differences(request, other).empty());
    other.config = withConfigValue(other.config, bucket, "5e4");
    other.ranks = "8";
    other.trace = "elsewhere.shardscope";
    const auto found = differences(request, other);
    REQUIRE(found.size() == 2);
    CHECK(found[0].field == "ranks");
    CHECK(found[1].field == bucket);
    other = request;
    other.config = withConfigValue(request.config, bucket, "5e8");
    RunRequest spelled = request;
    spelled.config = withConfigValue(request.config, bucket, "500000000");
    CHECK(differences(other, spelled).empty()); // the same number
}

TEST_CASE("a configuration from the wild opens with its comments, and what it means here is said") {
    RunPlace place;
    const QString file = QString::fromStdString(place.path("ds_config.json"));
    QFile out(file);
    REQUIRE(out.open(QIODevice::WriteOnly));
    out.write(
        "{\n  // from the Trainer\n  \"train_micro_batch_size_per_gpu\": \"auto\",\n  \"train_batch_size\": \"auto\",\n"
        "  \"bfloat16\": {\"enabled\": true},\n  \"wandb\": {\"enabled\": true},\n"
        "  \"zero_optimization\": {\"stage\": 3, \"reduce_bucket_size\": \"auto\", \"prefetch_bucket_size\": "
        "1000}\n}\n");
    out.close();
    place.panel.openConfig(file);
    waitFor([&] { return place.config().find("from the Trainer") != std::string::npos; });
    place.checked();
    CHECK(place.panel.startable());
    CHECK(place.form.findChild<QComboBox*>("field:bf16.enabled")->currentText() == "bf16");
    CHECK(place.form.field("zero_optimization.stage3_prefetch_bucket_size")->text() == "1000"); // its other spelling
    place.type("zero_optimization.stage3_prefetch_bucket_size", "2000");
    CHECK(configValue(place.config(), "zero_optimization.prefetch_bucket_size") == "2000");
    place.checked();
    const auto& advice = place.window.findChild<BeforeCard*>()->advice();
    CHECK(std::any_of(advice.begin(), advice.end(),
                      [](const Advice& a) { return a.sentence.contains("wandb has no effect"); }));
    const QString copy = QString::fromStdString(place.path("saved.json"));
    place.panel.saveConfig(copy);
    waitFor([&] { return QFile::exists(copy); });
    QFile in(copy);
    REQUIRE(in.open(QIODevice::ReadOnly));
    CHECK(in.readAll().toStdString() == place.config());
    place.panel.openConfig("/nowhere/ds_config.json");
    waitFor([&] { return place.window.notice().contains("/nowhere"); });
}

TEST_CASE("closing asks once while a run goes on") {
    RunPlace place("endless");
    CHECK(place.panel.mayClose());
    place.trigger(ActionId::start_run);
    waitFor([&] { return place.session.run().progress().size() >= 1; });
    CHECK_FALSE(place.window.close());
    CHECK(place.window.isVisible());
    place.press("keepRunning");
    CHECK(place.queue.active());
    CHECK_FALSE(place.window.close());
    place.press("stopAndQuit");
    waitFor([&] { return !place.window.isVisible(); });
    CHECK(place.session.run().state() == RunState::stopped);
}

TEST_CASE("fields are found by what they are called") {
    RunPlace place;
    CHECK(place.form.shows("ranks"));
    CHECK_FALSE(place.form.shows("fp16.hysteresis"));
    QTest::keyClicks(place.window.findChild<QLineEdit*>("fieldFilter"), "hyster");
    CHECK(place.form.shows("fp16.hysteresis"));
    CHECK_FALSE(place.form.shows("ranks"));
    QTest::keyClicks(place.window.findChild<QLineEdit*>("fieldFilter"), "xyz");
    CHECK_FALSE(place.form.findChild<QLabel*>("noField")->isHidden());
    place.window.findChild<QLineEdit*>("fieldFilter")->clear();
    CHECK(place.form.findChild<QLabel*>("noField")->isHidden());
    place.press("more:ZeRO");
    CHECK(place.form.shows("zero_optimization.stage3_max_live_parameters"));
    place.press("group:ZeRO");
    CHECK_FALSE(place.form.shows("zero_optimization.stage"));
    place.form.focusField("zero_optimization.stage");
    CHECK(place.form.shows("zero_optimization.stage"));
}

TEST_CASE("every key that acts has a field, and its unit and default come from the engine") {
    const auto has = [](const std::string& key) {
        if (findField(key)) return true;
        return key == "fp16.enabled" || key.ends_with("nvme_path"); // one field for two keys
    };
    for (const auto& [key, fact] : defaultFacts()) {
        INFO(key);
        const std::string leaf = key.substr(key.rfind('.') + 1);
        const bool fixed = leaf == "contiguous_gradients" || leaf == "round_robin_gradients"; // listed, not free
        CHECK((has(key) || fixed));
    }
    for (const std::string_view key : config_keys::zero_free) {
        const std::string name(key);
        const bool section_or_old = name.starts_with("offload_") || name.starts_with("cpu_offload") ||
                                    name.find("gather_") != std::string::npos;
        INFO(name);
        CHECK((has("zero_optimization." + name) || section_or_old));
    }
    for (const std::string_view key : config_keys::offload_optimizer_free)
        CHECK(has("zero_optimization.offload_optimizer." + std::string(key)));
    for (const std::string_view key : config_keys::offload_param_free)
        CHECK(has("zero_optimization.offload_param." + std::string(key)));
    for (const std::string_view key : config_keys::fp16_free) CHECK(has("fp16." + std::string(key)));
    for (const std::string_view key : config_keys::optimizer_free) CHECK(has("optimizer.params." + std::string(key)));
    for (const std::string_view key : config_keys::own) CHECK(has("shardscope." + std::string(key)));
    CHECK(defaultFacts().at(bucket).unit == "elements");
    CHECK(defaultFacts().at(bucket).default_value == "5e8");
}

TEST_CASE("only the latest request is answered, and the plan runs beside the window") {
    RunCheckJob job;
    std::vector<RunCheck> answers;
    QObject::connect(&job, &RunCheckJob::ready, &job, [&](const RunCheck& check) { answers.push_back(check); });
    RunRequest request;
    request.config = withConfigValue(startingConfig(), "gradient_accumulation_steps", "64");
    for (const char* ranks : {"2", "3", "4", "5"}) {
        request.ranks = ranks;
        job.request(request);
    }
    CHECK(job.pending());
    CHECK(answers.empty()); // nothing was computed by the call
    waitFor([&] { return !job.pending(); });
    for (const RunCheck& answer : answers) CHECK(answer.request.ranks == "5");
    REQUIRE_FALSE(answers.empty());
    CHECK(answers.back().complete);
    CHECK(answers.back().stages.size() == 4);
    CHECK(answers.back().keys.at(bucket).memory.find("iB") != std::string::npos);
    CHECK_FALSE(answers.back().keys.at("zero_optimization.stage3_prefetch_bucket_size").no_effect.empty());
}

TEST_CASE("a run that is known tells how long the next may take") {
    RunCheck check;
    check.request.config = startingConfig();
    check.request.steps = "100";
    QueuedRun known;
    known.request = check.request;
    known.request.steps = "20";
    known.step_ns = 50'000'000;
    const auto said = [&](const std::vector<QueuedRun>& runs) {
        QString all;
        for (const Advice& advice : adviceFor(check, runs)) all += advice.sentence + "\n";
        return all;
    };
    CHECK(said({known}).contains("About 5 s for 100 steps, going by this very run before"));
    known.request.config = withConfigValue(known.request.config, "zero_optimization.stage", "1");
    CHECK(said({known}).contains("going by ZeRO-1"));
    known.request.model = "gpt2-mini";
    CHECK_FALSE(said({known}).contains("going by"));
}

} // namespace shardscope::gui
