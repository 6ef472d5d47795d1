// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/imgui_canvas.h"
#include "gui/canvas/imgui_host.h"
#include "gui/canvas/opengl_presenter.h"
#include "gui/canvas/qt_input.h"
#include "gui/canvas/software_rasteriser.h"
#include "gui/canvas/vector_record.h"
#include <QCoreApplication>
#include <QElapsedTimer>
#include <QEvent>
#include <QPainter>
#include <QThread>
#include <QTimer>
#include <algorithm>
#include <cmath>
#include <imgui.h>

namespace shardscope::gui {

namespace {

constexpr int tooltip_wake_ms = 320; // a little after the 300 ms at which draw functions show tooltips
constexpr int caret_ms = 250;

bool wantsOpenGl(Presenter presenter) {
    const QByteArray wish = qgetenv("SHARDSCOPE_PRESENTER");
    if (wish == "software")
        presenter = Presenter::software;
    else if (wish == "opengl")
        presenter = Presenter::opengl;
    else if (!wish.isEmpty())
        qWarning("SHARDSCOPE_PRESENTER=%s is ignored: use software or opengl", wish.constData());
    if (presenter == Presenter::software || !probeOpenGl().works) return false;
    return presenter == Presenter::opengl || !probeOpenGl().in_software;
}

bool isInput(QEvent::Type type) {
    switch (type) {
    case QEvent::MouseMove:
    case QEvent::MouseButtonPress:
    case QEvent::MouseButtonRelease:
    case QEvent::MouseButtonDblClick:
    case QEvent::Wheel:
    case QEvent::Leave:
    case QEvent::FocusOut:
    case QEvent::KeyPress:
    case QEvent::KeyRelease:
    case QEvent::InputMethod:
        return true;
    default:
        return false;
    }
}

} // namespace

struct ImGuiCanvas::Impl {
    ImGuiCanvas& widget;
    DrawFunction draw;
    InputQueue input;
    ImGuiHost host;
    QWidget* surface = nullptr; // the OpenGL child; null: this widget paints itself
    QTimer tooltip, caret;
    QElapsedTimer since_last;
    int frames_wanted = 1;
    bool drawing = false, mouse_moved = false, navigation_keys = true;
    int64_t frames = 0;
    double last_frame_ms = 0;

    Impl(ImGuiCanvas& owner, DrawFunction function)
        : widget(owner)
        , draw(std::move(function)) {
        for (QTimer* timer : {&tooltip, &caret}) {
            timer->setSingleShot(true);
            QObject::connect(timer, &QTimer::timeout, &widget, [this] { want(1); });
        }
    }

    void want(int count) {
        frames_wanted = std::max(frames_wanted, count);
        schedule();
    }
    void schedule() {
        if (surface)
            surface->update();
        else
            widget.update();
    }

    const ImDrawData& frame() {
        const double seconds = since_last.isValid() ? static_cast<double>(since_last.nsecsElapsed()) * 1e-9 : 1.0 / 60;
        since_last.start();
        frames_wanted = std::max(0, frames_wanted - 1);
        drawing = true;
        const ImDrawData& data = host.frame(draw, widget.size(), seconds, &input);
        drawing = false;
        ++frames;
        if (!input.empty()) frames_wanted = std::max(frames_wanted, 2);
        if (frames_wanted > 0) schedule();
        if (std::exchange(mouse_moved, false)) tooltip.start(tooltip_wake_ms);
        if (host.wantsText()) caret.start(caret_ms);
        return data;
    }
    void frameDrawn() { last_frame_ms = static_cast<double>(since_last.nsecsElapsed()) * 1e-6; }
};

ImGuiCanvas::ImGuiCanvas(DrawFunction draw, Presenter presenter, QWidget* parent)
    : QWidget(parent)
    , m_impl(std::make_unique<Impl>(*this, std::move(draw))) {
    setMouseTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_InputMethodEnabled);
    setAttribute(Qt::WA_OpaquePaintEvent);
    setMinimumSize(64, 64);
    if (!wantsOpenGl(presenter)) return;
    m_impl->surface = createOpenGlSurface(
        m_impl->host,
        [this]() -> const ImDrawData& {
            const ImDrawData& lists = m_impl->frame();
            m_impl->frameDrawn();
            return lists;
        },
        this);
    m_impl->surface->setGeometry(rect());
}

ImGuiCanvas::~ImGuiCanvas() {
    delete m_impl->surface; // before the host it draws from
}

void ImGuiCanvas::setTheme(const Theme& theme) {
    m_impl->host.setTheme(theme);
    requestFrame();
}

