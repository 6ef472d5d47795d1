// SPDX-License-Identifier: Apache-2.0
// The OpenGL side of a canvas: a QOpenGLWidget that draws ImGui's lists, and the probe that decides whether one may
// exist. A QOpenGLWidget crashes Qt 6.4 where there is no usable OpenGL, so nothing here is constructed before the
// probe succeeded.
#pragma once
#include <functional>
#include <string>

class QWidget;
struct ImDrawData;

namespace shardscope::gui {

class ImGuiHost;

struct OpenGlProbe {
    bool works = false;
    bool in_software = false; // Mesa's llvmpipe and the like: slower than our own rasteriser
    std::string renderer;
};
const OpenGlProbe& probeOpenGl(); // the first call decides

// Ignores the mouse and the keyboard; the canvas that owns it gets them. `draw_frame` is called with the context
// current.
QWidget* createOpenGlSurface(ImGuiHost&, std::function<const ImDrawData&()> draw_frame, QWidget* parent);

} // namespace shardscope::gui
