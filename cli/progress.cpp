// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"
#include "profiler/analysis/table.h"
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <cstdio>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

namespace shardscope::cli {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr auto bar_interval = 100ms;
constexpr auto line_interval = 500ms;

void printLine(const Json& object) {
    fmt::print(stderr, "{}\n", object.dump(-1, ' ', false, Json::error_handler_t::replace));
    std::fflush(stderr);
}

int terminalWidth() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

} // namespace

std::string durationText(double seconds) {
    const auto whole = static_cast<int64_t>(seconds + 0.5);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

ProgressMode progressMode(const std::string& text) {
    if (text == "bar") return ProgressMode::bar;
    if (text == "plain") return ProgressMode::plain;
    if (text == "json") return ProgressMode::json;
    if (text == "none") return ProgressMode::none;
    return isatty(STDERR_FILENO) ? ProgressMode::bar : ProgressMode::plain;
}

void Progress::start(const std::string& title, const std::string& trace) {
    if (m_mode == ProgressMode::json) printLine({{"event", "start"}, {"steps", m_steps}, {"trace", trace}});
    if (m_mode == ProgressMode::bar || m_mode == ProgressMode::plain) fmt::print(stderr, "{}\n", title);
}

void Progress::notice(const std::string& sentence) {
    if (m_mode == ProgressMode::json) printLine({{"event", "notice"}, {"message", sentence}});
    if (m_mode == ProgressMode::bar || m_mode == ProgressMode::plain)
        fmt::print(stderr, "note: {}\n", printable(sentence));
}

double Progress::secondsLeft(const StepReport& report) const {
    const auto left = static_cast<double>(m_steps - m_done);
    if (m_done - m_first < 2) return left * static_cast<double>(report.step_ns) * 1e-9;
    return left * std::chrono::duration<double>(Clock::now() - m_first_end).count() /
           static_cast<double>(m_done - m_first - 1);
}

void Progress::step(const StepReport& report) {
    const auto now = Clock::now();
    m_done = report.step + 1;
    if (m_first < 0) {
        m_first = report.step;
        m_first_end = now;
    }
    const double left = secondsLeft(report);
    if (m_mode == ProgressMode::json)
        return printLine({{"event", "step"},
                          {"step", report.step},
                          {"steps", m_steps},
                          {"loss", report.loss},
                          {"step_ns", report.step_ns},
                          {"tokens_per_s", report.tokens_per_s},
                          {"eta_s", left}});
    if (m_mode == ProgressMode::none) return;
    const auto interval = m_mode == ProgressMode::bar ? bar_interval : line_interval;
    const bool ends = m_done - m_first == 1 || m_done == m_steps;
    if (!ends && now - m_shown < interval) return;
    m_shown = now;
    std::string figures = fmt::format("step {}/{}  loss {:.4f}  {:.1f} ms  {} tokens/s", m_done, m_steps, report.loss,
                                      static_cast<double>(report.step_ns) * 1e-6, grouped(report.tokens_per_s));
    if (m_done < m_steps) figures += fmt::format("  {} left", durationText(left));
    if (m_mode == ProgressMode::plain) {
        fmt::print(stderr, "{}\n", figures);
        return;
    }
    const int width = std::clamp(terminalWidth() - static_cast<int>(figures.size()) - 4, 0, 40);
    const auto filled = static_cast<int>(width * m_done / std::max<int64_t>(m_steps, 1));
    const std::string bar =
        width < 5 ? "" : fmt::format("[{:<{}}] ", std::string(static_cast<size_t>(filled), '='), width);
    fmt::print(stderr, "\r\x1b[K{}{}", bar, figures);
    std::fflush(stderr);
    m_bar_drawn = true;
}

void Progress::checkpoint(const std::string& path) {
    if (m_mode == ProgressMode::json) return printLine({{"event", "checkpoint"}, {"path", path}});
    if (m_mode == ProgressMode::none) return;
    clearBar();
    fmt::print(stderr, "checkpoint {}\n", path);
}

void Progress::timers(const std::string& lines) {
    if (lines.empty() || m_mode == ProgressMode::none) return;
    if (m_mode == ProgressMode::json) return printLine({{"event", "timers"}, {"text", lines}});
    clearBar();
    fmt::print(stderr, "{}", lines);
}

void Progress::clearBar() {
    if (m_bar_drawn) fmt::print(stderr, "\n");
    m_bar_drawn = false;
}

void Progress::end(const std::string& status) {
    clearBar();
    if (m_mode == ProgressMode::json)
        printLine({{"event", "end"}, {"status", status}});
    else if (status == "stopped")
        fmt::print(stderr, "stopped after step {} of {}; what was recorded is complete up to there\n", m_done, m_steps);
}

void Progress::error(const std::string& sentence) {
    clearBar();
    if (m_mode == ProgressMode::json)
        printLine({{"event", "error"}, {"message", sentence}});
    else
        fmt::print(stderr, "shardscope: {}\n", sentence);
}

} // namespace shardscope::cli
