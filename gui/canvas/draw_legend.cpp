// SPDX-License-Identifier: Apache-2.0
// The row below the lanes that says what their colours mean: of what was drawn in this frame, and no more.
#include "gui/canvas/timeline_drawing.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {

namespace {

constexpr float swatch = 11, after_swatch = 5, between = 14, widest_text = 220;

Box swatchAt(float x, Box row) {
    const float y = (row.y0 + row.y1 - swatch) / 2;
    return {x, y, x + swatch, y + swatch};
}

} // namespace

void countForLegend(TimelineDrawing& d, const BlockPaint& paint, float width_px, const std::string* name) {
    LegendEntry& entry = d.legend[paint.key];
    entry.paint = paint;
    entry.width_px += width_px;
    if (name && entry.name.empty()) entry.name = *name;
}

void drawPattern(Painter& p, Box box, Pattern pattern, Rgb on) {
    if (pattern == Pattern::none || box.width() < p.pixel() || box.height() < 3) return;
    const Rgb ink = textOn(on);
    constexpr float alpha = 0.3f, step = 6;
    const float first = std::ceil(box.x0 / step) * step; // anchored to the screen, as the hatching is
    switch (pattern) {
    case Pattern::none:
        return;
    case Pattern::bars:
        for (float x = first; x < box.x1 - 1 && p.roomForRects(64); x += step)
            p.rect({x, box.y0, x + 1, box.y1}, ink, alpha);
        return;
    case Pattern::dots:
        for (float x = first; x < box.x1 - 2 && p.roomForRects(64); x += step)
            for (float y = box.y0 + 3; y < box.y1 - 2; y += step) p.rect({x, y, x + 2, y + 2}, ink, alpha);
        return;
    case Pattern::rule:
        for (float y = std::ceil(box.y0 / 5) * 5; y < box.y1 - 1 && p.roomForRects(64); y += 5)
            p.rect({box.x0, y, box.x1, y + 1}, ink, alpha);
        return;
    case Pattern::hatch:
        p.hatch(box, ink, alpha);
        return;
    }
}

void drawLegend(TimelineDrawing& d) {
    Painter& p = d.painter;
    const Theme& theme = p.theme();
    const Box row{0, d.content.y1, d.content.x1, d.content.y1 + timeline_metrics::legend_height};
    p.rect(row, theme.panel);
    p.rect({0, row.y0, row.x1, row.y0 + p.pixel()}, theme.line);
    constexpr const char* titles[] = {"colour: operation", "colour: layer", "colour: bucket", "colour: name"};
    p.textInRow(12, row, titles[static_cast<size_t>(d.model.colouring)], theme.dim, Font::axis);

    std::vector<LegendEntry> entries;
    for (const auto& [key, entry] : d.legend) entries.push_back(entry);
    if (d.model.colouring == TimelineColouring::name) // names have no order of their own: the busiest first
        std::stable_sort(entries.begin(), entries.end(),
                         [](const LegendEntry& a, const LegendEntry& b) { return a.width_px > b.width_px; });
    float x = d.axis.x0;
    const auto place = [&](const std::string& text) -> std::optional<Box> {
        const std::string shown = elided(text, widest_text, Font::axis);
        const float end = x + swatch + after_swatch + Painter::textWidth(shown, Font::axis);
        if (end > d.axis.x1) return {};
        const Box box = swatchAt(x, row);
        p.textInRow(x + swatch + after_swatch, row, shown, theme.dim, Font::axis);
        x = end + between;
        return box;
    };
    const int32_t head = d.model.traces.empty() ? -1 : d.cache.headLayer(*d.model.traces.front().reader);
    for (const LegendEntry& entry : entries) {
        const auto box = place(legendText(d.model.colouring, entry.paint, head, entry.name));
        if (!box) return;
        p.block(*box, entry.paint.colour, 2);
        drawPattern(p, *box, entry.paint.pattern, entry.paint.colour);
    }
    if (d.drew_waiting)
        if (const auto box = place("waiting for other ranks")) {
            p.block(*box, operationColour(OpClass::reduce_scatter, Phase::backward), 2);
            p.rect({box->x0 + 1, box->y0 + 1, box->x1 - 1, box->y1 - 1}, 0xffffff, 0.42f);
        }
    if (d.drew_emulated)
        if (const auto box = place("emulated")) {
            p.block(*box, operationColour(OpClass::reduce_scatter, Phase::backward), 2);
            p.hatch(*box, 0x000000, 0.24f);
        }
    if (d.drew_exposed)
        if (const auto box = place("exposed")) p.rect({box->x0, box->y1 - 3, box->x1, box->y1 - 1}, theme.bad);
}

} // namespace shardscope::gui
