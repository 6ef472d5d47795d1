// SPDX-License-Identifier: Apache-2.0
// One ImGui context with its fonts and style: turns a draw function into draw lists. Knows nothing of widgets; the
// canvas widget and `renderToImage` both stand on it.
#pragma once
#include "gui/canvas/canvas_fonts.h"
#include "gui/canvas/imgui_canvas.h"
#include "gui/canvas/software_rasteriser.h"

struct ImDrawData;
struct ImGuiContext;

namespace shardscope::gui {

class InputQueue;

class ImGuiHost {
public:
    ImGuiHost();
    ~ImGuiHost();
    ImGuiHost(const ImGuiHost&) = delete;
    ImGuiHost& operator=(const ImGuiHost&) = delete;

    void setTheme(const Theme&);
    const Theme& theme() const { return m_theme; }
    void setDevicePixelRatio(double); // rebuilds the fonts when it or uiScale() changed
    int fontGeneration() const { return m_font_generation; }

    // Runs one frame. The result stays valid until the next call.
    const ImDrawData& frame(const DrawFunction&, QSize logical_size, double seconds_since_last, InputQueue*);
    void makeCurrent() const;
    bool wantsText() const;
    AlphaTexture fontTexture() const;
    const QImage& rasterised(const ImDrawData&); // until the next call; give it up before, or it is copied

private:
    void buildFonts();
    ImGuiContext* m_context;
    Theme m_theme;
    double m_dpr = 0, m_scale = 1; // m_scale: uiScale() of the fonts
    int m_font_generation = 0;
    QImage m_image; // kept: fresh memory of this size costs more than drawing into it
};

} // namespace shardscope::gui
