// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/rank_activity.h"
#include "profiler/analysis/step_statistics.h"
#include "profiler/analysis/sweep.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>

namespace shardscope {
namespace {

uint64_t hashOf(std::span<const StepEvent> steps) { // FNV-1a over the bytes of the losses
    uint64_t hash = 14695981039346656037u;
    for (const StepEvent& step : steps)
        for (uint64_t bits = std::bit_cast<uint64_t>(step.loss), i = 0; i < 8; ++i, bits >>= 8)
            hash = (hash ^ (bits & 0xff)) * 1099511628211u;
    return hash;
}

int64_t rounded(double value) { return static_cast<int64_t>(std::llround(value)); }

} // namespace

Result<SweepRun> measureRun(const TraceReader& trace, int64_t warmup_steps) {
    const std::vector<StepSummary> steps = stepSummaries(trace);
    if (static_cast<int64_t>(steps.size()) <= warmup_steps)
        return Error{fmt::format("{} has {} steps and {} of them are warm-up; nothing is left to measure", trace.path(),
                                 steps.size(), warmup_steps)};
    SweepRun run;
    run.steps = static_cast<int64_t>(steps.size()) - warmup_steps;
    std::vector<double> step_ns, exposed, comm, overlap;
    for (size_t i = static_cast<size_t>(warmup_steps); i < steps.size(); ++i) {
        double step_exposed = 0, step_comm = 0, step_overlap = 0;
        for (const RankBudget& budget : steps[i].budgets) {
            step_exposed += static_cast<double>(budget.exposed_comm_ns);
            step_comm += static_cast<double>(budget.comm_ns);
            step_overlap += static_cast<double>(budget.overlap_ns);
        }
        const double ranks = static_cast<double>(std::max<size_t>(steps[i].budgets.size(), 1));
        step_ns.push_back(static_cast<double>(steps[i].step_ns));
        exposed.push_back(step_exposed / ranks);
        comm.push_back(step_comm / ranks);
        overlap.push_back(step_comm > 0 ? 100 * step_overlap / step_comm : 0);
    }
    run.step_ns = rounded(statisticsOf("step_ns", std::move(step_ns)).median);
    run.exposed_comm_ns = rounded(statisticsOf("exposed_comm_ns", std::move(exposed)).median);
    run.comm_ns = rounded(statisticsOf("comm_ns", std::move(comm)).median);
    run.overlap_percent = statisticsOf("overlap_percent", std::move(overlap)).median;
    int64_t collectives = 0;
    for (const int32_t rank : ranksOf(trace))
        forEachInterval(trace, rank, [&](const IntervalEvent& e) {
            collectives += activityOf(e.op_class) == Activity::comm && e.step >= warmup_steps;
        });
    run.collectives = static_cast<double>(collectives) / static_cast<double>(std::max<int32_t>(trace.ranks(), 1)) /
                      static_cast<double>(run.steps);
    for (const MemoryRow& row : memoryRows(trace))
        if (row.tier == MemoryTier::device && row.category == "total")
            run.peak_bytes = std::max(run.peak_bytes, row.peak_bytes);
    run.final_loss = trace.steps().back().loss;
    run.loss_bits = fmt::format("{:016x}", hashOf(trace.steps()));
    return run;
}

} // namespace shardscope
