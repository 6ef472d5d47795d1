// SPDX-License-Identifier: Apache-2.0
// A chosen stretch of time as a band over all lanes, with how long it is.
#include "gui/canvas/format.h"
#include "gui/canvas/timeline_drawing.h"
#include <cmath>

namespace shardscope::gui {

void drawRangeBand(TimelineDrawing& d) {
    if (!d.selection.range) return;
    const TimeRange range = *d.selection.range;
    Painter& p = d.painter;
    const Theme& theme = p.theme();
    const float x0 = std::clamp(d.axis.x(range.start_ns), d.axis.x0, d.axis.x1);
    const float x1 = std::clamp(d.axis.x(range.end_ns), d.axis.x0, d.axis.x1);
    if (x1 <= x0 && (range.end_ns < d.axis.visible.start_ns || range.start_ns > d.axis.visible.end_ns)) return;
    p.rect({x0, d.content.y0, x1, d.content.y1}, theme.accent, 0.12f);
    for (const auto& [x, at] : {std::pair{x0, range.start_ns}, {x1, range.end_ns}})
        if (at >= d.axis.visible.start_ns && at <= d.axis.visible.end_ns)
            p.rect({x, d.content.y0, x + p.pixel(), d.content.y1}, theme.accent);

    const std::string text = formatDuration(range.duration());
    const float width = Painter::textWidth(text, Font::axis) + 16;
    const float left = std::clamp((x0 + x1 - width) / 2, d.axis.x0, std::max(d.axis.x0, d.axis.x1 - width));
    const Box pill{std::round(left), d.content.y1 - 24, std::round(left + width), d.content.y1 - 6};
    p.block(pill, theme.accent, 4);
    p.textInRow(pill.x0 + 8, pill, text, textOn(theme.accent), Font::axis);
}

} // namespace shardscope::gui
