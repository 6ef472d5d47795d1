// SPDX-License-Identifier: Apache-2.0
// Tells on stderr how a run goes: a bar on a terminal, plain lines in a log, one JSON object per line for a program
// that started us, or nothing.
#pragma once
#include "core_runtime/training.h"
#include <chrono>
#include <string>

namespace shardscope::cli {

enum class ProgressMode { bar, plain, json, none };

// auto: a bar if stderr is a terminal, else plain lines.
ProgressMode progressMode(const std::string& text);
std::string durationText(double seconds); // "42 s", "3 min 05 s", "2 h 10 min"

class Progress {
public:
    Progress(ProgressMode mode, int64_t steps)
        : m_mode(mode)
        , m_steps(steps) {}
    void start(const std::string& title, const std::string& trace);
    void notice(const std::string& sentence);
    void step(const StepReport&);
    void checkpoint(const std::string& path);
    void timers(const std::string& lines); // of wall_clock_breakdown
    void end(const std::string& status);   // finished | stopped
    void error(const std::string& sentence);

private:
    using Clock = std::chrono::steady_clock;
    double secondsLeft(const StepReport&) const;
    void clearBar();

    ProgressMode m_mode;
    int64_t m_steps;
    int64_t m_done = 0;            // steps, with those made before this run
    int64_t m_first = -1;          // what m_done was before the first step of this run
    Clock::time_point m_first_end; // of the first step, which is slower than the others and left out of the estimate
    Clock::time_point m_shown;
    bool m_bar_drawn = false;
};

} // namespace shardscope::cli
