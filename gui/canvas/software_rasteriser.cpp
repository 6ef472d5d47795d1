// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/software_rasteriser.h"
#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <imgui.h>
#include <thread>
#include <vector>

namespace shardscope::gui {

namespace {

struct Clip { // pixels, end exclusive
    int x0, y0, x1, y1;
};

struct Target {
    uint32_t* pixels;
    int stride; // in pixels
    uint32_t* row(int y) const { return pixels + static_cast<ptrdiff_t>(y) * stride; }
};

// dst * (255 - a) + src * a, divided by 255 and rounded, two channels at a time.
inline uint32_t blend(uint32_t dst, uint32_t src, uint32_t a) {
    const uint32_t b = 255 - a;
    uint32_t rb = (dst & 0xff00ff) * b + (src & 0xff00ff) * a + 0x800080;
    uint32_t g = (dst >> 8 & 0xff) * b + (src >> 8 & 0xff) * a + 0x80;
    rb = (rb + (rb >> 8 & 0xff00ff)) >> 8 & 0xff00ff;
    g = (g + (g >> 8)) >> 8;
    return 0xff000000u | rb | g << 8;
}

inline uint32_t multiply255(uint32_t a, uint32_t b) {
    const uint32_t p = a * b + 128;
    return (p + (p >> 8)) >> 8;
}

inline uint32_t toRgb(ImU32 c) { return (c & 0xff) << 16 | (c & 0xff00) | (c >> 16 & 0xff); }
inline uint32_t alphaOf(ImU32 c) { return c >> 24; }

// The first pixel whose centre is at or right of x; clamped before the conversion, which would overflow for far-off
// shapes.
inline int firstPixel(float x) {
    const float shifted = std::clamp(x, -1e6f, 1e6f) - 0.5f;
    const int whole = static_cast<int>(shifted); // std::ceil is a call into the library on older processors
    return whole + (shifted > static_cast<float>(whole));
}

void fillSpan(uint32_t* from, uint32_t* to, uint32_t rgb, uint32_t a) {
    if (a == 255) {
        std::fill(from, to, 0xff000000u | rgb);
        return;
    }
    for (; from < to; ++from) *from = blend(*from, rgb, a);
}

void fillRect(const Target& target, const Clip& clip, ImVec2 low, ImVec2 high, ImU32 colour) {
    const int x0 = std::max(firstPixel(low.x), clip.x0), x1 = std::min(firstPixel(high.x), clip.x1);
    const int y0 = std::max(firstPixel(low.y), clip.y0), y1 = std::min(firstPixel(high.y), clip.y1);
    if (x0 >= x1) return;
    for (int y = y0; y < y1; ++y) fillSpan(target.row(y) + x0, target.row(y) + x1, toRgb(colour), alphaOf(colour));
}

// A texel index and how much of the next texel belongs to the sample, in 1/256.
struct Tap {
    int texel, next;
    uint32_t weight;
};

inline Tap tapAt(float coordinate, int size) { // coordinate in texels, centres at .5
    const float shifted = std::clamp(coordinate - 0.5f, 0.0f, static_cast<float>(size - 1));
    const int texel = static_cast<int>(shifted);
    return {texel, std::min(texel + 1, size - 1),
            static_cast<uint32_t>((shifted - static_cast<float>(texel)) * 256.0f + 0.5f)};
}

inline uint32_t sample(const AlphaTexture& texture, const Tap& x, const Tap& y) {
    const uint8_t* upper = texture.alpha + static_cast<ptrdiff_t>(y.texel) * texture.width;
    const uint8_t* lower = texture.alpha + static_cast<ptrdiff_t>(y.next) * texture.width;
    const uint32_t top = upper[x.texel] * (256 - x.weight) + upper[x.next] * x.weight;
    const uint32_t bottom = lower[x.texel] * (256 - x.weight) + lower[x.next] * x.weight;
    return (top * (256 - y.weight) + bottom * y.weight + 0x8000) >> 16;
}

constexpr int widest_glyph = 512; // pixels; wider textured quads take the triangle path

// An axis-aligned textured rectangle, which is what every glyph is.
void fillGlyph(const Target& target, const Clip& clip, const AlphaTexture& texture, const ImDrawVert& low,
               const ImDrawVert& high) {
    const int x0 = std::max(firstPixel(low.pos.x), clip.x0), x1 = std::min(firstPixel(high.pos.x), clip.x1);
    const int y0 = std::max(firstPixel(low.pos.y), clip.y0), y1 = std::min(firstPixel(high.pos.y), clip.y1);
    if (x0 >= x1 || y0 >= y1) return;
    const float u_per_px = (high.uv.x - low.uv.x) * static_cast<float>(texture.width) / (high.pos.x - low.pos.x);
    const float v_per_px = (high.uv.y - low.uv.y) * static_cast<float>(texture.height) / (high.pos.y - low.pos.y);
    const float u0 = low.uv.x * static_cast<float>(texture.width), v0 = low.uv.y * static_cast<float>(texture.height);
    std::array<Tap, widest_glyph> columns; // filled up to the glyph's width only
    for (int x = x0; x < x1; ++x)
        columns[static_cast<size_t>(x - x0)] =
            tapAt(u0 + (static_cast<float>(x) + 0.5f - low.pos.x) * u_per_px, texture.width);
    const uint32_t rgb = toRgb(low.col), alpha = alphaOf(low.col);
    for (int y = y0; y < y1; ++y) {
        const Tap row = tapAt(v0 + (static_cast<float>(y) + 0.5f - low.pos.y) * v_per_px, texture.height);
        uint32_t* pixel = target.row(y) + x0;
        for (int x = x0; x < x1; ++x, ++pixel) {
            const uint32_t coverage = sample(texture, columns[static_cast<size_t>(x - x0)], row);
            if (coverage) *pixel = blend(*pixel, rgb, multiply255(coverage, alpha));
        }
    }
}

// A quantity that changes linearly over a triangle.
struct Plane {
    float at_origin, per_x, per_y;
    float operator()(float x, float y) const { return at_origin + per_x * x + per_y * y; }
};

Plane planeThrough(const std::array<ImVec2, 3>& p, float inverse_area, float a, float b, float c) {
    const float per_x = ((b - a) * (p[2].y - p[0].y) - (c - a) * (p[1].y - p[0].y)) * inverse_area;
    const float per_y = ((c - a) * (p[1].x - p[0].x) - (b - a) * (p[2].x - p[0].x)) * inverse_area;
    return {a - per_x * p[0].x - per_y * p[0].y, per_x, per_y};
}

struct Shading { // planes of the texture coordinates (in texels) and the colour channels
    Plane u, v, red, green, blue, alpha;
    bool textured, fade, gradient; // fade: the alpha changes; gradient: the other channels do
    uint32_t rgb, opacity;         // where they do not
};

void shadeSpan(uint32_t* row, int x0, int x1, float y, const Shading& s, const AlphaTexture& texture) {
    const auto channel = [](float value) { return static_cast<uint32_t>(std::clamp(value, 0.0f, 255.0f) + 0.5f); };
    for (int x = x0; x < x1; ++x) {
        const float cx = static_cast<float>(x) + 0.5f;
        uint32_t rgb = s.rgb, a = s.opacity;
        if (s.fade) a = channel(s.alpha(cx, y));
        if (s.gradient) rgb = channel(s.red(cx, y)) << 16 | channel(s.green(cx, y)) << 8 | channel(s.blue(cx, y));
        if (s.textured)
            a = multiply255(a, sample(texture, tapAt(s.u(cx, y), texture.width), tapAt(s.v(cx, y), texture.height)));
        row[x] = blend(row[x], rgb, a);
    }
}

void fillTriangle(const Target& target, const Clip& clip, const AlphaTexture& texture, const ImDrawVert& a,
                  const ImDrawVert& b, const ImDrawVert& c) {
    std::array<ImVec2, 3> p = {a.pos, b.pos, c.pos};
    const float area = (p[1].x - p[0].x) * (p[2].y - p[0].y) - (p[2].x - p[0].x) * (p[1].y - p[0].y);
    if (area == 0 || !std::isfinite(area)) return;

    Shading shading{};
    shading.fade = alphaOf(a.col) != alphaOf(b.col) || alphaOf(a.col) != alphaOf(c.col);
    shading.gradient = toRgb(a.col) != toRgb(b.col) || toRgb(a.col) != toRgb(c.col);
    shading.textured = a.uv.x != b.uv.x || a.uv.y != b.uv.y || a.uv.x != c.uv.x || a.uv.y != c.uv.y;
    shading.rgb = toRgb(a.col);
    shading.opacity = alphaOf(a.col);
    if (!shading.fade && shading.opacity == 0) return;
    const auto plane = [&](int shift) {
        const auto value = [&](ImU32 col) { return static_cast<float>(col >> shift & 0xff); };
        return planeThrough(p, 1 / area, value(a.col), value(b.col), value(c.col));
    };
    if (shading.fade) shading.alpha = plane(24);
    if (shading.gradient) shading.red = plane(0), shading.green = plane(8), shading.blue = plane(16);
    if (shading.textured) {
        const float w = static_cast<float>(texture.width), h = static_cast<float>(texture.height);
        shading.u = planeThrough(p, 1 / area, a.uv.x * w, b.uv.x * w, c.uv.x * w);
        shading.v = planeThrough(p, 1 / area, a.uv.y * h, b.uv.y * h, c.uv.y * h);
    }

    // Edges always run from the upper to the lower end, so that two triangles sharing one agree on every crossing.
    std::sort(p.begin(), p.end(), [](ImVec2 l, ImVec2 r) { return l.y < r.y || (l.y == r.y && l.x < r.x); });
    const auto crossing = [](ImVec2 from, ImVec2 to, float y) {
        return from.x + (y - from.y) * ((to.x - from.x) / (to.y - from.y));
    };
    const int y0 = std::max(firstPixel(p[0].y), clip.y0), y1 = std::min(firstPixel(p[2].y), clip.y1);
    for (int y = y0; y < y1; ++y) {
        const float centre = static_cast<float>(y) + 0.5f;
        const float through = crossing(p[0], p[2], centre);
        const float bend = centre < p[1].y ? crossing(p[0], p[1], centre) : crossing(p[1], p[2], centre);
        const int x0 = std::max(firstPixel(std::min(through, bend)), clip.x0);
        const int x1 = std::min(firstPixel(std::max(through, bend)), clip.x1);
        if (x0 >= x1) continue;
        if (shading.fade || shading.gradient || shading.textured)
            shadeSpan(target.row(y), x0, x1, centre, shading, texture);
        else
            fillSpan(target.row(y) + x0, target.row(y) + x1, shading.rgb, shading.opacity);
    }
}

// Two triangles a b c, a c d that form an upright rectangle of one colour.
bool uprightQuad(const ImDrawVert& a, const ImDrawVert& b, const ImDrawVert& c, const ImDrawVert& d) {
    return a.pos.y == b.pos.y && b.pos.x == c.pos.x && c.pos.y == d.pos.y && d.pos.x == a.pos.x && a.pos.x <= c.pos.x &&
           a.pos.y <= c.pos.y && a.col == b.col && a.col == c.col && a.col == d.col;
}

void drawCommand(const Target& target, const Clip& clip, const AlphaTexture& texture, const ImDrawCmd& command,
                 const ImDrawList& list, ImVec2 origin, ImVec2 scale) {
    const ImDrawIdx* index = list.IdxBuffer.Data + command.IdxOffset;
    const auto vertex = [&](unsigned i) {
        ImDrawVert v = list.VtxBuffer.Data[command.VtxOffset + index[i]];
        v.pos = {(v.pos.x - origin.x) * scale.x, (v.pos.y - origin.y) * scale.y};
        return v;
    };
    for (unsigned i = 0; i + 3 <= command.ElemCount; i += 3) {
        const ImDrawVert a = vertex(i), b = vertex(i + 1), c = vertex(i + 2);
        const auto outside = [&](float from, float to) { // of the rows of this band
            return to <= static_cast<float>(clip.y0) || from >= static_cast<float>(clip.y1);
        };
        if (i + 6 <= command.ElemCount && index[i] == index[i + 3] && index[i + 2] == index[i + 4]) {
            const ImDrawVert d = vertex(i + 5);
            const bool upright = uprightQuad(a, b, c, d);
            if (upright && outside(a.pos.y, c.pos.y)) {
                i += 3;
                continue;
            }
            if (upright && a.uv.x == c.uv.x && a.uv.y == c.uv.y && b.uv.x == a.uv.x && b.uv.y == a.uv.y) {
                fillRect(target, clip, a.pos, c.pos, a.col);
                i += 3;
                continue;
            }
            const bool straight = a.uv.y == b.uv.y && b.uv.x == c.uv.x && c.uv.y == d.uv.y && d.uv.x == a.uv.x;
            if (upright && straight && c.pos.x - a.pos.x < widest_glyph - 2) {
                fillGlyph(target, clip, texture, a, c);
                i += 3;
                continue;
            }
        }
        if (outside(std::min({a.pos.y, b.pos.y, c.pos.y}), std::max({a.pos.y, b.pos.y, c.pos.y}))) continue;
        fillTriangle(target, clip, texture, a, b, c);
    }
}

// Everything that falls into the rows [y0, y1).
void rasteriseBand(const ImDrawData& data, const AlphaTexture& texture, const Target& pixels, int width, int y0,
                   int y1) {
    const ImVec2 origin = data.DisplayPos, scale = data.FramebufferScale;
    for (int n = 0; n < data.CmdListsCount; ++n) {
        const ImDrawList& list = *data.CmdLists[n];
        for (const ImDrawCmd& command : list.CmdBuffer) {
            assert(!command.UserCallback); // no canvas of ours uses callbacks
            // Scissor boxes are whole pixels, cut off as the OpenGL presenter cuts them.
            const auto pixel = [](float at, int low, int high) {
                return static_cast<int>(std::clamp(at, static_cast<float>(low), static_cast<float>(high)));
            };
            const Clip clip{pixel((command.ClipRect.x - origin.x) * scale.x, 0, width),
                            pixel((command.ClipRect.y - origin.y) * scale.y, y0, y1),
                            pixel((command.ClipRect.z - origin.x) * scale.x, 0, width),
                            pixel((command.ClipRect.w - origin.y) * scale.y, y0, y1)};
            if (clip.x0 < clip.x1 && clip.y0 < clip.y1)
                drawCommand(pixels, clip, texture, command, list, origin, scale);
        }
    }
}

} // namespace

void rasterise(const ImDrawData& data, const AlphaTexture& texture, QImage& target,
               std::optional<uint32_t> background) {
    assert(target.format() == QImage::Format_RGB32 && texture.alpha);
    const Target pixels{reinterpret_cast<uint32_t*>(target.bits()), static_cast<int>(target.bytesPerLine() / 4)};
    constexpr int worth_a_thread = 400'000, most_threads = 4; // pixels; starting a thread costs some 30 us
    const int threads = std::clamp(std::min(static_cast<int>(std::thread::hardware_concurrency()),
                                            target.width() * target.height() / worth_a_thread),
                                   1, most_threads);
    // One band each: every band goes through all triangles, and more of them cost more than they balance.
    const auto edge = [&](int band) { return target.height() * band / threads; };
    const auto draw = [&](int band) {
        if (background) std::fill(pixels.row(edge(band)), pixels.row(edge(band + 1)), *background);
        rasteriseBand(data, texture, pixels, target.width(), edge(band), edge(band + 1));
    };
    std::vector<std::jthread> others; // joined before anything they use goes away
    for (int band = 1; band < threads; ++band) others.emplace_back(draw, band);
    draw(0);
}

} // namespace shardscope::gui
