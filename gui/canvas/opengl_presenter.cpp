// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/opengl_presenter.h"
#include "gui/canvas/imgui_host.h"
#include <QGuiApplication>
#include <QOffscreenSurface>
#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <QOpenGLWidget>
#include <backends/imgui_impl_opengl3.h>
#include <imgui.h>
#include <utility>

namespace shardscope::gui {

namespace {

OpenGlProbe probe() {
    OpenGlProbe result;
    const QString platform = QGuiApplication::platformName();
    if (platform == "offscreen" || platform == "minimal" || platform == "linuxfb" || platform == "vnc") return result;
    QOpenGLContext context;
    if (!context.create()) return result;
    QOffscreenSurface surface;
    surface.setFormat(context.format());
    surface.create();
    if (!surface.isValid() || !context.makeCurrent(&surface)) return result;
    QOpenGLFunctions* gl = context.functions();
    const auto* renderer = reinterpret_cast<const char*>(gl->glGetString(GL_RENDERER));
    result.renderer = renderer ? renderer : "";
    const bool modern = context.isOpenGLES() || context.format().version() >= std::pair(3, 0);
    result.works = renderer && modern && gl->hasOpenGLFeature(QOpenGLFunctions::Framebuffers);
    for (const char* name : {"llvmpipe", "softpipe", "swrast", "Software Rasterizer"})
        result.in_software = result.in_software || result.renderer.find(name) != std::string::npos;
    context.doneCurrent();
    return result;
}

class OpenGlSurface final : public QOpenGLWidget {
public:
    OpenGlSurface(ImGuiHost& host, std::function<const ImDrawData&()> draw_frame, QWidget* parent)
        : QOpenGLWidget(parent)
        , m_host(host)
        , m_draw_frame(std::move(draw_frame)) {
        setAttribute(Qt::WA_TransparentForMouseEvents);
        setFocusPolicy(Qt::NoFocus);
        setMinimumSize(16, 16); // a framebuffer of no size never becomes complete
    }
    ~OpenGlSurface() override { shutDown(); }

protected:
    // Runs again whenever Qt recreates the context, as when a dock floats.
    void initializeGL() override {
        shutDown();
        m_host.makeCurrent();
        m_started = ImGui_ImplOpenGL3_Init();
        m_font_generation = m_host.fontGeneration();
        connect(context(), &QOpenGLContext::aboutToBeDestroyed, this, [this] { shutDown(); });
    }
    void paintGL() override {
        if (!m_started) return;
        m_host.makeCurrent();
        m_host.setDevicePixelRatio(devicePixelRatioF());
        if (m_font_generation != m_host.fontGeneration()) {
            ImGui_ImplOpenGL3_DestroyFontsTexture();
            m_font_generation = m_host.fontGeneration();
        }
        ImGui_ImplOpenGL3_NewFrame(); // makes what is missing: shaders, buffers, the font texture
        const ImDrawData& lists = m_draw_frame();
        const Rgb colour = m_host.theme().background;
        const auto channel = [&](int shift) { return static_cast<float>(colour >> shift & 0xff) / 255.0f; };
        QOpenGLFunctions* gl = context()->functions();
        gl->glClearColor(channel(16), channel(8), channel(0), 1);
        gl->glClear(GL_COLOR_BUFFER_BIT);
        ImGui_ImplOpenGL3_RenderDrawData(const_cast<ImDrawData*>(&lists));
    }

private:
    void shutDown() {
        if (!m_started) return;
        m_started = false;
        makeCurrent();
        m_host.makeCurrent();
        ImGui_ImplOpenGL3_Shutdown();
        doneCurrent();
    }

    ImGuiHost& m_host;
    std::function<const ImDrawData&()> m_draw_frame;
    int m_font_generation = 0;
    bool m_started = false;
};

} // namespace

const OpenGlProbe& probeOpenGl() {
    static const OpenGlProbe result = probe();
    return result;
}

bool openGlWorks() { return probeOpenGl().works; }

QWidget* createOpenGlSurface(ImGuiHost& host, std::function<const ImDrawData&()> draw_frame, QWidget* parent) {
    return new OpenGlSurface(host, std::move(draw_frame), parent);
}

} // namespace shardscope::gui
