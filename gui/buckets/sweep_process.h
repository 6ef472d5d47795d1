// SPDX-License-Identifier: Apache-2.0
// A sweep as a child process of the command line program. Its stderr carries one JSON object per line; whatever it has
// measured lies in its folder, also when it is stopped or killed.
#pragma once
#include "gui/run_request.h"
#include "profiler/analysis/sweep.h"
#include <QObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTimer>
#include <memory>

namespace shardscope::gui {

struct SweepRequest {
    RunRequest run;                // what all points share
    std::vector<std::string> vary; // "reduce_bucket_size=1e5:1e9:log:9"
    int64_t repeat = 5, warmup_steps = 2;
    std::string folder;
};

// The request that goes on with a sweep that was stopped.
SweepRequest requestOf(const Sweep&);
std::vector<std::string> sweepArguments(const SweepRequest&, const std::string& config_path);
std::string defaultSweepFolder(const RunRequest&); // beside the traces of runs, a number that is not taken yet

struct SweepState {
    enum Kind { idle, running, stopping, finished, stopped, failed } kind = idle;
    int64_t done = 0, runs = 0; // of this start
    std::string label;          // of the point that runs
    int64_t round = 0, step = 0, steps = 0;
    double eta_s = -1;
    QString message; // of a failure
};

class SweepProcess : public QObject {
    Q_OBJECT
public:
    explicit SweepProcess(QObject* parent = nullptr);
    ~SweepProcess() override; // ends the child, which keeps what it has
    void setProgram(const QString& path) { m_program = path; }
    void start(const QString& program, const SweepRequest&);
    void stop();
    bool active() const { return m_state.kind == SweepState::running || m_state.kind == SweepState::stopping; }
    const SweepState& state() const { return m_state; }
    const std::string& folder() const { return m_folder; }
    const QStringList& notices() const { return m_notices; }

signals:
    void changed();
    void measured(); // sweep.json has a new run
    void ended();

private:
    void readLines();
    void takeLine(const QByteArray&);
    void finish(int exit_code, QProcess::ExitStatus);
    void fail(const QString& sentence);

    QString m_program; // instead of the one that is asked for: tests
    std::unique_ptr<QProcess> m_process;
    std::unique_ptr<QTemporaryDir> m_private; // holds the configuration while the child lives
    QTimer m_kill_timer;
    QByteArray m_line;
    QString m_last_words;
    QStringList m_notices;
    SweepState m_state;
    std::string m_folder;
};

} // namespace shardscope::gui
