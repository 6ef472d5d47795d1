// SPDX-License-Identifier: Apache-2.0
// The rasteriser against direct definitions: what a pixel should hold by the rules OpenGL gives.
#include "gui/canvas/software_rasteriser.h"
#include "support/catch.h"
#include <cmath>
#include <cstdlib>
#include <functional>
#include <imgui.h>
#include <random>

namespace shardscope::gui {
namespace {

constexpr QRgb backdrop = 0xff204060;

// Draws into the background list of a context of its own and returns the pixels.
QImage drawn(const std::function<void(ImDrawList&)>& draw, int width = 64, int height = 48, float scale = 1) {
    ImGuiContext* context = ImGui::CreateContext();
    ImGui::SetCurrentContext(context);
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset;
    io.DisplaySize = ImVec2(static_cast<float>(width) / scale, static_cast<float>(height) / scale);
    io.DisplayFramebufferScale = ImVec2(scale, scale);
    unsigned char* pixels = nullptr;
    AlphaTexture texture;
    io.Fonts->GetTexDataAsAlpha8(&pixels, &texture.width, &texture.height);
    texture.alpha = pixels;
    ImGui::NewFrame();
    draw(*ImGui::GetBackgroundDrawList());
    ImGui::Render();
    QImage image(width, height, QImage::Format_RGB32);
    image.fill(backdrop);
    rasterise(*ImGui::GetDrawData(), texture, image);
    ImGui::DestroyContext(context);
    return image;
}

int countOf(const QImage& image, QRgb colour) {
    int count = 0;
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x) count += image.pixel(x, y) == colour;
    return count;
}

int largestDifference(const QImage& a, const QImage& b) {
    int largest = 0;
    for (int y = 0; y < a.height(); ++y)
        for (int x = 0; x < a.width(); ++x)
            for (int shift : {16, 8, 0}) {
                const auto channel = [&](const QImage& image) {
                    return static_cast<int>(image.pixel(x, y) >> shift & 0xff);
                };
                largest = std::max(largest, std::abs(channel(a) - channel(b)));
            }
    return largest;
}

void triangle(ImDrawList& list, ImVec2 a, ImVec2 b, ImVec2 c, ImU32 colour) {
    list.PrimReserve(3, 3);
    const ImVec2 white = ImGui::GetFontTexUvWhitePixel();
    for (ImVec2 p : {a, b, c}) list.PrimVtx(p, white, colour);
}

// The pixel's centre lies strictly inside: the same side of all three edges.
bool inside(ImVec2 a, ImVec2 b, ImVec2 c, double x, double y) {
    const auto side = [&](ImVec2 p, ImVec2 q) {
        return (static_cast<double>(q.x) - p.x) * (y - p.y) - (static_cast<double>(q.y) - p.y) * (x - p.x);
    };
    const double s = side(a, b), t = side(b, c), u = side(c, a);
    return (s > 0 && t > 0 && u > 0) || (s < 0 && t < 0 && u < 0);
}

} // namespace

TEST_CASE("a rectangle covers the pixels whose centres it covers") {
    const QImage image = drawn([](ImDrawList& list) {
        list.AddRectFilled(ImVec2(10.4f, 5.6f), ImVec2(20.5f, 9.4f), IM_COL32(255, 0, 0, 255));
    });
    CHECK(countOf(image, 0xffff0000) == 10 * 3); // centres 10.5 to 19.5 and 6.5 to 8.5
    CHECK(image.pixel(10, 6) == 0xffff0000);
    CHECK(image.pixel(19, 8) == 0xffff0000);
    CHECK(image.pixel(20, 8) == backdrop);
    CHECK(image.pixel(10, 5) == backdrop);
    CHECK(image.pixel(10, 9) == backdrop);
}

