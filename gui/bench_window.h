// SPDX-License-Identifier: Apache-2.0
// Measures the whole window without a display: how long it takes to the first picture, and whether its memory stays
// where it is while it is used for long.
#pragma once
#include "traces/result.h"
#include <functional>
#include <string>
#include <vector>

namespace shardscope::gui {

// From the start of the process to the window, to the first complete picture of the traces, and to all figures.
Result<std::string> benchStart(const std::vector<std::string>& files);

// So many rounds of everything that is done to traces: opened, zoomed, walked through, searched, compared, looked at in
// every place, closed. Resident memory after each tenth is reported at once, because all of them may take hours.
using ReportLine = std::function<void(const std::string&)>;
Result<std::string> benchUse(const std::vector<std::string>& files, int rounds, const ReportLine&);

} // namespace shardscope::gui
