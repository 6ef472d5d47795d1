// SPDX-License-Identifier: Apache-2.0
// The runs of this session in the order in which they run, one after the other, each in a child process of its own. The
// trace of a run opens in the library as soon as the child has made it. A run that fails does not hold up those behind
// it; Stop does.
#pragma once
#include "gui/run_process.h"
#include <QObject>
#include <QTimer>

namespace shardscope::gui {

class Session;

struct QueuedRun {
    int id = 0;
    RunRequest request;
    RunState state = RunState::idle; // idle: it waits
    int trace_id = 0;                // in the library; 0: not open
    std::string trace_path;
    int64_t steps = 0, steps_done = 0;
    double seconds_left = -1;
    int64_t step_ns = 0; // median without the first, once it has ended
    QString message;     // of a failure
    QString output;      // what the child said, once it has ended
    bool waits() const { return state == RunState::idle; }
};

QString statusText(const QueuedRun&); // "done · 166 ms/step", "step 11 of 20 · 6 s left", "waiting"
QString durationText(double seconds); // "6 s", "2 min 5 s"

class RunQueue : public QObject {
    Q_OBJECT
public:
    explicit RunQueue(Session&);
    const std::vector<QueuedRun>& runs() const { return m_runs; }
    const QueuedRun* run(int id) const;
    const QueuedRun* latest() const { return run(m_latest); } // that goes on or went last
    bool active() const;
    size_t waiting() const;
    bool holds() const { return waiting() > 0 && !active(); } // until startWaiting()

    int add(RunRequest);    // behind all others; begins at once only if those before it go on
    void start(RunRequest); // now, before those that wait
    void startWaiting();
    void stop();               // what goes on; those that wait stay in the queue
    void remove(int id);       // that does not go on
    void move(int id, int by); // among those that wait

signals:
    void changed();     // what the list shows
    void begun(int id); // the run became the latest
    void traceOpened(int trace_id);
    void ended(int id);

private:
    QueuedRun* find(int id);
    void begin(QueuedRun&);
    void beginNext();
    void follow();
    void finish();
    void openTrace();
    std::string freeTracePath(const std::string&) const;

    Session& m_session;
    std::vector<QueuedRun> m_runs;
    int m_next_id = 1, m_latest = 0;
    bool m_going = false;   // those that wait follow by themselves
    int m_opening = 0;      // the run whose trace is being opened
    bool m_unended = false; // the latest has begun and its end was not told
    QTimer m_open_timer;
    uint64_t m_file_before = 0; // identity of what lay at the trace's path before the run
};

} // namespace shardscope::gui
