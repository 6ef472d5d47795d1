// SPDX-License-Identifier: Apache-2.0
#include "gui/tour_stops.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/main_window.h"
#include "gui/panels/inspector_panel.h"
#include "gui/panels/library_panel.h"
#include "gui/panels/summary_panel.h"
#include "gui/panels/timeline_panel.h"
#include <QToolBar>

namespace shardscope::gui {

std::vector<TourStop> tourStops(MainWindow& window, Session& session) {
    const auto key = [&session](ActionId id) {
        const QString keys = session.actions().get(id)->shortcut().toString(QKeySequence::NativeText);
        return keys.isEmpty() ? session.actions().get(id)->text() : keys;
    };
    const auto canvas = [&window]() -> QWidget* { return &window.timeline().canvas(); };
    const auto inspector = [&window]() -> QWidget* { return &window.inspector(); };
    return {
        {"Places",
         "One window, several places around the same traces: Run starts a training, Timeline shows all ranks of one "
         "trace, Compare puts up to four on one axis, Memory shows what every byte was for.",
         [&window]() -> QWidget* { return window.findChild<QToolBar*>("tools"); },
         [&session] { session.setPlace(Place::compare); }},
        {"Library",
         "What is open, as cards. The letter says what takes part in the comparison; a click makes a trace the active "
         "one. Drop files anywhere on the window. The menu of a card gives it a name and tags.",
         [&window]() -> QWidget* { return &window.library(); },
         {}},
        {"One step, every lane",
         QString("Blue is compute, warm colours are communication: overlap is seen before it is read. Zoom with %1 and "
                 "%2 or the wheel, move with %3 and %4 or by dragging; %5 takes you back.")
             .arg(key(ActionId::zoom_in), key(ActionId::zoom_out), key(ActionId::pan_left), key(ActionId::pan_right),
                  key(ActionId::undo_view)),
         canvas,
         [&session] {
             session.setAlign(Align::step);
             session.fit();
         }},
        {"What it cost",
         QString("%1 has selected the longest communication that no compute covers. Here is what it is, and which key "
                 "of the DeepSpeed configuration caused it.")
             .arg(key(ActionId::longest_exposed)),
         inspector,
         [&session] {
             if (!session.traces().empty()) session.selectLongestExposed();
         }},
        {"The comparison in numbers",
         "Where the step went, peak memory per rank, overlap, and the loss curves: equal to the last bit across the "
         "stages. Every bar leads to its trace.",
         [&window]() -> QWidget* { return &window.summary(); },
         {}},
        {"Memory",
         "What every byte was for, over time. The dashed line is the plan made before the run; the run meets it to the "
         "byte.",
         canvas, [&session] { session.setPlace(Place::memory); }},
        {"Everything by name",
         QString("%1 finds every command, %2 a lane, %3 shows all keys. %4 marks a place, and a project keeps marks, "
                 "notes and bookmarks; traces are never modified.")
             .arg(key(ActionId::command_palette), key(ActionId::go_to_lane), key(ActionId::keys), key(ActionId::mark)),
         {},
         [&session] { session.setPlace(Place::compare); }},
    };
}

} // namespace shardscope::gui
