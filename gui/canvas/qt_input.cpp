// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/qt_input.h"
#include <QInputMethodEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>
#include <algorithm>
#include <cfloat>
#include <imgui.h>
#include <optional>

namespace shardscope::gui {

namespace {

std::optional<int> buttonIndex(Qt::MouseButton button) {
    switch (button) {
    case Qt::LeftButton:
        return 0;
    case Qt::RightButton:
        return 1;
    case Qt::MiddleButton:
        return 2;
    default:
        return {};
    }
}

std::optional<int> imGuiKey(int key) {
    switch (key) {
    case Qt::Key_Tab:
    case Qt::Key_Backtab:
        return ImGuiKey_Tab;
    case Qt::Key_Left:
        return ImGuiKey_LeftArrow;
    case Qt::Key_Right:
        return ImGuiKey_RightArrow;
    case Qt::Key_Up:
        return ImGuiKey_UpArrow;
    case Qt::Key_Down:
        return ImGuiKey_DownArrow;
    case Qt::Key_PageUp:
        return ImGuiKey_PageUp;
    case Qt::Key_PageDown:
        return ImGuiKey_PageDown;
    case Qt::Key_Home:
        return ImGuiKey_Home;
    case Qt::Key_End:
        return ImGuiKey_End;
    case Qt::Key_Insert:
        return ImGuiKey_Insert;
    case Qt::Key_Delete:
        return ImGuiKey_Delete;
    case Qt::Key_Backspace:
        return ImGuiKey_Backspace;
    case Qt::Key_Space:
        return ImGuiKey_Space;
    case Qt::Key_Return:
        return ImGuiKey_Enter;
    case Qt::Key_Enter:
        return ImGuiKey_KeyPadEnter;
    case Qt::Key_Escape:
        return ImGuiKey_Escape;
    case Qt::Key_A:
        return ImGuiKey_A;
    case Qt::Key_C:
        return ImGuiKey_C;
    case Qt::Key_V:
        return ImGuiKey_V;
    case Qt::Key_X:
        return ImGuiKey_X;
    case Qt::Key_Y:
        return ImGuiKey_Y;
    case Qt::Key_Z:
        return ImGuiKey_Z;
    default:
        return {};
    }
}

bool isNavigation(int key) {
    return key == Qt::Key_W || key == Qt::Key_A || key == Qt::Key_S || key == Qt::Key_D || key == Qt::Key_F;
}

constexpr unsigned command_modifiers = Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier;
constexpr unsigned all_modifiers = command_modifiers | Qt::ShiftModifier;

} // namespace

void InputQueue::prepare(ImGuiIO& io) {
    for (int key = 0; key < ImGuiKey_COUNT; ++key) io.KeyMap[key] = key;
}

bool InputQueue::claimsShortcut(const QEvent& event, bool wants_text) {
    const auto& key = static_cast<const QKeyEvent&>(event);
    const auto modifiers = key.modifiers().toInt();
    if (!(modifiers & command_modifiers)) return wants_text || isNavigation(key.key());
    const bool editing = key.key() == Qt::Key_A || key.key() == Qt::Key_C || key.key() == Qt::Key_V ||
                         key.key() == Qt::Key_X || key.key() == Qt::Key_Y || key.key() == Qt::Key_Z;
    return wants_text && editing && !(modifiers & (Qt::AltModifier | Qt::MetaModifier));
}

bool InputQueue::take(const QEvent& event, bool wants_text) {
    using Kind = Event::Kind;
    switch (event.type()) {
    case QEvent::MouseMove: {
        const auto& mouse = static_cast<const QMouseEvent&>(event);
        if (!m_events.empty() && m_events.back().kind == Kind::move) m_events.pop_back(); // only the last place counts
        m_events.push_back(
            {.kind = Kind::move, .at = mouse.position(), .modifiers = mouse.modifiers().toInt(), .text = {}});
        return true;
    }
    case QEvent::MouseButtonPress:
    case QEvent::MouseButtonDblClick:
    case QEvent::MouseButtonRelease: {
        const auto& mouse = static_cast<const QMouseEvent&>(event);
        const std::optional<int> button = buttonIndex(mouse.button());
        if (!button) return false;
        m_events.push_back({.kind = Kind::button,
                            .at = mouse.position(),
                            .code = *button,
                            .down = event.type() != QEvent::MouseButtonRelease,
                            .modifiers = mouse.modifiers().toInt(),
                            .text = {}});
        return true;
    }
    case QEvent::Wheel: {
        const auto& wheel = static_cast<const QWheelEvent&>(event);
        m_events.push_back(
            {.kind = Kind::move, .at = wheel.position(), .modifiers = wheel.modifiers().toInt(), .text = {}});
        m_events.push_back({.kind = Kind::wheel,
                            .at = QPointF(wheel.angleDelta()) / 120.0,
                            .modifiers = wheel.modifiers().toInt(),
                            .text = {}});
        return true;
    }
    case QEvent::Leave:
        m_events.push_back({.kind = Kind::leave, .at = {}, .text = {}});
        return true;
    case QEvent::FocusOut:
        m_events.push_back({.kind = Kind::focus_lost, .at = {}, .text = {}});
        return true;
    case QEvent::KeyPress:
    case QEvent::KeyRelease: {
        const auto& key = static_cast<const QKeyEvent&>(event);
        const auto modifiers = key.modifiers().toInt();
        const bool down = event.type() == QEvent::KeyPress;
        if (!wants_text && isNavigation(key.key()) && !(modifiers & (command_modifiers | Qt::ShiftModifier))) {
            if (down) m_events.push_back({.kind = Kind::navigation, .at = {}, .code = key.key(), .text = {}});
            return true;
        }
        const std::optional<int> code = imGuiKey(key.key());
        if (code)
            m_events.push_back(
                {.kind = Kind::key, .at = {}, .code = *code, .down = down, .modifiers = modifiers, .text = {}});
        const bool types = wants_text && down && !(modifiers & command_modifiers) && !key.text().isEmpty() &&
                           key.text().front().isPrint();
        if (types) m_events.push_back({.kind = Kind::text, .at = {}, .text = key.text()});
        return wants_text && (code || types);
    }
    case QEvent::InputMethod: {
        const QString committed = static_cast<const QInputMethodEvent&>(event).commitString();
        if (!wants_text || committed.isEmpty()) return false;
        m_events.push_back({.kind = Kind::text, .at = {}, .text = committed});
        return true;
    }
    default:
        return false;
    }
}

NavigationKeys InputQueue::apply(ImGuiIO& io, double scale) {
    using Kind = Event::Kind;
    NavigationKeys keys;
    bool wheel_turned = false;
    io.MouseWheel = io.MouseWheelH = 0;
    while (!m_events.empty()) {
        const Event event = m_events.front();
        const double unit = event.kind == Kind::wheel ? 1 : scale; // turns of a wheel have no size
        const ImVec2 place(static_cast<float>(event.at.x() / unit), static_cast<float>(event.at.y() / unit));
        const unsigned held =
            (io.KeyCtrl ? unsigned{Qt::ControlModifier} : 0u) | (io.KeyShift ? unsigned{Qt::ShiftModifier} : 0u) |
            (io.KeyAlt ? unsigned{Qt::AltModifier} : 0u) | (io.KeySuper ? unsigned{Qt::MetaModifier} : 0u);
        // The wheel belongs to the place and the keys it was turned with; what changes them waits for the next frame.
        const bool same_place = event.kind == Kind::move && place.x == io.MousePos.x && place.y == io.MousePos.y;
        const bool more_wheel = same_place || event.kind == Kind::wheel;
        if (wheel_turned && !(more_wheel && (event.modifiers & all_modifiers) == held)) return keys;
        m_events.pop_front();
        if (event.kind != Kind::leave && event.kind != Kind::focus_lost && event.kind != Kind::text) {
            io.KeyCtrl = event.modifiers & Qt::ControlModifier;
            io.KeyShift = event.modifiers & Qt::ShiftModifier;
            io.KeyAlt = event.modifiers & Qt::AltModifier;
            io.KeySuper = event.modifiers & Qt::MetaModifier;
        }
        switch (event.kind) {
        case Kind::move:
            io.MousePos = place;
            break;
        case Kind::leave:
            io.MousePos = ImVec2(-FLT_MAX, -FLT_MAX);
            break;
        case Kind::wheel:
            io.MouseWheel += place.y;
            io.MouseWheelH += place.x;
            wheel_turned = true;
            break;
        case Kind::text:
            io.AddInputCharactersUTF8(event.text.toUtf8().constData());
            break;
        case Kind::navigation:
            keys.zoom += (event.code == Qt::Key_W) - (event.code == Qt::Key_S);
            keys.pan += (event.code == Qt::Key_D) - (event.code == Qt::Key_A);
            keys.fit = keys.fit || event.code == Qt::Key_F;
            break;
        case Kind::focus_lost:
            std::fill(std::begin(io.KeysDown), std::end(io.KeysDown), false);
            io.KeyCtrl = io.KeyShift = io.KeyAlt = io.KeySuper = false;
            break;
        case Kind::button:
            io.MousePos = place;
            io.MouseDown[event.code] = event.down;
            return keys;
        case Kind::key:
            io.KeysDown[event.code] = event.down;
            return keys;
        }
    }
    return keys;
}

} // namespace shardscope::gui
