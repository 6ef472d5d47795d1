// SPDX-License-Identifier: Apache-2.0
// A comparison as one HTML file for people who have neither the traces nor this program: no scripts, nothing is loaded
// from elsewhere, light and dark as the reader's system is. It is well-formed XML too. All numbers are those of
// compare().
#pragma once
#include "profiler/report/step_picture.h"

namespace shardscope {

// One picture per run, or none.
std::string comparisonHtml(const Comparison&, const std::vector<StepPicture>& = {});

// Compares, draws the pictures and writes the file, whole or not at all.
Result<void> writeComparisonHtml(const std::vector<const TraceReader*>&, size_t baseline, const std::string& path);

} // namespace shardscope
