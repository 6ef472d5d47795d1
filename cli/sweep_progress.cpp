// SPDX-License-Identifier: Apache-2.0
#include "cli/sweep_progress.h"
#include <algorithm>
#include <cstdio>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace shardscope::cli {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr auto show_interval = 200ms; // between two lines or two states of the bar

void printEvent(const Json& object) {
    fmt::print(stderr, "{}\n", object.dump(-1, ' ', false, Json::error_handler_t::replace));
    std::fflush(stderr);
}

} // namespace

void SweepProgress::start(const std::string& folder, int64_t runs_to_make) {
    m_runs = runs_to_make;
    int64_t measured = 0;
    for (const SweepPoint& point : m_sweep.points) measured += static_cast<int64_t>(point.runs.size());
    if (m_mode == ProgressMode::json)
        printEvent({{"event", "sweep"},
                    {"folder", folder},
                    {"title", m_sweep.title},
                    {"points", m_sweep.points.size()},
                    {"runs", m_runs},
                    {"measured", measured}});
    if (m_mode != ProgressMode::bar && m_mode != ProgressMode::plain) return;
    fmt::print(stderr, "{}: {} points, {} runs{}\n", m_sweep.title, m_sweep.points.size(), m_runs,
               measured > 0 ? fmt::format("; {} were made before", measured) : "");
}

void SweepProgress::notice(const std::string& sentence) {
    if (m_mode == ProgressMode::json) printEvent({{"event", "notice"}, {"message", sentence}});
    if (m_mode == ProgressMode::bar || m_mode == ProgressMode::plain)
        fmt::print(stderr, "note: {}\n", printable(sentence));
}

double SweepProgress::secondsLeft() const {
    const double own = std::chrono::duration<double>(Clock::now() - m_run_started).count();
    const auto steps = static_cast<double>(std::max<int64_t>(m_sweep.steps, 1));
    const auto left = static_cast<double>(m_runs - m_done);
    if (m_done > 0) return std::max(0.0, left * m_seconds / static_cast<double>(m_done) - own);
    return m_step < 2 ? -1 : std::max(0.0, left * own * steps / static_cast<double>(m_step) - own);
}

void SweepProgress::runStarts(size_t point, int64_t round) {
    m_point = point;
    m_round = round;
    m_step = 0;
    m_run_started = Clock::now();
    show(true);
}

void SweepProgress::step(int64_t steps_done) {
    m_step = steps_done;
    show(false);
}

void SweepProgress::runEnds(const SweepRun& run) {
    ++m_done;
    m_seconds += run.seconds;
    m_step = 0;
    m_run_started = Clock::now();
    const std::string label = pointLabel(m_sweep, m_point);
    if (m_mode == ProgressMode::json)
        return printEvent({{"event", "run"},
                           {"point", m_point},
                           {"label", label},
                           {"round", run.round},
                           {"done", m_done},
                           {"runs", m_runs},
                           {"step_ns", run.step_ns},
                           {"error", run.error},
                           {"eta_s", secondsLeft()}});
    if (m_mode == ProgressMode::none) return;
    const std::string figures =
        run.measured() ? fmt::format("{:.2f} ms a step, {:.2f} ms exposed", static_cast<double>(run.step_ns) * 1e-6,
                                     static_cast<double>(run.exposed_comm_ns) * 1e-6)
                       : "failed: " + printable(run.error);
    if (m_mode == ProgressMode::bar && run.measured()) return; // the bar goes on
    clearBar();
    fmt::print(stderr, "run {}/{}  {}  {}  {} left\n", m_done, m_runs, label, figures,
               durationText(std::max(0.0, secondsLeft())));
}

void SweepProgress::show(bool at_once) {
    const auto now = Clock::now();
    if (m_mode == ProgressMode::none || (!at_once && now - m_shown < show_interval)) return;
    m_shown = now;
    const double left = secondsLeft();
    if (m_mode == ProgressMode::json)
        return printEvent({{"event", "progress"},
                           {"point", m_point},
                           {"label", pointLabel(m_sweep, m_point)},
                           {"round", m_round},
                           {"done", m_done},
                           {"runs", m_runs},
                           {"step", m_step},
                           {"steps", m_sweep.steps},
                           {"eta_s", left}});
    if (m_mode != ProgressMode::bar) return;
    const double share = (static_cast<double>(m_done) +
                          static_cast<double>(m_step) / static_cast<double>(std::max<int64_t>(m_sweep.steps, 1))) /
                         static_cast<double>(std::max<int64_t>(m_runs, 1));
    constexpr int width = 24;
    const auto filled = static_cast<size_t>(std::clamp(share, 0.0, 1.0) * width);
    fmt::print(stderr, "\r\x1b[K[{:<{}}] run {}/{}  {}  round {}{}", std::string(filled, '='), width, m_done + 1,
               m_runs, pointLabel(m_sweep, m_point), m_round + 1, left < 0 ? "" : "  " + durationText(left) + " left");
    std::fflush(stderr);
    m_bar_drawn = true;
}

void SweepProgress::clearBar() {
    if (m_bar_drawn) fmt::print(stderr, "\r\x1b[K");
    m_bar_drawn = false;
}

void SweepProgress::end(const std::string& status) {
    clearBar();
    if (m_mode == ProgressMode::json)
        printEvent({{"event", "end"}, {"status", status}});
    else if (status == "stopped" && m_mode != ProgressMode::none)
        fmt::print(stderr,
                   "stopped after {} of {} runs; what was measured is kept, and the same command goes on with "
                   "the rest\n",
                   m_done, m_runs);
}

void SweepProgress::error(const std::string& sentence) {
    clearBar();
    if (m_mode == ProgressMode::json)
        printEvent({{"event", "error"}, {"message", sentence}});
    else
        fmt::print(stderr, "shardscope: {}\n", sentence);
}

} // namespace shardscope::cli
