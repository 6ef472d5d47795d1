// SPDX-License-Identifier: Apache-2.0
// What a stage shards, and what that saves or does not, in a few words below its planned bar.
#pragma once
#include "gui/run_request.h"
#include <QString>

namespace shardscope::gui {

struct PlannedNote {
    QString text;
    bool warns = false; // the stage takes no less than the one before it
};

// `stages` in ascending order; a stage is held against the one before it in the list.
PlannedNote plannedNote(const std::vector<PlannedStage>& stages, size_t index, int64_t ranks);

} // namespace shardscope::gui