void ImGuiCanvas::setNavigationKeys(bool on) { m_impl->navigation_keys = on; }
void ImGuiCanvas::requestFrame() { m_impl->want(1); }
bool ImGuiCanvas::idle() const { return !isVisible() || (m_impl->input.empty() && m_impl->frames_wanted == 0); }
int64_t ImGuiCanvas::frameCount() const { return m_impl->frames; }
double ImGuiCanvas::lastFrameMs() const { return m_impl->last_frame_ms; }
bool ImGuiCanvas::usesOpenGl() const { return m_impl->surface != nullptr; }

bool ImGuiCanvas::event(QEvent* event) {
    const bool is_key = event->type() == QEvent::ShortcutOverride || event->type() == QEvent::KeyPress ||
                        event->type() == QEvent::KeyRelease;
    if (is_key && !m_impl->navigation_keys && !m_impl->host.wantsText()) return QWidget::event(event);
    if (event->type() == QEvent::ShortcutOverride && InputQueue::claimsShortcut(*event, m_impl->host.wantsText())) {
        event->accept();
        return true;
    }
    if (isInput(event->type())) {
        const bool taken = m_impl->input.take(*event, m_impl->host.wantsText());
        if (!m_impl->input.empty()) {
            m_impl->mouse_moved = m_impl->mouse_moved || event->type() == QEvent::MouseMove;
            m_impl->want(2); // the second lets what the first one meant reach the picture
        }
        if (event->type() == QEvent::MouseButtonPress) setFocus(Qt::MouseFocusReason);
        if (taken) {
            event->accept();
            return true;
        }
    }
    if (event->type() == QEvent::Show) requestFrame();
    return QWidget::event(event);
}

void ImGuiCanvas::paintEvent(QPaintEvent*) {
    if (m_impl->surface || m_impl->drawing) return;
    m_impl->host.setDevicePixelRatio(devicePixelRatioF());
    QPainter(this).drawImage(0, 0, m_impl->host.rasterised(m_impl->frame()));
    m_impl->frameDrawn();
}

void ImGuiCanvas::resizeEvent(QResizeEvent*) {
    if (m_impl->surface) m_impl->surface->setGeometry(rect());
    requestFrame();
}

bool ImGuiCanvas::focusNextPrevChild(bool next) {
    return !m_impl->host.wantsText() && QWidget::focusNextPrevChild(next);
}

namespace {

class HostedFrame : public DrawnFrame {
public:
    HostedFrame(const DrawFunction& draw, const Theme& theme, QSize logical_size, double dpr)
        : m_dpr(dpr)
        , m_background(theme.background) {
        m_host.setTheme(theme);
        m_host.setDevicePixelRatio(dpr);
        m_lists = &m_host.frame(draw, logical_size, 1.0 / 60, nullptr);
        m_texture = m_host.fontTexture();
    }
    QImage image() const override { // from the lists and the atlas only, which nobody changes any more
        const ImVec2 size = m_lists->DisplaySize, scale = m_lists->FramebufferScale;
        QImage image(static_cast<int>(std::lround(size.x * scale.x)), static_cast<int>(std::lround(size.y * scale.y)),
                     QImage::Format_RGB32);
        if (image.isNull()) return image; // out of memory
        image.fill(0xff000000u | m_background);
        rasterise(*m_lists, m_texture, image);
        image.setDevicePixelRatio(m_dpr);
        return image;
    }

private:
    ImGuiHost m_host;
    const ImDrawData* m_lists = nullptr;
    AlphaTexture m_texture;
    double m_dpr;
    Rgb m_background;
};

// An ImGui context is made and destroyed by one thread.
void giveBack(const HostedFrame* frame) {
    QCoreApplication* application = QCoreApplication::instance();
    if (!application || application->thread() == QThread::currentThread())
        delete frame;
    else
        QMetaObject::invokeMethod(
            application, [frame] { delete frame; }, Qt::QueuedConnection);
}

} // namespace

std::shared_ptr<const DrawnFrame> drawFrame(const DrawFunction& draw, const Theme& theme, QSize size, double dpr) {
    return {new HostedFrame(draw, theme, size, dpr), giveBack};
}

QImage renderToImage(const DrawFunction& draw, const Theme& theme, QSize logical_size, double dpr) {
    return drawFrame(draw, theme, logical_size, dpr)->image();
}

QByteArray renderToSvg(const DrawFunction& draw, const Theme& theme, QSize logical_size) {
    ImGuiHost host;
    host.setTheme(theme);
    host.setDevicePixelRatio(1);
    VectorRecord record(static_cast<float>(logical_size.width()), static_cast<float>(logical_size.height()),
                        theme.background);
    const DrawFunction recorded = [&](const CanvasFrame& frame) {
        ImGui::GetIO().UserData = &record;
        draw(frame);
    };
    host.frame(recorded, logical_size, 1.0 / 60, nullptr);
    return QByteArray::fromStdString(record.svg());
}

} // namespace shardscope::gui
