// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/timeline_colour.h"
#include <algorithm>

namespace shardscope::gui {

namespace {

constexpr int64_t without_number = -1000; // below the embedding, which is layer -2

BlockPaint counted(int64_t number) {
    const int64_t round = number / series_colours % 4;
    return {seriesColour(number), static_cast<Pattern>(std::max<int64_t>(0, round)), number};
}

std::string spaced(std::string_view word) {
    std::string text(word);
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

} // namespace

BlockPaint paintOf(TimelineColouring colouring, const LaneBlock& block, int64_t name, const Theme& theme) {
    const BlockPaint nothing{mix(theme.faint, theme.background, 0.35f), Pattern::none, without_number};
    switch (colouring) {
    case TimelineColouring::layer:
        if (block.layer == -1) return nothing;
        if (block.layer < 0) return {theme.dim, Pattern::none, block.layer};
        return counted(block.layer);
    case TimelineColouring::bucket:
        return block.bucket < 0 ? nothing : counted(block.bucket);
    case TimelineColouring::name:
        return name < 0 ? nothing : counted(name);
    case TimelineColouring::operation:
        break;
    }
    const bool by_phase = block.op_class == OpClass::compute;
    return {operationColour(block.op_class, block.phase), operationPattern(block.op_class),
            (by_phase ? 0 : 100) +
                static_cast<int64_t>(by_phase ? static_cast<int>(block.phase) : static_cast<int>(block.op_class))};
}

std::string legendText(TimelineColouring colouring, const BlockPaint& paint, int32_t head_layer,
                       const std::string& name) {
    if (paint.key == without_number)
        return colouring == TimelineColouring::layer    ? "no layer"
               : colouring == TimelineColouring::bucket ? "no bucket"
                                                        : "several, zoom in";
    switch (colouring) {
    case TimelineColouring::layer:
        return paint.key < 0                               ? "embedding"
               : paint.key == head_layer && head_layer > 0 ? "head"
                                                           : "layer " + std::to_string(paint.key);
    case TimelineColouring::bucket:
        return "bucket " + std::to_string(paint.key);
    case TimelineColouring::name:
        return name;
    case TimelineColouring::operation:
        break;
    }
    if (paint.key >= 100) return spaced(toText(static_cast<OpClass>(paint.key - 100)));
    return static_cast<Phase>(paint.key) == Phase::unknown ? "compute"
                                                           : std::string(toText(static_cast<Phase>(paint.key)));
}

} // namespace shardscope::gui
