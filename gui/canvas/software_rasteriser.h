// SPDX-License-Identifier: Apache-2.0
// Draws ImGui's triangles into a QImage on the processor: the same pixels on every machine, no display and no OpenGL
// needed. A pixel belongs to a shape when its centre does (upper-left rule), as with OpenGL without multisampling.
#pragma once
#include <QImage>
#include <optional>

struct ImDrawData;

namespace shardscope::gui {

struct AlphaTexture { // the font atlas, one byte per texel
    const uint8_t* alpha = nullptr;
    int width = 0, height = 0;
};

// `target` is Format_RGB32 of the framebuffer's size. It is filled with the background (0xffrrggbb), or already holds
// it. Every texture id in the data is the atlas. Large pictures are cut into bands that threads of their own fill; the
// pixels do not depend on it.
void rasterise(const ImDrawData&, const AlphaTexture&, QImage& target, std::optional<uint32_t> background = {});

} // namespace shardscope::gui
