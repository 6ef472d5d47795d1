// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/summary.h"
#include "profiler/analysis/interval_set.h"
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

namespace shardscope {

namespace {

// What identifies a run; the long texts (configurations, settings) stay in the trace.
constexpr std::array selected_keys = {"status",    "error", "stage", "ranks",   "steps",
                                      "precision", "model", "link",  "backend", "hardware",
                                      "software",  "data",  "seed",  "command", "trace_id"};

int64_t saturatingSum(int64_t a, int64_t b) {
    int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

// The busy time of one rank by kind. Host computation counts as compute and storage as copy, so that the kinds cover
// everything a rank does.
struct RankSets {
    IntervalSet compute, comm, copy, emulated;
};

using TrafficKey = std::tuple<int32_t, int32_t, OpClass>; // rank, step, collective

RankSets setsOf(const TraceReader& trace, int32_t rank, TimeRange range,
                std::map<TrafficKey, TrafficRow>* traffic = nullptr) {
    std::vector<TimeRange> compute, comm, copy, emulated;
    const auto lanes = trace.lanes();
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].rank != rank) continue;
        for (const IntervalEvent& e : trace.events(static_cast<LaneId>(i), range)) {
            if (!isWork(e.op_class)) continue;
            const TimeRange own{e.start_ns, e.end_ns};
            if (isCollective(e.op_class)) {
                comm.push_back(own);
                emulated.push_back({e.end_ns - e.emulated_ns, e.end_ns});
                if (traffic) {
                    TrafficRow& row = (*traffic)[{rank, e.step, e.op_class}];
                    row.rank = rank;
                    row.step = e.step;
                    row.collective = e.op_class;
                    row.sent_bytes = saturatingSum(row.sent_bytes, e.sent_bytes);
                    row.bytes = saturatingSum(row.bytes, e.bytes);
                    ++row.count;
                }
            } else if (e.op_class == OpClass::copy || e.op_class == OpClass::storage) {
                copy.push_back(own);
            } else {
                compute.push_back(own);
            }
        }
    }
    return {IntervalSet(std::move(compute)), IntervalSet(std::move(comm)), IntervalSet(std::move(copy)),
            IntervalSet(std::move(emulated))};
}

RankBudget budgetOf(int32_t rank, const RankSets& all, TimeRange range) {
    const IntervalSet compute = all.compute.clipped(range), comm = all.comm.clipped(range),
                      copy = all.copy.clipped(range);
    const IntervalSet working = unionOf(compute, comm);
    RankBudget b;
    b.rank = rank;
    b.span_ns = std::max<int64_t>(range.duration(), 0);
    b.busy_ns = unionOf(working, copy).length();
    b.compute_ns = compute.length();
    b.comm_ns = comm.length();
    b.copy_ns = copy.length();
    b.overlap_ns = intersectionLength(comm, compute);
    b.exposed_comm_ns = b.comm_ns - b.overlap_ns;
    b.exposed_copy_ns = differenceLength(copy, working);
    b.idle_ns = b.span_ns - b.busy_ns;
    b.emulated_ns = all.emulated.clipped(range).length();
    b.overlap_percent = b.comm_ns ? 100.0 * static_cast<double>(b.overlap_ns) / static_cast<double>(b.comm_ns) : 0.0;
    return b;
}

TimeRange extentOf(const RankSets& sets) {
    TimeRange extent{std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
    for (const IntervalSet* set : {&sets.compute, &sets.comm, &sets.copy}) {
        if (set->ranges().empty()) continue;
        extent.start_ns = std::min(extent.start_ns, set->ranges().front().start_ns);
        extent.end_ns = std::max(extent.end_ns, set->ranges().back().end_ns);
    }
    return extent.end_ns < extent.start_ns ? TimeRange{} : extent;
}

void addMemory(const TraceReader& trace, Summary& summary) {
    using Key = std::pair<int32_t, MemoryTier>;
    std::set<Key> keys;
    std::map<std::pair<Key, std::string>, int64_t> planned;
    for (const PlannedPeakEvent& p : trace.plannedPeaks()) {
        const Key key{p.rank, p.tier};
        keys.insert(key);
        planned[{key, p.category ? std::string(toText(*p.category)) : "total"}] = p.bytes;
    }
    std::set<int32_t> ranks;
    for (const LaneInfo& lane : trace.lanes()) ranks.insert(lane.rank);
    for (const int32_t rank : ranks)
        for (const MemoryTier tier : {MemoryTier::device, MemoryTier::host, MemoryTier::nvme})
            if (!trace.memory(rank, tier).time_ns.empty()) keys.insert({rank, tier});
    for (const Key& key : keys) {
        const MemoryCurve& curve = trace.memory(key.first, key.second);
        const auto add = [&](const std::string& category, int64_t peak) {
            const auto promised = planned.find({key, category});
            const MemoryRow row{key.first, key.second, category, promised == planned.end() ? 0 : promised->second,
                                peak};
            if (row.planned_peak_bytes != 0 || row.peak_bytes != 0) summary.memory.push_back(row);
        };
        for (const MemoryCategory category : all_memory_categories) {
            const auto& bytes = curve.bytes[static_cast<size_t>(category)];
            add(std::string(toText(category)), bytes.empty() ? 0 : *std::max_element(bytes.begin(), bytes.end()));
        }
        add("total", curve.peak_bytes);
    }
}

using Json = nlohmann::ordered_json;

Json toJson(const RankBudget& b) {
    return {{"rank", b.rank},
            {"span_ns", b.span_ns},
            {"busy_ns", b.busy_ns},
            {"compute_ns", b.compute_ns},
            {"comm_ns", b.comm_ns},
            {"copy_ns", b.copy_ns},
            {"overlap_ns", b.overlap_ns},
            {"exposed_comm_ns", b.exposed_comm_ns},
            {"exposed_copy_ns", b.exposed_copy_ns},
            {"idle_ns", b.idle_ns},
            {"emulated_ns", b.emulated_ns},
            {"overlap_percent", b.overlap_percent}};
}

} // namespace

