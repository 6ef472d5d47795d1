// SPDX-License-Identifier: Apache-2.0
// The main canvas of the Timeline, Compare and Memory places, or what to do when nothing is open.
#pragma once
#include "gui/canvas/timeline.h"
#include "gui/session.h"
#include <QWidget>

class QStackedLayout;

namespace shardscope::gui {

class ImGuiCanvas;
class LaneReading;
struct CanvasFrame;

class TimelinePanel : public QWidget {
    Q_OBJECT
public:
    explicit TimelinePanel(Session&, QWidget* parent = nullptr);
    ImGuiCanvas& canvas() { return *m_canvas; }
    void setWelcome(QWidget*);                   // what is shown while nothing is open
    bool complete() const { return m_complete; } // the last frame showed all that there is to see
    void revealLane(int trace_id, LaneId);       // scrolls there, in the place that shows it
    const TimelineState& state() const { return m_states[static_cast<size_t>(m_session.place())]; }

protected:
    bool eventFilter(QObject*, QEvent*) override; // arrow keys of the canvas walk from operation to operation

private:
    void draw(const CanvasFrame&);
    void reveal(int trace_id, LaneId);
    void chooseFace(); // the canvas, what to do next, or that a trace is being read
    Session& m_session;
    QStackedLayout* m_stack;
    ImGuiCanvas* m_canvas;
    LaneReading* m_reading;
    bool m_complete = false;
    bool m_cursor_here = false;                      // this canvas put the cursor where it is
    std::array<TimelineState, place_count> m_states; // by place: each keeps its scroll position
};

} // namespace shardscope::gui
