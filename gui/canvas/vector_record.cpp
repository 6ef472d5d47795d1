// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/vector_record.h"
#include <QString>
#include <algorithm>
#include <cstdio>

namespace shardscope::gui {

namespace {

std::string number(float value) { // two decimals at most, and never in the locale of the user
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", static_cast<double>(value));
    std::string digits(text);
    std::replace(digits.begin(), digits.end(), ',', '.');
    while (digits.back() == '0') digits.pop_back();
    if (digits.back() == '.') digits.pop_back();
    return digits == "-0" ? "0" : digits;
}

std::string hex(Rgb colour) {
    char text[16];
    std::snprintf(text, sizeof text, "#%06x", colour & 0xffffffu);
    return text;
}

std::string paint(const char* kind, Rgb colour, float alpha) {
    std::string text = std::string(" ") + kind + "=\"" + hex(colour) + "\"";
    if (alpha < 1) text += std::string(" ") + kind + "-opacity=\"" + number(std::max(alpha, 0.0f)) + "\"";
    return text;
}

std::string boxOf(VectorBox box) {
    return " x=\"" + number(box.x0) + "\" y=\"" + number(box.y0) + "\" width=\"" +
           number(std::max(0.0f, box.x1 - box.x0)) + "\" height=\"" + number(std::max(0.0f, box.y1 - box.y0)) + "\"";
}

VectorBox common(VectorBox a, VectorBox b) {
    return {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)};
}

const char* familyOf(Font font) {
    return font == Font::mono ? "'Noto Sans Mono','DejaVu Sans Mono',monospace" : "Inter,'DejaVu Sans',sans-serif";
}

} // namespace

std::string escapedXml(std::string_view utf8) {
    const QString text = QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size()));
    QString clean;
    clean.reserve(text.size());
    for (const QChar c : text) {
        const char16_t code = c.unicode();
        const bool allowed = code == '\t' || code == '\n' || (code >= 0x20 && code < 0xfffe);
        clean += allowed ? c : QChar(QChar::ReplacementCharacter);
    }
    return clean.toHtmlEscaped().toStdString();
}

VectorRecord::VectorRecord(float width, float height, Rgb background)
    : m_width(width)
    , m_height(height)
    , m_background(background) {
    for (auto& clips : m_clips) clips.push_back({0, 0, width, height});
}

void VectorRecord::rect(VectorBox box, Rgb colour, float alpha, float radius) {
    const VectorBox shown = common(box, clip());
    if (shown.empty()) return;
    out() += "<rect" + boxOf(shown) + (radius > 0 ? " rx=\"" + number(radius) + "\"" : "") +
             paint("fill", colour, alpha) + "/>\n";
    ++m_shapes;
}

void VectorRecord::outline(VectorBox box, Rgb colour, float alpha, float radius, float thickness) {
    const VectorBox shown = common(box, clip());
    if (shown.empty()) return;
    out() += "<rect" + boxOf(shown) + (radius > 0 ? " rx=\"" + number(radius) + "\"" : "") + " fill=\"none\"" +
             paint("stroke", colour, alpha) + " stroke-width=\"" + number(thickness) + "\"/>\n";
    ++m_shapes;
}

void VectorRecord::line(float x0, float y0, float x1, float y1, Rgb colour, float alpha, float thickness) {
    // The part of the line within the clip, edge by edge (Liang and Barsky).
    const VectorBox box = clip();
    const float dx = x1 - x0, dy = y1 - y0;
    float from = 0, to = 1;
    for (const auto& [step, room] :
         {std::pair{-dx, x0 - box.x0}, {dx, box.x1 - x0}, {-dy, y0 - box.y0}, {dy, box.y1 - y0}}) {
        if (step == 0) {
            if (room < 0) return;
        } else if (step < 0) {
            from = std::max(from, room / step);
        } else {
            to = std::min(to, room / step);
        }
    }
    if (from > to) return;
    out() += "<line x1=\"" + number(x0 + from * dx) + "\" y1=\"" + number(y0 + from * dy) + "\" x2=\"" +
             number(x0 + to * dx) + "\" y2=\"" + number(y0 + to * dy) + "\"" + paint("stroke", colour, alpha) +
             " stroke-width=\"" + number(thickness) + "\"/>\n";
    ++m_shapes;
}

void VectorRecord::polygon(std::initializer_list<std::pair<float, float>> points, Rgb colour, float alpha) {
    std::string list;
    bool seen = false;
    for (const auto& [x, y] : points) {
        list += (list.empty() ? "" : " ") + number(x) + "," + number(y);
        seen |= clip().contains(x, y);
    }
    if (!seen) return;
    out() += "<polygon points=\"" + list + "\"" + paint("fill", colour, alpha) + "/>\n";
    ++m_shapes;
}

void VectorRecord::curve(const float (&points)[8], Rgb colour, float alpha, float thickness) {
    if (!clip().contains(points[0], points[1]) && !clip().contains(points[6], points[7])) return;
    out() += "<path d=\"M" + number(points[0]) + " " + number(points[1]) + " C";
    for (int i = 2; i < 8; ++i) out() += number(points[i]) + " ";
    out() += "\" fill=\"none\"" + paint("stroke", colour, alpha) + " stroke-width=\"" + number(thickness) + "\"/>\n";
    ++m_shapes;
}

void VectorRecord::circle(float x, float y, float radius, Rgb colour, float alpha) {
    if (!clip().contains(x, y)) return;
    out() += "<circle cx=\"" + number(x) + "\" cy=\"" + number(y) + "\" r=\"" + number(radius) + "\"" +
             paint("fill", colour, alpha) + "/>\n";
    ++m_shapes;
}

void VectorRecord::text(float x, float baseline, float width, float size, std::string_view words, Rgb colour,
                        Font font) {
    if (common({x, baseline - size, x + std::max(width, 1.0f), baseline}, clip()).empty()) return;
    out() += "<text x=\"" + number(x) + "\" y=\"" + number(baseline) + "\" font-family=\"" + familyOf(font) +
             "\" font-size=\"" + number(size) + "\"" + (font == Font::bold ? " font-weight=\"600\"" : "") +
             (width > 0 ? " textLength=\"" + number(width) + "\" lengthAdjust=\"spacingAndGlyphs\"" : "") +
             " xml:space=\"preserve\"" + paint("fill", colour, 1) + ">" + escapedXml(words) + "</text>\n";
    ++m_shapes;
}

void VectorRecord::pushClip(VectorBox box) { m_clips[m_layer].push_back(common(box, clip())); }

void VectorRecord::popClip() {
    if (m_clips[m_layer].size() > 1) m_clips[m_layer].pop_back();
}

std::string VectorRecord::svg() const {
    const std::string width = number(m_width), height = number(m_height);
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width +
           "\" height=\"" + height + "\" viewBox=\"0 0 " + width + " " + height + "\">\n<rect width=\"" + width +
           "\" height=\"" + height + "\"" + paint("fill", m_background, 1) + "/>\n" + m_layers[0] + m_layers[1] +
           "</svg>\n";
}

} // namespace shardscope::gui