int64_t medianStepNs(std::vector<int64_t> steps_in_order) {
    if (steps_in_order.size() > 2) steps_in_order.erase(steps_in_order.begin());
    if (steps_in_order.empty()) return 0;
    std::sort(steps_in_order.begin(), steps_in_order.end());
    return steps_in_order[(steps_in_order.size() - 1) / 2];
}

Summary summarize(const TraceReader& trace) {
    Summary summary;
    summary.path = trace.path();
    for (const char* key : selected_keys)
        if (const auto found = trace.run().find(key); found != trace.run().end()) summary.run.insert(*found);

    std::set<int32_t> ranks;
    for (const LaneInfo& lane : trace.lanes()) ranks.insert(lane.rank);
    std::vector<int64_t> durations;
    for (const StepEvent& step : trace.steps()) {
        StepSummary s{.step = step.step, .loss = step.loss, .step_ns = step.end_ns - step.start_ns, .budgets = {}};
        if (s.step_ns > 0) s.tokens_per_s = static_cast<double>(step.tokens) * 1e9 / static_cast<double>(s.step_ns);
        durations.push_back(s.step_ns);
        summary.steps.push_back(std::move(s));
    }
    summary.median_step_ns = medianStepNs(std::move(durations));

    std::map<TrafficKey, TrafficRow> traffic;
    for (const int32_t rank : ranks) {
        const RankSets sets = setsOf(trace, rank, trace.span(), &traffic);
        summary.ranks.push_back(budgetOf(rank, sets, extentOf(sets)));
        for (size_t i = 0; i < summary.steps.size(); ++i) {
            const StepEvent& step = trace.steps()[i];
            summary.steps[i].budgets.push_back(budgetOf(rank, sets, {step.start_ns, step.end_ns}));
        }
    }
    for (const auto& [key, row] : traffic) summary.traffic.push_back(row);
    addMemory(trace, summary);
    summary.warnings.assign(trace.warnings().begin(), trace.warnings().end()); // last: reading may have found damage
    return summary;
}

RankBudget rankBudget(const TraceReader& trace, int32_t rank, TimeRange range) {
    return budgetOf(rank, setsOf(trace, rank, range), range);
}

std::string summaryJson(const Summary& s) {
    Json json;
    json["path"] = s.path;
    json["run"] = s.run;
    json["median_step_ns"] = s.median_step_ns;
    json["ranks"] = Json::array();
    for (const RankBudget& b : s.ranks) json["ranks"].push_back(toJson(b));
    json["steps"] = Json::array();
    for (const StepSummary& step : s.steps) {
        Json budgets = Json::array();
        for (const RankBudget& b : step.budgets) budgets.push_back(toJson(b));
        json["steps"].push_back({{"step", step.step},
                                 {"loss", step.loss},
                                 {"tokens_per_s", step.tokens_per_s},
                                 {"step_ns", step.step_ns},
                                 {"budgets", std::move(budgets)}});
    }
    json["memory"] = Json::array();
    for (const MemoryRow& m : s.memory)
        json["memory"].push_back({{"rank", m.rank},
                                  {"tier", toText(m.tier)},
                                  {"category", m.category},
                                  {"planned_peak_bytes", m.planned_peak_bytes},
                                  {"peak_bytes", m.peak_bytes}});
    json["traffic"] = Json::array();
    for (const TrafficRow& t : s.traffic)
        json["traffic"].push_back({{"rank", t.rank},
                                   {"step", t.step},
                                   {"collective", toText(t.collective)},
                                   {"sent_bytes", t.sent_bytes},
                                   {"bytes", t.bytes},
                                   {"count", t.count}});
    json["warnings"] = Json::array();
    for (const WarningEvent& w : s.warnings)
        json["warnings"].push_back({{"kind", w.kind}, {"text", w.text}, {"count", w.count}});
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace shardscope
