// SPDX-License-Identifier: Apache-2.0
// The canvases' type: Inter and a monospace face from the system's font folders, DejaVu or ImGui's built-in face where
// they are missing. Sizes are Qt pixel sizes, so that text in a canvas and in a Qt widget has the same height.
#pragma once
#include <QByteArray>
#include <QString>

struct ImFontAtlas;

namespace shardscope::gui {

struct FontFiles { // empty where nothing was found
    QString regular, semi_bold, mono;
};
FontFiles findFontFiles();

// Order of the fonts in every canvas's atlas.
enum class Font { regular, axis, bold, mono };

class CanvasFonts {
public:
    CanvasFonts();
    void build(ImFontAtlas&, double device_pixel_ratio) const; // the bytes stay owned by this object

private:
    QByteArray m_regular, m_semi_bold, m_mono;
};

} // namespace shardscope::gui
