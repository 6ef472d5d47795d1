// SPDX-License-Identifier: Apache-2.0
// A picture of a run: loss and tokens per second over its steps.
#pragma once
#include "profiler/analysis/training_metrics.h"
#include "traces/result.h"
#include <string>
#include <vector>

namespace shardscope::cli {

// The bytes of a PNG of 1600 x 1000 pixels.
Result<std::string> trainingCurvesPng(const std::string& title, const std::vector<StepMetrics>&);

} // namespace shardscope::cli
