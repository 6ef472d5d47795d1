// SPDX-License-Identifier: Apache-2.0
#include "gui/screenshot_scenes.h"
#include "gui/appearance.h"
#include "gui/export/export_controller.h"
#include "gui/main_window.h"
#include "gui/panels/command_palette.h"
#include "gui/panels/run_form.h"
#include "gui/panels/run_panel.h"
#include "gui/panels/tour.h"
#include "gui/timeline_tools.h"
#include "gui/window_tools.h"
#include "gui/workspace.h"
#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QKeyEvent>
#include <QLineEdit>
#include <QTemporaryDir>
#include <QToolButton>

namespace shardscope::gui {
namespace {

constexpr qint64 run_patience_ms = 30'000;

bool waitUntil(const std::function<bool()>& condition) {
    QElapsedTimer waited;
    waited.start();
    while (!condition() && waited.elapsed() < run_patience_ms) QApplication::processEvents(QEventLoop::AllEvents, 20);
    return condition();
}

void press(QWidget* widget, int key) {
    QKeyEvent down(QEvent::KeyPress, key, Qt::NoModifier), up(QEvent::KeyRelease, key, Qt::NoModifier);
    QApplication::sendEvent(widget, &down);
    QApplication::sendEvent(widget, &up);
}

void type(QLineEdit* field, const char* text) {
    field->selectAll();
    for (const char* letter = text; *letter; ++letter) {
        QKeyEvent key(QEvent::KeyPress, 0, Qt::NoModifier, QString(QChar(*letter)));
        QApplication::sendEvent(field, &key);
    }
    press(field, Qt::Key_Return);
}

void trigger(Session& session, ActionId id) { session.actions().get(id)->trigger(); }

void closeOverlays(MainWindow& window) {
    for (Overlay* overlay : window.findChildren<Overlay*>())
        if (overlay->isVisible()) overlay->closeOver();
}

RunRequest shortRun(const QString& folder, const char* trace, const char* steps) {
    RunRequest request;
    request.steps = steps;
    request.trace = (folder + "/" + trace).toStdString();
    request.config = R"({
  "train_micro_batch_size_per_gpu": 4,
  "bf16": { "enabled": true },
  "zero_optimization": {
    "stage": 2,
    "overlap_comm": true,
    "reduce_bucket_size": 1000000
  },
  "optimizer": { "type": "AdamW", "params": { "lr": 0.001 } }
})";
    return request;
}

} // namespace

bool drawOverlays(Session& session, MainWindow& window, const SettleWindow& settle, const SavePicture& save) {
    session.setPlace(Place::timeline);
    settle();
    trigger(session, ActionId::command_palette);
    window.tools().palette().field().setText("step");
    settle();
    bool saved = save(window, "palette");
    closeOverlays(window);
    for (const auto& [id, name] : {std::pair{ActionId::keys, "keys"},
                                   {ActionId::customize_keys, "change_keys"},
                                   {ActionId::settings, "settings"}}) {
        trigger(session, id);
        settle();
        saved = saved && save(window, name);
        closeOverlays(window);
    }
    trigger(session, ActionId::mark);
    settle();
    if (!session.notes().notes().empty())
        session.notes().setText(session.notes().notes().front().id,
                                "The bucket leaves late: its last gradient is the largest of the block.");
    trigger(session, ActionId::use_as_baseline);
    const TimeRange visible = session.visible();
    session.timelineTools().setRange(
        TimeRange{visible.start_ns + visible.duration() / 4, visible.start_ns + visible.duration() / 2}, true);
    session.timelineTools().search("bucket");
    settle();
    saved = saved && save(window, "range_note_search");
    session.timelineTools().search({});
    session.timelineTools().setRange(std::nullopt, true);
    session.setPlace(Place::compare);
    settle();
    if (ExportDialog* dialog = window.exports().openDialog()) {
        waitUntil([&] { return dialog->settled(); });
        saved = saved && save(*dialog, "export");
        dialog->close();
    }
    trigger(session, ActionId::tour);
    for (int stop = 0; saved && window.tools().tour().active() && stop < 20; ++stop) {
        settle();
        if (stop == 0 || stop == 3) saved = save(window, stop == 0 ? "tour" : "tour_later");
        if (stop == 3) break;
        press(&window.tools().tour(), Qt::Key_Right);
    }
    window.tools().tour().finish();
    return saved;
}

bool drawRunStates(Session& session, MainWindow& window, const SettleWindow& settle, const SavePicture& save) {
    const QTemporaryDir folder;
    const QString before_folder = QDir::currentPath();
    QDir::setCurrent(folder.path()); // runs without a name for their trace write it there
    RunPanel& panel = window.runPanel();
    const RunRequest before = panel.form().request();
    session.setPlace(Place::run);

    RunRequest request = shortRun(folder.path(), "live.shardscope", "400");
    panel.vary(request, "ZeRO-2 · gpt2-tiny");
    waitUntil([&] { return panel.settled(); });
    trigger(session, ActionId::start_run);
    RunRequest next = request;
    next.trace = folder.filePath("next.shardscope").toStdString();
    next.config = withConfigValue(next.config, "zero_optimization.stage", "3");
    panel.queue().add(next);
    waitUntil([&] { return session.run().progress().size() >= 12 || !session.run().active(); });
    bool saved = save(window, "run_live");
    panel.mayClose();
    settle();
    saved = saved && save(window, "run_quit");
    if (auto* stay = panel.findChild<QToolButton*>("keepRunning")) stay->click();
    trigger(session, ActionId::stop_run);
    waitUntil([&] { return !session.run().active(); });

    panel.vary(request, "ZeRO-2 · gpt2-tiny");
    for (QLineEdit* field : panel.form().findChildren<QLineEdit*>())
        if (field->objectName().endsWith("reduce_bucket_size") && field->isVisible()) type(field, "5e8");
    waitUntil([&] { return panel.settled(); });
    settle();
    saved = saved && save(window, "run_difference");
    if (auto* forget = panel.findChild<QToolButton*>("forgetOriginal")) forget->click();

    RunRequest unlinked = request; // where auto takes what the machine has
    unlinked.link = "none";
    panel.vary(unlinked, "ZeRO-2 · gpt2-tiny");
    if (auto* forget = panel.findChild<QToolButton*>("forgetOriginal")) forget->click();
    waitUntil([&] { return panel.settled(); });
    settle();
    saved = saved && save(window, "run_devices");

    for (const QueuedRun& run : std::vector<QueuedRun>(panel.queue().runs()))
        if (run.waits()) panel.queue().remove(run.id);
    RunRequest failing = request; // only the child finds this one
    failing.trace = "/proc/no/such/folder/run.shardscope";
    panel.queue().start(failing);
    waitUntil([&] { return !panel.queue().active(); });
    settle();
    saved = saved && save(window, "run_failed");
    if (auto* fold = panel.findChild<QToolButton*>("foldOutput")) fold->click();
    settle();
    saved = saved && save(window, "run_failed_output");

    request.config.replace(request.config.find("true"), 4, "tru");
    panel.vary(request, "ZeRO-2 · gpt2-tiny");
    waitUntil([&] { return panel.settled(); });
    settle();
    saved = saved && save(window, "run_broken_json");
    panel.form().setRequest(before);
    QDir::setCurrent(before_folder);
    return saved;
}

} // namespace shardscope::gui
