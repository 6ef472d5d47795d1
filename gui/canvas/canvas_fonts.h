// SPDX-License-Identifier: Apache-2.0
// The canvases' type: Inter and a monospace face from the system's font folders, DejaVu or ImGui's built-in face where
// they are missing. Sizes are Qt pixel sizes, so that text in a canvas and in a Qt widget has the same height.
#pragma once
struct ImFontAtlas;

namespace shardscope::gui {

// Order of the fonts in every canvas's atlas.
enum class Font { regular, axis, bold, mono };

// Font files are read when the first canvas draws and stay in memory for all of them.
void buildFonts(ImFontAtlas&, double device_pixel_ratio);

} // namespace shardscope::gui
