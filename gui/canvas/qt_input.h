// SPDX-License-Identifier: Apache-2.0
// Qt's events on their way into ImGui. ImGui 1.86 keeps states, not edges: a press and a release between two frames
// would cancel out. So events wait here, and a frame takes at most one button or key edge, and all that came before it.
#pragma once
#include <QEvent>
#include <QPointF>
#include <QString>
#include <deque>

struct ImGuiIO;

namespace shardscope::gui {

struct NavigationKeys { // pressed since the last frame, repeats counted
    int zoom = 0;       // W: +1, S: -1
    int pan = 0;        // D: +1, A: -1
    bool fit = false;   // F
};

class InputQueue {
public:
    static void prepare(ImGuiIO&); // once per context

    // True if the event was taken. `wants_text`: an ImGui text field has the keyboard, so letters are text.
    bool take(const QEvent&, bool wants_text);
    // Moves the front of the queue into ImGui, whose units are `scale` of the widget's.
    NavigationKeys apply(ImGuiIO&, double scale = 1);
    bool empty() const { return m_events.empty(); }

    // Keys that a canvas keeps from becoming shortcuts of the window while it has the focus.
    static bool claimsShortcut(const QEvent&, bool wants_text);

private:
    struct Event {
        enum class Kind { move, leave, button, wheel, key, text, navigation, focus_lost };
        Kind kind;
        QPointF at;   // position, or wheel steps
        int code = 0; // button, ImGuiKey, or the letter of a navigation key
        bool down = false;
        unsigned modifiers = 0;
        QString text;
    };
    std::deque<Event> m_events;
};

} // namespace shardscope::gui
