// SPDX-License-Identifier: Apache-2.0
// The queue of runs as a list: what each is, how it stands, and buttons for what can be done with it. Rows are kept by
// run, so that nothing jumps while one goes on.
#pragma once
#include "gui/run_queue.h"
#include <QWidget>
#include <map>

class QLabel;
class QProgressBar;
class QToolButton;
class QVBoxLayout;

namespace shardscope::gui {

class QueueRow : public QWidget {
    Q_OBJECT
public:
    explicit QueueRow(int run_id);
    void show(const QueuedRun&, const QString& difference, bool first_waiting, bool last_waiting);
    int runId() const { return m_run_id; }
    QString status() const;
    QString title() const;

signals:
    void clicked();
    void moved(int by);
    void removed();
    void repeated();
    void duplicated();

protected:
    void mousePressEvent(QMouseEvent*) override;
    void resizeEvent(QResizeEvent*) override;

private:
    void placeStatus();
    int m_run_id;
    QLabel *m_title, *m_difference, *m_status;
    QProgressBar* m_bar;
    QHBoxLayout *m_line = nullptr, *m_below;
    QToolButton *m_up, *m_down, *m_repeat, *m_duplicate, *m_remove;
};

class QueueList : public QWidget {
    Q_OBJECT
public:
    explicit QueueList(RunQueue&, QWidget* parent = nullptr);
    const std::vector<QueueRow*>& rows() const { return m_rows; }

signals:
    void openAsked(int run_id);
    void repeatAsked(int run_id);
    void duplicateAsked(int run_id);

private:
    void rebuild();
    RunQueue& m_queue;
    QVBoxLayout* m_column;
    QLabel* m_hint;
    std::vector<QueueRow*> m_rows;
    struct Difference {
        int before = 0; // the run it was told against
        QString text;
    };
    std::map<int, Difference> m_differences; // by run: told once, not at every step
};

} // namespace shardscope::gui
