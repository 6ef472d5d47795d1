// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/painter.h"
#include "gui/canvas/vector_record.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {

namespace {

ImU32 colour(Rgb rgb, float alpha) {
    const auto opacity = static_cast<ImU32>(std::clamp(alpha, 0.0f, 1.0f) * 255.0f + 0.5f);
    return IM_COL32(rgb >> 16 & 0xff, rgb >> 8 & 0xff, rgb & 0xff, opacity);
}

// Contexts made by others may hold fewer faces than ours.
ImFont* face(Font font) {
    const ImVector<ImFont*>& fonts = ImGui::GetIO().Fonts->Fonts;
    const int wanted = static_cast<int>(font);
    return fonts[wanted < fonts.Size ? wanted : 0];
}

float faceSize(const ImFont& font) { return font.FontSize * ImGui::GetIO().FontGlobalScale; }

} // namespace

Painter::Painter(const Theme& theme)
    : m_theme(theme)
    , m_list(ImGui::GetBackgroundDrawList())
    , m_record(static_cast<VectorRecord*>(ImGui::GetIO().UserData))
    , m_dpr(ImGui::GetIO().DisplayFramebufferScale.x)
    , m_pixel(1 / m_dpr) {}

float Painter::snapped(float at) const {
    const float pixels = at * m_dpr; // std::round is a call into the library on the oldest processors we build for
    return static_cast<float>(static_cast<int>(pixels + (pixels < 0 ? -0.5f : 0.5f))) * m_pixel;
}

void Painter::rect(Box box, Rgb rgb, float alpha) {
    const float x0 = snapped(box.x0), y0 = snapped(box.y0);
    const ImVec2 high(std::max(snapped(box.x1), x0 + pixel()), std::max(snapped(box.y1), y0 + pixel()));
    m_list->AddRectFilled(ImVec2(x0, y0), high, colour(rgb, alpha));
    if (m_record) m_record->rect({x0, y0, high.x, high.y}, rgb, alpha, 0);
    ++m_rects;
}

void Painter::block(Box box, Rgb rgb, float radius, float alpha) {
    // Corners cost thirty triangles each and cannot be seen on slivers.
    if (box.width() < 3 * radius) return rect(box, rgb, alpha);
    m_list->AddRectFilled(ImVec2(snapped(box.x0), snapped(box.y0)), ImVec2(snapped(box.x1), snapped(box.y1)),
                          colour(rgb, alpha), radius);
    if (m_record) m_record->rect({box.x0, box.y0, box.x1, box.y1}, rgb, alpha, radius);
    ++m_rects;
}

void Painter::outline(Box box, Rgb rgb, float radius, float thickness, float alpha) {
    m_list->AddRect(ImVec2(snapped(box.x0), snapped(box.y0)), ImVec2(snapped(box.x1), snapped(box.y1)),
                    colour(rgb, alpha), radius, 0, thickness);
    if (m_record) m_record->outline({box.x0, box.y0, box.x1, box.y1}, rgb, alpha, radius, thickness);
    ++m_rects;
}

void Painter::line(ImVec2 from, ImVec2 to, Rgb rgb, float thickness, float alpha) {
    m_list->AddLine(from, to, colour(rgb, alpha), thickness);
    if (m_record) m_record->line(from.x, from.y, to.x, to.y, rgb, alpha, thickness);
    ++m_rects;
}

void Painter::dashedHorizontal(float x0, float x1, float y, Rgb rgb) {
    constexpr float dash = 3, gap = 3;
    // One dash costs one rectangle; a very wide canvas gets longer ones rather than more than a few hundred.
    const float stretch = std::max(1.0f, (x1 - x0) / (400 * (dash + gap)));
    for (float x = x0; x < x1; x += (dash + gap) * stretch)
        rect({x, y, std::min(x + dash * stretch, x1), y + pixel()}, rgb);
}

void Painter::triangle(ImVec2 a, ImVec2 b, ImVec2 c, Rgb rgb) {
    m_list->AddTriangleFilled(a, b, c, colour(rgb, 1));
    if (m_record) m_record->polygon({{a.x, a.y}, {b.x, b.y}, {c.x, c.y}}, rgb, 1);
    ++m_rects;
}

void Painter::curve(ImVec2 from, ImVec2 to, Rgb rgb, float thickness, float alpha) {
    const float bend = std::clamp(std::abs(to.x - from.x) / 2, 14.0f, 60.0f);
    m_list->AddBezierCubic(from, {from.x + bend, from.y}, {to.x - bend, to.y}, to, colour(rgb, alpha), thickness);
    if (m_record)
        m_record->curve({from.x, from.y, from.x + bend, from.y, to.x - bend, to.y, to.x, to.y}, rgb, alpha, thickness);
    ++m_rects;
}

void Painter::dot(ImVec2 centre, float radius, Rgb rgb) {
    m_list->AddCircleFilled(centre, radius, colour(rgb, 1));
    if (m_record) m_record->circle(centre.x, centre.y, radius, rgb, 1);
    ++m_rects;
}

void Painter::hatch(Box box, Rgb rgb, float alpha) {
    constexpr float spacing = 5;
    const float height = box.height();
    // Anchored to the screen, so that neighbouring hatched areas continue each other.
    const float first = std::floor((box.x0 - height) / spacing) * spacing;
    for (float foot = first; foot < box.x1 && roomForRects(1); foot += spacing) {
        const float from = std::max(foot, box.x0), to = std::min(foot + height, box.x1);
        if (from < to) line({from, box.y1 - (from - foot)}, {to, box.y1 - (to - foot)}, rgb, 1, alpha);
    }
}

float Painter::textWidth(std::string_view text, Font font) {
    const ImFont* f = face(font);
    return f->CalcTextSizeA(faceSize(*f), 1e9f, 0, text.data(), text.data() + text.size()).x;
}

float Painter::textHeight(Font font) { return faceSize(*face(font)); }

void Painter::text(float x, float y, std::string_view text, Rgb rgb, Font font) {
    if (text.empty() || !roomForLabels(1)) return;
    const ImFont* f = face(font);
    m_list->AddText(f, faceSize(*f), ImVec2(x, y), colour(rgb, 1), text.data(), text.data() + text.size());
    if (m_record) // ImGui's size is ascent and descent, that of a document the em square
        m_record->text(x, y + f->Ascent * ImGui::GetIO().FontGlobalScale, textWidth(text, font),
                       font == Font::axis ? metrics::font_axis : metrics::font_small, text, rgb, font);
    ++m_labels;
}

void Painter::textInRow(float x, Box row, std::string_view line, Rgb rgb, Font font) {
    text(x, std::round(row.y0 + (row.height() - textHeight(font)) / 2), line, rgb, font);
}

void Painter::textRight(float right, Box row, std::string_view line, Rgb rgb, Font font) {
    textInRow(right - textWidth(line, font), row, line, rgb, font);
}

void Painter::pushClip(Box box) {
    m_list->PushClipRect(ImVec2(snapped(box.x0), snapped(box.y0)), ImVec2(snapped(box.x1), snapped(box.y1)), true);
    if (m_record) m_record->pushClip({box.x0, box.y0, box.x1, box.y1});
}
void Painter::popClip() {
    m_list->PopClipRect();
    if (m_record) m_record->popClip();
}
void Painter::toForeground() {
    m_list = ImGui::GetForegroundDrawList();
    if (m_record) m_record->toForeground();
}

} // namespace shardscope::gui