TEST_CASE("nothing is drawn outside the clip rectangle") {
    const QImage image = drawn([](ImDrawList& list) {
        list.PushClipRect(ImVec2(8, 6), ImVec2(24, 18));
        list.AddRectFilled(ImVec2(-1000, -1000), ImVec2(1000, 1000), IM_COL32(0, 255, 0, 255));
        list.AddTriangleFilled(ImVec2(-50, -50), ImVec2(500, -40), ImVec2(10, 500), IM_COL32(0, 255, 0, 255));
        list.AddText(ImVec2(4, 2), IM_COL32(0, 255, 0, 255), "clipped text runs out");
        list.PopClipRect();
    });
    CHECK(countOf(image, 0xff00ff00) == 16 * 12);
    CHECK(countOf(image, backdrop) == 64 * 48 - 16 * 12);
}

TEST_CASE("a translucent colour blends exactly") {
    for (int alpha : {1, 64, 127, 128, 200, 254}) {
        const QImage image = drawn(
            [&](ImDrawList& list) { list.AddRectFilled(ImVec2(0, 0), ImVec2(64, 48), IM_COL32(250, 100, 3, alpha)); });
        const auto expected = [&](int from, int to) {
            return static_cast<int>(std::floor((from * (255 - alpha) + to * alpha) / 255.0 + 0.5));
        };
        CHECK(image.pixel(5, 5) == qRgb(expected(0x20, 250), expected(0x40, 100), expected(0x60, 3)));
    }
}

