// SPDX-License-Identifier: Apache-2.0
// The right column of the Run place: what each stage would need against what there is, and the run as it goes: its
// newest whole step on all ranks, the memory of one by category, loss and speed. The canvas keeps one scale, so that
// new steps replace old ones without moving anything.
#pragma once
#include "gui/canvas/timeline.h"
#include "gui/device_probe.h"
#include "gui/run_request.h"
#include "gui/session.h"
#include <QWidget>

class QLabel;
class QStackedLayout;

namespace shardscope::gui {

class ImGuiCanvas;
class LaneReading;
class LossChart;
class SectionHead;
class StackedBars;

class LivePanel : public QWidget {
    Q_OBJECT
public:
    explicit LivePanel(Session&, QWidget* parent = nullptr);
    void setPlanned(const std::vector<PlannedStage>&, int stage_now, const RunRequest&,
                    const std::optional<KnownDevices>& = {});
    void setTraceId(int); // the trace of the run that is going on or went last; 0: none
    ImGuiCanvas& canvas() { return *m_canvas; }
    ImGuiCanvas& memoryCanvas() { return *m_memory_canvas; }
    const LossChart& losses() const { return *m_losses; }

signals:
    void stageChosen(int);

protected:
    void resizeEvent(QResizeEvent*) override;

private:
    void showProgress();
    void fitPlanned();
    void drawMemory();
    void showStep();
    void showMemory();
    TimelineModel model(bool memory) const; // of the lanes, or of the memory below them
    Session& m_session;
    int m_trace_id = 0;
    int32_t m_step = -1;           // drawn now
    int64_t m_longest_step_ns = 0; // of this run so far: the scale
    SectionHead* m_live_head;
    StackedBars* m_planned;
    QStackedLayout* m_stack;
    ImGuiCanvas *m_canvas, *m_memory_canvas; // one below the other on one time axis
    LaneReading *m_reading, *m_memory_reading;
    TimelineState m_state, m_memory_state;
    QWidget* m_charts; // once there is a step to draw
    QLabel* m_hint;
    LossChart *m_losses, *m_speed;
    QLabel *m_loss_now, *m_speed_now, *m_planned_note, *m_memory_now;
};

} // namespace shardscope::gui
