// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/report_words.h"
#include <cmath>
#include <fmt/format.h>

namespace shardscope {

TimeUnit reportUnit(int64_t largest_ns) {
    TimeUnit unit = TimeUnit::fitting(largest_ns);
    if (unit.ns == 1e3) unit.name = "µs";
    return unit;
}

std::string percentChange(const Change& change) {
    if (!std::isfinite(change.ratio)) return change.difference == 0 ? "0 %" : "–";
    const double percent = 100 * (change.ratio - 1);
    return fmt::format("{}{:.1f} %", percent < 0 ? "−" : "+", std::abs(percent));
}

std::string verdictHtml(const Change& change, bool less_is_better) {
    const bool better = less_is_better ? change.difference < 0 : change.difference > 0;
    const bool certain = change.verdict.empty() || change.verdict == "real";
    const char* tone = change.difference == 0 || !certain ? "dim" : better ? "good" : "bad";
    return fmt::format("<span class=\"{}\">{}{}{}</span>", tone, percentChange(change),
                       change.verdict.empty() || change.verdict == "real" ? "" : ", ",
                       change.verdict == "real" ? "" : change.verdict);
}

std::string plusMinus(const std::string& value, const std::string& spread) { return value + " ± " + spread; }

const RunFigures& baselineOf(const Comparison& c) { return c.runs[c.baseline]; }

std::vector<HtmlColumn> runColumns(const Comparison& c, const std::string& first, bool numbers) {
    std::vector<HtmlColumn> columns{{.head = first, .numbers = false}};
    for (size_t i = 0; i < c.runs.size(); ++i)
        columns.push_back({.head = c.runs[i].label + "  " + c.runs[i].title +
                                   (i == c.baseline && c.runs.size() > 1 ? " (baseline)" : ""),
                           .numbers = numbers});
    return columns;
}

std::string runNames(const Comparison& c) {
    std::string names;
    for (const RunFigures& run : c.runs) names += (names.empty() ? "" : ", ") + run.title;
    return names;
}

} // namespace shardscope
