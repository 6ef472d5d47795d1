// SPDX-License-Identifier: Apache-2.0
#include "gui/panels/planned_notes.h"
#include "gui/canvas/format.h"
#include "gui/style.h"

namespace shardscope::gui {
namespace {

QString shardedAt(int stage, int64_t ranks) {
    const QString share = QString(" ÷ %1").arg(ranks);
    switch (stage) {
    case 0:
        return "everything whole on every rank";
    case 1:
        return "optimizer and master weights" + share;
    case 2:
        return "+ gradients" + share;
    default:
        return "+ parameters" + share;
    }
}

} // namespace

PlannedNote plannedNote(const std::vector<PlannedStage>& stages, size_t index, int64_t ranks) {
    const PlannedStage& stage = stages[index];
    PlannedNote note{shardedAt(stage.stage, ranks)};
    if (index == 0) return note;
    const PlannedStage& before = stages[index - 1];
    const int64_t saved = before.total - stage.total;
    if (saved > 0) {
        note.text += ", saves " + text(formatBytes(saved));
        return note;
    }
    note.warns = true;
    const int64_t buffers = stage.bytes[static_cast<size_t>(MemoryCategory::comm_buffers)];
    note.text += saved == 0 ? QString(", saves nothing") : ", takes " + text(formatBytes(-saved)) + " more";
    const auto parameters = [](const PlannedStage& of) {
        return of.bytes[static_cast<size_t>(MemoryCategory::parameters)];
    };
    if (parameters(stage) > parameters(before))
        note.text += ": gathered ones on top";
    else if (buffers > before.bytes[static_cast<size_t>(MemoryCategory::comm_buffers)])
        note.text += ": buffers take " + text(formatBytes(buffers));
    return note;
}

} // namespace shardscope::gui
