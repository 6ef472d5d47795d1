// SPDX-License-Identifier: Apache-2.0
// Marks on the blocks of a comparison: a strip along the upper edge, by its colour and a small sign at its end, which
// says the same without colour: up for slower, down for faster, a diamond for what not all runs have.
#include "gui/canvas/timeline_drawing.h"
#include <cmath>

namespace shardscope::gui {

namespace {

constexpr float strip = 3, thin_strip = 2, sign_px = 7, least_px = 2.5f;

Rgb markColour(const Theme& theme, OpDifference kind) {
    switch (kind) {
    case OpDifference::slower:
        return theme.bad;
    case OpDifference::faster:
        return theme.good;
    case OpDifference::only_here:
    case OpDifference::missing_elsewhere:
        break;
    }
    return theme.attention;
}

} // namespace

const OpMark* differenceOf(TimelineDrawing& d, int trace, const LaneBlock& block, float width) {
    const TraceView& view = d.view(trace);
    if (!view.differences || block.merged || width < least_px) return nullptr;
    const std::optional<IntervalDetails>& details = d.cache.details(*view.reader, block);
    if (!details) return nullptr;
    const size_t micro_batch = details->name.rfind(", micro-batch ");
    return view.differences->find(details->event.phase, details->name.substr(0, micro_batch));
}

void drawDifferenceStrip(Painter& p, Box block, const OpMark& mark) {
    p.rect({block.x0, block.y0, block.x1, block.y0 + thin_strip + p.pixel()}, p.theme().background, 0.85f);
    p.rect({block.x0, block.y0, block.x1, block.y0 + thin_strip}, markColour(p.theme(), mark.kind));
}

void drawDifference(Painter& p, Box block, const OpMark& mark) {
    const Theme& theme = p.theme();
    const Rgb colour = markColour(theme, mark.kind);
    // The panel's colour below keeps the strip apart from a block of its own hue.
    p.rect({block.x0, block.y0, block.x1, block.y0 + strip + 1}, theme.background, 0.85f);
    p.rect({block.x0, block.y0, block.x1, block.y0 + strip}, colour);
    if (block.width() < 2 * sign_px + 4) return;
    const float right = block.x1 - 3, centre = std::round(right - sign_px / 2), y = block.y0 + strip + 3;
    const Box plate{right - sign_px - 2, y - 2, right + 2, y + sign_px + 1};
    p.block(plate, theme.background, 2, 0.85f);
    switch (mark.kind) {
    case OpDifference::slower:
        p.line({centre - 3, y + 5}, {centre, y + 0.5f}, colour, 1.6f);
        p.line({centre, y + 0.5f}, {centre + 3, y + 5}, colour, 1.6f);
        break;
    case OpDifference::faster:
        p.line({centre - 3, y + 0.5f}, {centre, y + 5}, colour, 1.6f);
        p.line({centre, y + 5}, {centre + 3, y + 0.5f}, colour, 1.6f);
        break;
    case OpDifference::only_here:
        p.dot({centre, y + 3}, 3, colour);
        break;
    case OpDifference::missing_elsewhere:
        p.outline({centre - 3, y, centre + 3, y + 6}, colour, 3, 1.4f);
        break;
    }
}

} // namespace shardscope::gui
