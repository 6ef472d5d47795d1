// SPDX-License-Identifier: Apache-2.0
// One open trace in the library: label, title, median step, what was run, and the two figures that tell stages apart.
#pragma once
#include "gui/session.h"
#include <QFrame>

class QLabel;
class QToolButton;

namespace shardscope::gui {

class TraceCard : public QFrame {
    Q_OBJECT
public:
    explicit TraceCard(int trace_id, QWidget* parent = nullptr);
    void show(const OpenTrace&, bool active);
    int traceId() const { return m_trace_id; }

signals:
    void clicked(int trace_id);
    void closeRequested(int trace_id);
    void compareToggled(int trace_id);

protected:
    void mousePressEvent(QMouseEvent*) override;
    void keyPressEvent(QKeyEvent*) override;

private:
    int m_trace_id;
    QToolButton *m_badge, *m_close;
    QLabel *m_title, *m_time, *m_subtitle, *m_peak, *m_overlap, *m_state;
};

} // namespace shardscope::gui
