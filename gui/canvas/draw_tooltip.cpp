// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/timeline_drawing.h"
#include <cmath>

namespace shardscope::gui {

void drawTooltip(Painter& p, const TooltipText& text, ImVec2 mouse) {
    if (text.title.empty()) return;
    constexpr float padding = 10, line = 18, between_columns = 20, from_mouse = 14, widest = 460;
    const Theme& theme = p.theme();
    const std::string because = text.because.empty() ? "" : "because of";
    const std::string title = elided(text.title, widest, Font::bold), subtitle = elided(text.subtitle, widest);

    float names = 0, values = 0;
    for (const auto& [name, value] : text.rows) {
        names = std::max(names, Painter::textWidth(name));
        values = std::max(values, Painter::textWidth(value));
    }
    values = std::min(values, widest - names - between_columns);
    float width = std::max({Painter::textWidth(title, Font::bold), Painter::textWidth(subtitle),
                            names + (text.rows.empty() ? 0 : between_columns) + values});
    if (!because.empty())
        width = std::max(width, Painter::textWidth(because) + 8 + Painter::textWidth(text.because, Font::mono));
    const float rule = because.empty() ? 0 : 9;
    const auto lines = static_cast<float>(text.rows.size() + 2 + (because.empty() ? 0 : 1));
    const float box_width = width + 2 * padding, box_height = lines * line + rule + 4 + 2 * padding - 4;

    const ImVec2 display = ImGui::GetIO().DisplaySize;
    float x = mouse.x + from_mouse, y = mouse.y + from_mouse;
    if (x + box_width > display.x - 4) x = mouse.x - from_mouse - box_width;
    if (y + box_height > display.y - 4) y = mouse.y - from_mouse - box_height;
    x = std::round(std::max(4.0f, x));
    y = std::round(std::max(4.0f, y));

    const Box box{x, y, x + box_width, y + box_height};
    p.block({box.x0 + 1, box.y0 + 3, box.x1 + 1, box.y1 + 3}, 0x000000, metrics::control_radius, 0.22f); // shadow
    p.block(box, theme.raised, metrics::control_radius);
    p.outline(box, theme.line, metrics::control_radius, 1);

    float row_y = box.y0 + padding - 2;
    const auto row = [&] {
        const Box r{box.x0, row_y, box.x1, row_y + line};
        row_y += line;
        return r;
    };
    const float left = box.x0 + padding, right = box.x1 - padding;
    p.textInRow(left, row(), title, theme.text, Font::bold);
    p.textInRow(left, row(), subtitle, theme.dim);
    row_y += 4;
    for (const auto& [name, value] : text.rows) {
        const Box r = row();
        p.textInRow(left, r, name, theme.dim);
        p.textRight(right, r, elided(value, values + 1), theme.text);
    }
    if (because.empty()) return;
    p.rect({left, row_y + 4, right, row_y + 4 + p.pixel()}, theme.line);
    row_y += rule;
    const Box r = row();
    p.textInRow(left, r, because, theme.dim);
    p.textInRow(left + Painter::textWidth(because) + 8, r, text.because, theme.accent, Font::mono);
}

} // namespace shardscope::gui
