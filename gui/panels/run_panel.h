// SPDX-License-Identifier: Apache-2.0
// The Run place: the form, the DeepSpeed JSON it stands for, the queue of runs, and the run that is going on. Keeps
// form, JSON and history at one request, and has a worker check it after each change.
#pragma once
#include "gui/device_probe.h"
#include "gui/run_check.h"
#include "gui/run_history.h"
#include "gui/run_queue.h"
#include "gui/session.h"
#include <QThreadPool>
#include <QTimer>
#include <QWidget>

class QLineEdit;
class QToolButton;
class QVBoxLayout;

namespace shardscope::gui {

class AskBar;
class BeforeCard;
class ConfigEditor;
class FailureCard;
class LivePanel;
class QueueList;
class RunForm;
class SectionHead;

class RunPanel : public QWidget {
    Q_OBJECT
public:
    explicit RunPanel(Session&, QWidget* parent = nullptr);
    RunForm& form() { return *m_form; }
    LivePanel& live() { return *m_live; }
    RunQueue& queue() { return *m_queue; }
    const DeviceProbe& devices() const { return m_probe; }
    bool looksForDevices() const { return isVisible() && !m_probe.devices(); }
    bool startable() const { return m_problems.empty(); }
    bool settled() const;    // what the form asks for has been checked and drawn
    QString failure() const; // of the last run, as shown; empty if there is none
    QString statusOfLastRun() const;
    // Whether the window may close now. If a run goes on, a bar asks once; closing again ends the run.
    bool mayClose();

    void openConfig(const QString& path); // a DeepSpeed JSON into the form; what is wrong is shown there
    void saveConfig(const QString& path);
    // Takes a request into the form and marks what is changed from then on.
    void vary(const RunRequest& original, const QString& title);
    // The same with the configuration of an open trace, where it has one, and the cursor in the field of this key.
    void changeKey(int trace_id, const QString& key);

protected:
    void showEvent(QShowEvent*) override; // asks for the devices, once
    void dragEnterEvent(QDragEnterEvent*) override;
    void dropEvent(QDropEvent*) override;

private:
    QWidget* makeLeft();
    QWidget* makeMiddle();
    QWidget* makeRight();
    void addBars(QVBoxLayout*);
    void connectActions();
    void connectParts();
    void taken(const QString& field); // the form was edited
    void textEdited();
    void show(const RunRequest&); // from elsewhere: history, a file, a run
    void check();
    void showPlanned();
    void showCheck(const RunCheck&);
    void showRemarkedLines();
    void showState();
    void showOriginal();
    void start();
    void addToQueue();
    void queueStages();
    void repeat(int run_id);
    void varyActive();
    void varyTrace(const OpenTrace&);
    bool refusedAtSight(); // the last keystroke may not have been checked yet; says what is wrong
    std::vector<QueuedRun> knownRuns() const;

    Session& m_session;
    RunQueue* m_queue;
    RunForm* m_form;
    ConfigEditor* m_editor;
    LivePanel* m_live;
    QueueList* m_list;
    FailureCard* m_failure;
    BeforeCard* m_before;
    AskBar *m_close_bar, *m_original_bar;
    SectionHead* m_queue_head;
    QToolButton* m_start_queue;
    QLineEdit* m_filter;
    RunCheckJob m_job;
    DeviceProbe m_probe;
    RunCheck m_check;
    RunHistory m_history;
    std::optional<RunRequest> m_original;
    QString m_original_title;
    std::map<std::string, std::string> m_problems;
    QTimer m_check_timer;
    QString m_text_before; // of the JSON, to tell typing in one place from another change
    qsizetype m_typed_at = -1;
    int m_text_change = 0;
    bool m_closing = false, m_close_when_ended = false;
    QThreadPool m_files; // reads and writes configurations; the last member, so that it is waited for first
};

} // namespace shardscope::gui
