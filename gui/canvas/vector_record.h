// SPDX-License-Identifier: Apache-2.0
// What a Painter draws, as shapes and text instead of triangles: the canvas as an SVG document whose text stays text.
// While a record stands in ImGui's user data, every Painter of that frame writes into it too. Clips cut the shapes
// themselves, because many readers of SVG, Qt's among them, know no clip paths.
#pragma once
#include "gui/canvas/canvas_fonts.h"
#include "gui/canvas/theme.h"
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shardscope::gui {

struct VectorBox {
    float x0, y0, x1, y1;
    bool empty() const { return x1 <= x0 || y1 <= y0; }
    bool contains(float x, float y) const { return x >= x0 && x <= x1 && y >= y0 && y <= y1; }
};

class VectorRecord {
public:
    VectorRecord(float width, float height, Rgb background);

    void rect(VectorBox, Rgb, float alpha, float radius);
    void outline(VectorBox, Rgb, float alpha, float radius, float thickness);
    void line(float x0, float y0, float x1, float y1, Rgb, float alpha, float thickness);
    void polygon(std::initializer_list<std::pair<float, float>> points, Rgb, float alpha);
    void curve(const float (&points)[8], Rgb, float alpha, float thickness); // of Bézier: x and y of four points
    void circle(float x, float y, float radius, Rgb, float alpha);
    // `baseline` is where the letters stand; `width` what they take on the screen, which a viewer with other fonts
    // keeps.
    void text(float x, float baseline, float width, float size, std::string_view, Rgb, Font);
    void pushClip(VectorBox); // within the clip before
    void popClip();
    void toForeground() { m_layer = 1; } // everything later lies above all that was drawn before

    std::string svg() const;
    int shapes() const { return m_shapes; }

private:
    std::string& out() { return m_layers[m_layer]; }
    VectorBox clip() const { return m_clips[m_layer].back(); }
    float m_width, m_height;
    Rgb m_background;
    std::string m_layers[2];
    std::vector<VectorBox> m_clips[2]; // the lowest is the whole document
    int m_layer = 0;
    int m_shapes = 0;
};

// Text and attribute values of XML; what XML cannot hold becomes U+FFFD.
std::string escapedXml(std::string_view utf8);

} // namespace shardscope::gui
