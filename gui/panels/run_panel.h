// SPDX-License-Identifier: Apache-2.0
// The Run place: the form, the DeepSpeed JSON it stands for, the runs so far, and the run that is going on. Starts the
// run and opens its trace as soon as the child has made it.
#pragma once
#include "gui/run_request.h"
#include "gui/session.h"
#include <QWidget>

class QFrame;
class QLabel;
class QProgressBar;
class QVBoxLayout;

namespace shardscope::gui {

class ConfigEditor;
class LivePanel;
class RunForm;
class SectionHead;

class RunPanel : public QWidget {
    Q_OBJECT
public:
    explicit RunPanel(Session&, QWidget* parent = nullptr);
    RunForm& form() { return *m_form; }
    LivePanel& live() { return *m_live; }
    bool startable() const { return m_problems.empty(); }
    QString failure() const; // of the last run, as shown; empty if there is none
    QString statusOfLastRun() const;

protected:
    void resizeEvent(QResizeEvent*) override;

private:
    struct RunRow { // one line of the list of runs
        int trace_id = 0;
        QLabel *title = nullptr, *status = nullptr;
        QProgressBar* bar = nullptr;
    };
    QWidget* makeMiddle();
    void start();
    void check();
    void follow();
    void finish();
    void showState();
    void openTraceOfRun();

    Session& m_session;
    RunForm* m_form;
    ConfigEditor* m_editor;
    LivePanel* m_live;
    QFrame* m_failure_card;
    QLabel *m_failure_title, *m_failure;
    SectionHead* m_runs_head;
    QVBoxLayout* m_runs_column;
    QLabel* m_no_runs;
    std::vector<RunRow> m_runs; // the last one is the current one
    std::map<std::string, std::string> m_problems;
    QTimer m_check_timer, m_open_timer;
    uint64_t m_file_before = 0; // identity of what lay at the trace's path before the run
};

} // namespace shardscope::gui
