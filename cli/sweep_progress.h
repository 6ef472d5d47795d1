// SPDX-License-Identifier: Apache-2.0
// Tells on stderr how a sweep goes, in the modes of a run: a bar, plain lines, one JSON object per line, or nothing.
#pragma once
#include "cli/progress.h"
#include "profiler/analysis/sweep.h"

namespace shardscope::cli {

class SweepProgress {
public:
    SweepProgress(ProgressMode mode, const Sweep& sweep)
        : m_mode(mode)
        , m_sweep(sweep) {}
    void start(const std::string& folder, int64_t runs_to_make);
    void notice(const std::string& sentence);
    void runStarts(size_t point, int64_t round);
    void step(int64_t steps_done); // of the run that goes on
    void runEnds(const SweepRun&);
    void end(const std::string& status); // finished | stopped
    void error(const std::string& sentence);

private:
    using Clock = std::chrono::steady_clock;
    double secondsLeft() const; // below zero: not known yet
    void show(bool at_once);
    void clearBar();

    ProgressMode m_mode;
    const Sweep& m_sweep;
    int64_t m_runs = 0, m_done = 0;
    size_t m_point = 0;
    int64_t m_round = 0, m_step = 0;
    double m_seconds = 0; // of all runs made now
    Clock::time_point m_run_started, m_shown;
    bool m_bar_drawn = false;
};

} // namespace shardscope::cli
