// SPDX-License-Identifier: Apache-2.0
// A QWidget whose inside is drawn by ImGui. Two presenters: OpenGL (QOpenGLWidget) where a probe finds it working, else
// a CPU rasteriser of ImGui's draw lists into a QImage, which needs no display and gives the same pixels everywhere.
// One ImGui context per canvas; repaints on change only.
#pragma once
#include "gui/canvas/theme.h"
#include <QByteArray>
#include <QImage>
#include <QWidget>
#include <functional>
#include <memory>

namespace shardscope::gui {

struct CanvasFrame {             // what the draw function may know about the host
    float width = 0, height = 0; // logical pixels
    int zoom = 0, pan = 0;       // keys W/S and D/A pressed since the last frame
    bool fit = false;            // F
    const Theme* theme = nullptr;
    void* small_font = nullptr; // ImFont*, metrics::font_axis; the default font is metrics::font_small
    void* bold_font = nullptr;  // ImFont*, semi-bold of the default size
    void* mono_font = nullptr;  // ImFont*, monospace of the default size
};

using DrawFunction = std::function<void(const CanvasFrame&)>;

// SHARDSCOPE_PRESENTER=software|opengl overrides; OpenGL is never used where the probe fails.
enum class Presenter { automatic, opengl, software };

// The widget to put into a layout. Mouse events, wheel and keys go to this widget, whichever presenter draws.
class ImGuiCanvas : public QWidget {
    Q_OBJECT
public:
    explicit ImGuiCanvas(DrawFunction, Presenter = Presenter::automatic, QWidget* parent = nullptr);
    ~ImGuiCanvas() override;
    void setTheme(const Theme&);
    // False: W A S D F are left to the window's shortcuts, which the user can change. True by default.
    void setNavigationKeys(bool);
    void requestFrame(); // one frame, soon; requests before it is drawn are one
    bool idle() const;   // no queued input, no pending frame (tests wait for this); always true while hidden
    int64_t frameCount() const;
    double lastFrameMs() const; // building and drawing the last frame
    bool usesOpenGl() const;

protected:
    bool event(QEvent*) override;
    void paintEvent(QPaintEvent*) override;
    void resizeEvent(QResizeEvent*) override;
    bool focusNextPrevChild(bool) override; // Tab belongs to ImGui while a text field has the keyboard

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

bool openGlWorks(); // probed once; false under the offscreen platform

// A frame that was drawn without any widget. Its pixels may be made by any thread, as often as one likes.
class DrawnFrame {
public:
    virtual ~DrawnFrame() = default;
    virtual QImage image() const = 0;
};
// Drawn, and given up, by the thread of the user interface: the frame goes back there by itself.
std::shared_ptr<const DrawnFrame> drawFrame(const DrawFunction&, const Theme&, QSize logical_size,
                                            double device_pixel_ratio);
// The same at once, for screenshots and tests.
QImage renderToImage(const DrawFunction&, const Theme&, QSize logical_size, double device_pixel_ratio);
// The same frame as an SVG document: what Painters drew, as shapes and text.
QByteArray renderToSvg(const DrawFunction&, const Theme&, QSize logical_size);

} // namespace shardscope::gui
