// SPDX-License-Identifier: Apache-2.0
// What a training run is judged by, step by step: the rows of training_metrics.csv.
#pragma once
#include "traces/trace_reader.h"
#include <string>
#include <vector>

namespace shardscope {

struct StepMetrics {
    int64_t step = 0;
    double loss = 0;
    double step_ms = 0;
    double tokens_per_s = 0;
    double learning_rate = 0;
    double loss_scale = 1;
    double gradient_norm = 0; // NaN: not computed
    bool skipped = false;
    int64_t peak_device_bytes = 0, peak_host_bytes = 0; // recorded within the step, of the rank that needs most
};

std::vector<StepMetrics> trainingMetrics(const TraceReader&);
std::string metricsCsv(const std::vector<StepMetrics>&); // columns are named as the members

} // namespace shardscope
