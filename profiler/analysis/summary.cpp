// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/summary.h"
#include "profiler/analysis/communication.h"
#include "profiler/analysis/step_statistics.h"
#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>

namespace shardscope {

namespace {

// What identifies a run; the long texts (configurations, settings) stay in the trace.
constexpr std::array selected_keys = {"status",
                                      "error",
                                      "stage",
                                      "ranks",
                                      "virtual_ranks",
                                      "steps",
                                      "precision",
                                      "model",
                                      "link",
                                      "backend",
                                      "devices",
                                      "communicator",
                                      "hardware",
                                      "software",
                                      "data",
                                      "seed",
                                      "command",
                                      "trace_id",
                                      "gpu_capture_state",
                                      "gpu_capture_reason",
                                      "profiler_tax_percent",
                                      "profiler_tax_method"};

int64_t saturatingSum(int64_t a, int64_t b) {
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

using TrafficKey = std::tuple<int32_t, int32_t, OpClass>; // rank, step, collective

void addTraffic(const std::vector<CollectiveShare>& shares, std::map<TrafficKey, TrafficRow>& traffic) {
    for (const CollectiveShare& share : shares) {
        const IntervalEvent& e = share.event;
        TrafficRow& row = traffic[{share.rank, e.step, e.op_class}];
        row.rank = share.rank;
        row.step = e.step;
        row.collective = e.op_class;
        row.sent_bytes = saturatingSum(row.sent_bytes, e.sent_bytes);
        row.bytes = saturatingSum(row.bytes, e.bytes);
        ++row.count;
    }
}

std::vector<StepSummary> stepSummaries(const TraceReader& trace, const std::vector<RankActivity>& ranks) {
    std::vector<StepSummary> steps;
    for (const StepEvent& step : trace.steps()) {
        StepSummary s{.step = step.step,
                      .loss = step.loss,
                      .step_ns = step.end_ns - step.start_ns,
                      .learning_rate = step.learning_rate,
                      .gradient_norm = step.gradient_norm,
                      .loss_scale = step.loss_scale,
                      .skipped = step.skipped,
                      .budgets = {}};
        if (s.step_ns > 0) s.tokens_per_s = static_cast<double>(step.tokens) * 1e9 / static_cast<double>(s.step_ns);
        for (const RankActivity& rank : ranks) s.budgets.push_back(budgetOf(trace, rank, {step.start_ns, step.end_ns}));
        steps.push_back(std::move(s));
    }
    return steps;
}

std::vector<RankActivity> activities(const TraceReader& trace) {
    std::vector<RankActivity> ranks;
    for (const int32_t rank : ranksOf(trace)) ranks.push_back(activityOf(trace, rank));
    return ranks;
}

} // namespace

int64_t medianStepNs(std::vector<int64_t> steps_in_order) {
    if (steps_in_order.size() > 2) steps_in_order.erase(steps_in_order.begin());
    if (steps_in_order.empty()) return 0;
    std::sort(steps_in_order.begin(), steps_in_order.end());
    return steps_in_order[(steps_in_order.size() - 1) / 2];
}

std::vector<MemoryRow> memoryRows(const TraceReader& trace) {
    std::vector<MemoryRow> rows;
    using Key = std::pair<int32_t, MemoryTier>;
    std::set<Key> keys;
    std::map<std::pair<Key, std::string>, int64_t> planned;
    for (const PlannedPeakEvent& p : trace.plannedPeaks()) {
        const Key key{p.rank, p.tier};
        keys.insert(key);
        planned[{key, p.category ? std::string(toText(*p.category)) : "total"}] = p.bytes;
    }
    for (const int32_t rank : ranksOf(trace))
        for (const MemoryTier tier : {MemoryTier::device, MemoryTier::host, MemoryTier::nvme})
            if (!trace.memory(rank, tier).time_ns.empty()) keys.insert({rank, tier});
    for (const Key& key : keys) {
        const MemoryCurve& curve = trace.memory(key.first, key.second);
        const auto add = [&](const std::string& category, int64_t peak) {
            const auto promised = planned.find({key, category});
            const MemoryRow row{key.first, key.second, category, promised == planned.end() ? 0 : promised->second,
                                peak};
            if (row.planned_peak_bytes != 0 || row.peak_bytes != 0) rows.push_back(row);
        };
        for (const MemoryCategory category : all_memory_categories) {
            const auto& bytes = curve.bytes[static_cast<size_t>(category)];
            add(std::string(toText(category)), bytes.empty() ? 0 : *std::max_element(bytes.begin(), bytes.end()));
        }
        add("total", curve.peak_bytes);
    }
    return rows;
}

std::vector<StepSummary> stepSummaries(const TraceReader& trace) { return stepSummaries(trace, activities(trace)); }

StepSummary wholeTrace(const TraceReader& trace) {
    StepSummary whole{.step = -1, .loss = std::numeric_limits<double>::quiet_NaN(), .budgets = {}};
    const std::vector<RankActivity> ranks = activities(trace);
    std::optional<TimeRange> range;
    for (const RankActivity& rank : ranks) {
        const TimeRange own = rank.extent();
        if (own.duration() == 0) continue;
        range = range ? TimeRange{std::min(range->start_ns, own.start_ns), std::max(range->end_ns, own.end_ns)} : own;
    }
    if (!range) return whole;
    whole.step_ns = range->duration();
    for (const RankActivity& rank : ranks) whole.budgets.push_back(budgetOf(trace, rank, *range));
    return whole;
}

Summary summarize(const TraceReader& trace) {
    Summary summary;
    summary.path = trace.path();
    for (const char* key : selected_keys)
        if (const auto found = trace.run().find(key); found != trace.run().end()) summary.run.insert(*found);

    summary.recording = recordingFacts(trace);
    const std::vector<RankActivity> ranks = activities(trace);
    summary.steps = stepSummaries(trace, ranks);
    std::vector<int64_t> durations;
    for (const StepSummary& step : summary.steps) durations.push_back(step.step_ns);
    summary.median_step_ns = medianStepNs(std::move(durations));
    summary.statistics = stepStatistics(summary.steps);

    std::map<TrafficKey, TrafficRow> traffic;
    std::vector<CollectiveShare> shares;
    for (const RankActivity& rank : ranks) {
        summary.ranks.push_back(budgetOf(trace, rank, rank.extent()));
        std::vector<CollectiveShare> own = collectiveShares(trace, rank);
        addTraffic(own, traffic);
        shares.insert(shares.end(), own.begin(), own.end());
    }
    for (const auto& [key, row] : traffic) summary.traffic.push_back(row);
    summary.communication = communicationRows(trace, shares);
    if (ranks.size() > 1) summary.stragglers = stragglerRows(shares);
    Slowdown slowdown = slowdownOf(trace, ranks);
    summary.slowdown = std::move(slowdown.rows);
    summary.compute_slowdown = slowdown.all;
    summary.memory = memoryRows(trace);
    summary.warnings.assign(trace.warnings().begin(), trace.warnings().end()); // last: reading may have found damage
    return summary;
}

RankBudget rankBudget(const TraceReader& trace, int32_t rank, TimeRange range) {
    return budgetOf(trace, activityOf(trace, rank), range);
}

} // namespace shardscope
