// SPDX-License-Identifier: Apache-2.0
// The two-minute tour: callouts over the real widgets, one after another. It changes only what is shown, can be gone
// through with Enter or the arrows, and left with Esc at any time.
#pragma once
#include <QFrame>
#include <functional>
#include <vector>

class QLabel;
class QPushButton;

namespace shardscope::gui {

struct TourStop {
    QString title, text;
    std::function<QWidget*()> at; // the widget that is pointed at; may be hidden, then the window is
    std::function<void()> enter;  // what has to be shown for it; may be empty
};

class Tour : public QFrame {
    Q_OBJECT
public:
    explicit Tour(QWidget* window);
    void start(std::vector<TourStop>);
    void finish();
    bool active() const { return m_at >= 0; }
    int at() const { return m_at; }

signals:
    void finished();

protected:
    bool event(QEvent*) override;
    bool eventFilter(QObject*, QEvent*) override;
    void keyPressEvent(QKeyEvent*) override;

private:
    void go(int stop);
    void place();
    std::vector<TourStop> m_stops;
    int m_at = -1;
    QFrame* m_frame; // around what is pointed at
    QLabel *m_title, *m_text, *m_count;
    QPushButton *m_back, *m_next, *m_leave;
};

} // namespace shardscope::gui