TEST_CASE("triangles cover what a point-in-triangle test says") {
    std::mt19937 random(7);
    const auto coordinate = [&](int limit) {
        // Sixteenths, off the pixel centres, so that no centre lies exactly on a corner.
        return static_cast<float>(static_cast<int>(random() % static_cast<unsigned>(limit * 16))) / 16.0f + 0.03f;
    };
    int wrong = 0, covered = 0;
    for (int n = 0; n < 200; ++n) {
        const ImVec2 a(coordinate(80) - 8, coordinate(60) - 6), b(coordinate(80) - 8, coordinate(60) - 6),
            c(coordinate(80) - 8, coordinate(60) - 6);
        const QImage image = drawn([&](ImDrawList& list) { triangle(list, a, b, c, IM_COL32(255, 255, 255, 255)); });
        for (int y = 0; y < image.height(); ++y)
            for (int x = 0; x < image.width(); ++x) {
                const bool expected = inside(a, b, c, x + 0.5, y + 0.5);
                covered += expected;
                wrong += expected != (image.pixel(x, y) == 0xffffffff);
            }
    }
    CHECK(covered > 50'000);
    CHECK(wrong * 10'000 <= covered); // single precision may differ where an edge passes through a centre
}

TEST_CASE("triangles that share edges cover each pixel once") {
    // A translucent fan: a pixel drawn twice would be darker, one left out would show the backdrop.
    const QImage image = drawn(
        [](ImDrawList& list) {
            const ImVec2 centre(32.3f, 24.1f);
            for (int i = 0; i < 13; ++i) {
                const auto corner = [&](int k) {
                    const float angle = static_cast<float>(k % 13) * 6.2831853f / 13;
                    return ImVec2(centre.x + 20 * std::cos(angle), centre.y + 20 * std::sin(angle));
                };
                triangle(list, centre, corner(i), corner(i + 1), IM_COL32(255, 255, 255, 128));
            }
        },
        64, 48);
    const QRgb once = image.pixel(40, 24);
    CHECK(once != backdrop);
    CHECK(countOf(image, once) + countOf(image, backdrop) == 64 * 48);
    for (int y = 10; y < 38; ++y) CHECK(image.pixel(32, y) == once);
}

TEST_CASE("colours change linearly across a shape") {
    const QImage image = drawn([](ImDrawList& list) {
        list.AddRectFilledMultiColor(ImVec2(0, 0), ImVec2(64, 48), IM_COL32(0, 0, 0, 255), IM_COL32(255, 0, 0, 255),
                                     IM_COL32(255, 0, 255, 255), IM_COL32(0, 0, 255, 255));
    });
    for (int y = 0; y < 48; ++y)
        for (int x = 0; x < 64; ++x) {
            REQUIRE(std::abs(qRed(image.pixel(x, y)) - (x + 0.5) * 255 / 64) <= 1);
            REQUIRE(std::abs(qBlue(image.pixel(x, y)) - (y + 0.5) * 255 / 48) <= 1);
        }
}

TEST_CASE("glyphs look the same by the short way and by triangles") {
    const auto text = [](bool as_triangles) {
        return drawn([&](ImDrawList& list) {
            const char* line = "Aq7%";
            float x = 3.3f;
            const ImFont* font = ImGui::GetFont();
            for (const char* c = line; *c; ++c) {
                const ImFontGlyph* g = font->FindGlyph(static_cast<ImWchar>(*c));
                const ImVec2 low(x + g->X0, 5.2f + g->Y0), high(x + g->X1, 5.2f + g->Y1);
                const ImVec2 uv0(g->U0, g->V0), uv1(g->U1, g->V1);
                list.PrimReserve(6, 4);
                // Starting at another corner hides the upright rectangle from the short way.
                if (as_triangles)
                    list.PrimQuadUV(ImVec2(high.x, low.y), high, ImVec2(low.x, high.y), low, ImVec2(uv1.x, uv0.y), uv1,
                                    ImVec2(uv0.x, uv1.y), uv0, IM_COL32(255, 255, 255, 230));
                else
                    list.PrimRectUV(low, high, uv0, uv1, IM_COL32(255, 255, 255, 230));
                x += g->AdvanceX * 1.1f;
            }
        });
    };
    const QImage quick = text(false), slow = text(true);
    CHECK(countOf(quick, backdrop) < 64 * 48 - 60); // something is there
    CHECK(largestDifference(quick, slow) <= 4);     // weights of 1/256 against single precision
}

TEST_CASE("more vertices than a 16-bit index reaches are drawn in place") {
    const QImage image = drawn(
        [](ImDrawList& list) {
            for (int i = 0; i < 20'000; ++i)
                list.AddRectFilled(ImVec2(static_cast<float>(i % 200), static_cast<float>(i / 200)),
                                   ImVec2(static_cast<float>(i % 200 + 1), static_cast<float>(i / 200 + 1)),
                                   IM_COL32(i & 255, i >> 8, 77, 255));
        },
        200, 100);
    int wrong = 0;
    for (int i = 0; i < 20'000; ++i) wrong += image.pixel(i % 200, i / 200) != qRgb(i & 255, i >> 8, 77);
    CHECK(wrong == 0);
}

TEST_CASE("shapes far outside and not finite do no harm") {
    const QImage image = drawn([](ImDrawList& list) {
        const float far = 1e30f, none = std::nanf("");
        triangle(list, ImVec2(-far, 0), ImVec2(far, -far), ImVec2(0, far), IM_COL32(255, 0, 0, 255));
        triangle(list, ImVec2(none, 0), ImVec2(10, 10), ImVec2(0, 10), IM_COL32(255, 0, 0, 255));
        list.AddRectFilled(ImVec2(1e9f, 1e9f), ImVec2(2e9f, 2e9f), IM_COL32(255, 0, 0, 255));
        list.AddRectFilled(ImVec2(2, 2), ImVec2(4, 4), IM_COL32(0, 255, 0, 255));
    });
    CHECK(countOf(image, 0xff00ff00) == 4);
}

TEST_CASE("a device pixel ratio scales positions, not the image") {
    const QImage image = drawn(
        [](ImDrawList& list) { list.AddRectFilled(ImVec2(4, 4), ImVec2(8, 8), IM_COL32(255, 0, 0, 255)); }, 64, 48, 2);
    CHECK(countOf(image, 0xffff0000) == 64);
    CHECK(image.pixel(8, 8) == 0xffff0000);
    CHECK(image.pixel(7, 8) == backdrop);
}

} // namespace shardscope::gui
