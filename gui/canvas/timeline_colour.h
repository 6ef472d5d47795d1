// SPDX-License-Identifier: Apache-2.0
// Which colour and pattern a block has in each colouring of the timeline, and what the legend calls it. Colours repeat
// after eight, patterns tell the rounds apart. No ImGui.
#pragma once
#include "gui/canvas/timeline_cache.h"
#include <string>

namespace shardscope::gui {

struct BlockPaint {
    Rgb colour = 0;
    Pattern pattern = Pattern::none;
    int64_t key = 0; // equal for what the legend shows as one
    bool operator==(const BlockPaint&) const = default;
};

// `name` is the block's own, or -1 where it stands for several.
BlockPaint paintOf(TimelineColouring, const LaneBlock&, int64_t name, const Theme&);
std::string legendText(TimelineColouring, const BlockPaint&, int32_t head_layer, const std::string& name);

} // namespace shardscope::gui
