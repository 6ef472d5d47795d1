// SPDX-License-Identifier: Apache-2.0
// What the shell itself offers in the command palette: its actions, the lanes of the active trace, the steps.
#include "gui/canvas/format.h"
#include "gui/panels/command_palette.h"
#include "gui/session.h"
#include "gui/style.h"

namespace shardscope::gui {

PaletteSource commandEntries(Session& session) {
    return [&session](const QString&, std::vector<PaletteEntry>& entries) {
        for (const ActionSpec& spec : actionTable()) {
            if (spec.id == ActionId::command_palette) continue; // it is open
            QAction* action = session.actions().get(spec.id);
            entries.push_back({.title = action->text(),
                               .detail = QString::fromUtf8(spec.menu).replace('/', " › "),
                               .keys = action->shortcut().toString(QKeySequence::NativeText),
                               .run = [action] { action->trigger(); },
                               .enabled = action->isEnabled()});
        }
    };
}

PaletteSource laneEntries(Session& session, std::function<void(int trace_id, int lane)> reveal) {
    return [&session, reveal = std::move(reveal)](const QString&, std::vector<PaletteEntry>& entries) {
        const OpenTrace* trace = session.active();
        if (!trace) return;
        const auto lanes = trace->reader->lanes();
        for (size_t i = 0; i < lanes.size(); ++i) {
            const LaneInfo& lane = lanes[i];
            const QString rank = lane.rank < 0 ? QString("no rank") : QString("rank %1").arg(lane.rank);
            entries.push_back({.title = text(lane.name),
                               .detail = rank + " · " + text(toText(lane.kind)),
                               .keys = {},
                               .run = [reveal, id = trace->id, i] { reveal(id, static_cast<int>(i)); }});
        }
    };
}

PaletteSource stepEntries(Session& session) {
    return [&session](const QString& typed, std::vector<PaletteEntry>& entries) {
        const OpenTrace* trace = session.active();
        QString digits = typed;
        digits.remove("step", Qt::CaseInsensitive);
        bool number = false;
        const int wanted = digits.trimmed().toInt(&number);
        if (!trace) return;
        for (const StepEvent& step : trace->reader->steps()) {
            const QString name = QString::number(step.step);
            if (number ? !name.startsWith(QString::number(wanted)) : !digits.trimmed().isEmpty()) continue;
            entries.push_back({.title = "Go to step " + name,
                               .detail = text(formatDuration(step.end_ns - step.start_ns)),
                               .keys = {},
                               .run = [&session, at = step.step] { session.setStep(at); },
                               .always = number && step.step == wanted});
            if (entries.size() > 4 * PaletteModel::most_shown) return;
        }
    };
}

} // namespace shardscope::gui
