// SPDX-License-Identifier: Apache-2.0
// Numbers and changes as the report writes them. Internal to profiler/report.
#pragma once
#include "profiler/analysis/compare.h"
#include "profiler/analysis/text_table.h"
#include "profiler/report/html_text.h"

namespace shardscope {

TimeUnit reportUnit(int64_t largest_ns);                     // with a proper mu
std::string percentChange(const Change&);                    // "+13.0 %", "-" where the baseline has nothing
std::string verdictHtml(const Change&, bool less_is_better); // "+13.0 % real", coloured; empty for the baseline
std::string plusMinus(const std::string& value, const std::string& spread); // "41.9 ± 0.3"
const RunFigures& baselineOf(const Comparison&);
std::vector<HtmlColumn> runColumns(const Comparison&, const std::string& first, bool numbers); // first, A, B ...
std::string runNames(const Comparison&);                                                       // "ZeRO-0, ZeRO-2"

} // namespace shardscope
