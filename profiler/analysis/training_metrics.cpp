// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/training_metrics.h"
#include "traces/csv.h"
#include <algorithm>

namespace shardscope {
namespace {

int64_t peakWithin(const TraceReader& trace, MemoryTier tier, const StepEvent& step) {
    int64_t peak = 0;
    for (int32_t rank = 0; rank < trace.ranks(); ++rank) {
        const MemoryCurve& curve = trace.memory(rank, tier);
        const auto begin = std::upper_bound(curve.time_ns.begin(), curve.time_ns.end(), step.start_ns);
        const auto end = std::upper_bound(begin, curve.time_ns.end(), step.end_ns);
        const auto first = curve.total_bytes.begin() + (begin - curve.time_ns.begin());
        const auto last = curve.total_bytes.begin() + (end - curve.time_ns.begin());
        if (first != curve.total_bytes.begin()) peak = std::max(peak, *(first - 1)); // what the step began with
        if (first != last) peak = std::max(peak, *std::max_element(first, last));
    }
    return peak;
}

} // namespace

std::vector<StepMetrics> trainingMetrics(const TraceReader& trace) {
    std::vector<StepMetrics> metrics;
    for (const StepEvent& step : trace.steps()) {
        const double ns = static_cast<double>(std::max<int64_t>(step.end_ns - step.start_ns, 1));
        metrics.push_back({.step = step.step,
                           .loss = step.loss,
                           .step_ms = ns / 1e6,
                           .tokens_per_s = static_cast<double>(step.tokens) * 1e9 / ns,
                           .learning_rate = step.learning_rate,
                           .loss_scale = step.loss_scale,
                           .gradient_norm = step.gradient_norm,
                           .skipped = step.skipped,
                           .peak_device_bytes = peakWithin(trace, MemoryTier::device, step),
                           .peak_host_bytes = peakWithin(trace, MemoryTier::host, step)});
    }
    return metrics;
}

std::string metricsCsv(const std::vector<StepMetrics>& metrics) {
    std::string csv;
    appendCsvHeader(csv, {"step", "loss", "step_ms", "tokens_per_s", "learning_rate", "loss_scale", "gradient_norm",
                          "skipped", "peak_device_bytes", "peak_host_bytes"});
    for (const StepMetrics& m : metrics)
        appendCsv(csv, {m.step, m.loss, m.step_ms, m.tokens_per_s, m.learning_rate, m.loss_scale, m.gradient_norm,
                        int64_t{m.skipped}, m.peak_device_bytes, m.peak_host_bytes});
    return csv;
}

} // namespace shardscope
