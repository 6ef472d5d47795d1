// SPDX-License-Identifier: Apache-2.0
// Draws into the current ImGui frame in the theme's colours, snapped to the screen's pixels, and counts what it drew: a
// frame stays within a budget of rectangles and labels, whatever the trace. Only for files of this module (ImGui
// types).
#pragma once
#include "gui/canvas/canvas_fonts.h"
#include "gui/canvas/theme.h"
#include <imgui.h>
#include <string_view>

namespace shardscope::gui {

struct Box {
    float x0, y0, x1, y1;
    float width() const { return x1 - x0; }
    float height() const { return y1 - y0; }
    bool contains(ImVec2 p) const { return p.x >= x0 && p.x < x1 && p.y >= y0 && p.y < y1; }
};

class VectorRecord;

inline constexpr int max_rects = 10'000, max_labels = 500;
inline constexpr int frame_rects = 1'300; // of max_rects: kept by the rows for minimap, legend and what is above them

class Painter {
public:
    explicit Painter(const Theme&); // the background layer of the current frame

    const Theme& theme() const { return m_theme; }
    float pixel() const { return m_pixel; } // one pixel of the screen
    float snapped(float at) const;          // to the nearest pixel border
    int rects() const { return m_rects; }
    int labels() const { return m_labels; }
    bool roomForRects(int count) const { return m_rects + count <= max_rects; }
    bool roomForLabels(int count) const { return m_labels + count <= max_labels; }

    void rect(Box, Rgb, float alpha = 1);                // plain, snapped, at least one pixel wide
    void block(Box, Rgb, float radius, float alpha = 1); // rounded, snapped
    void outline(Box, Rgb, float radius, float thickness, float alpha = 1);
    void line(ImVec2 from, ImVec2 to, Rgb, float thickness = 1, float alpha = 1); // smoothed; straight ones: use rect
    void dashedHorizontal(float x0, float x1, float y, Rgb);
    void triangle(ImVec2, ImVec2, ImVec2, Rgb);
    void curve(ImVec2 from, ImVec2 to, Rgb, float thickness, float alpha = 1); // leaves and arrives horizontally
    void dot(ImVec2 centre, float radius, Rgb);
    void hatch(Box, Rgb, float alpha); // diagonal lines, clipped to the box

    static float textWidth(std::string_view, Font = Font::regular);
    static float textHeight(Font = Font::regular);
    void text(float x, float y, std::string_view, Rgb, Font = Font::regular);
    void textInRow(float x, Box row, std::string_view, Rgb, Font = Font::regular); // centred vertically
    void textRight(float right, Box row, std::string_view, Rgb, Font = Font::regular);

    void pushClip(Box);
    void popClip();
    void toForeground(); // everything later lies above all that was drawn before

private:
    const Theme& m_theme;
    ImDrawList* m_list;
    VectorRecord* m_record; // the same as shapes, for exports; usually null
    float m_dpr, m_pixel;
    int m_rects = 0, m_labels = 0;
};

} // namespace shardscope::gui
