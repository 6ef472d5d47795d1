// SPDX-License-Identifier: Apache-2.0
// A training run as a child process of the command line program. Its stderr carries one JSON object per line; whatever
// happens to the child, the window goes on and says what happened.
#pragma once
#include "gui/run_request.h"
#include <QObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTimer>
#include <memory>

namespace shardscope::gui {

struct RunProgress { // after a step
    int64_t step = 0, steps = 0;
    double loss = 0;
    int64_t step_ns = 0;
    double tokens_per_s = 0;
    double eta_s = -1;
};

enum class RunState { idle, starting, running, stopping, finished, stopped, failed, killed };

class RunProcess : public QObject {
    Q_OBJECT
public:
    explicit RunProcess(QObject* parent = nullptr);
    ~RunProcess() override; // interrupts the child, then kills it

    void setProgram(const QString& path) { m_program = path; } // default: shardscope beside this program, then in PATH
    QString program() const;

    void setPatience(int ms) { m_patience_ms = ms; } // between asking the child to stop and killing it

    // False with a sentence in message() if it could not be tried at all; a child that fails later says so by ended().
    bool start(const RunRequest&);
    void stop();
    bool active() const {
        return m_state == RunState::starting || m_state == RunState::running || m_state == RunState::stopping;
    }
    RunState state() const { return m_state; }
    const QString& message() const { return m_message; } // of a failure: one sentence
    // What the child was called with and all it said, without its progress; the end of it where it is long.
    const QString& output() const { return m_output; }
    const std::string& tracePath() const { return m_trace_path; }
    const std::vector<RunProgress>& progress() const { return m_progress; }
    int64_t steps() const { return m_steps; }
    qint64 processId() const { return m_process ? m_process->processId() : 0; }

signals:
    void changed(); // state or progress
    void ended();   // state() tells how

private:
    void readLines();
    void takeLine(const QByteArray&);
    void finish(int exit_code, QProcess::ExitStatus);
    void keep(const QString& line);

    QString m_program;
    std::unique_ptr<QProcess> m_process;
    std::unique_ptr<QTemporaryDir> m_folder; // private; holds the configuration while the child lives
    QTimer m_kill_timer;
    int m_patience_ms = 5'000;
    QByteArray m_line;
    QString m_last_words; // the last line that was not ours, for a child that dies without a message
    RunState m_state = RunState::idle;
    bool m_announced_stop = false; // the child said "stopped"
    QString m_message, m_output;
    std::string m_trace_path;
    std::vector<RunProgress> m_progress;
    int64_t m_steps = 0;
};

} // namespace shardscope::gui
