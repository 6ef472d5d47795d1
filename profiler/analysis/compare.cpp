// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/compare.h"
#include "profiler/analysis/compare_changes.h"
#include "profiler/analysis/step_statistics.h"
#include "profiler/analysis/table_json.h"
#include <algorithm>
#include <filesystem>
#include <set>

namespace shardscope {

namespace {

using Json = nlohmann::ordered_json;

int64_t spreadOf(std::vector<int64_t> durations) {
    if (durations.size() > 2) durations.erase(durations.begin());
    if (durations.size() < 2) return 0;
    std::sort(durations.begin(), durations.end());
    const size_t last = durations.size() - 1;
    return (durations[(3 * last + 2) / 4] - durations[(last + 2) / 4]) / 2; // nearest ranks of the quartiles
}

void addBudget(RunFigures& run, const StepSummary& step) {
    const auto ranks = static_cast<int64_t>(step.budgets.size());
    run.step_ns = step.step_ns;
    run.tokens_per_s = step.tokens_per_s;
    if (ranks == 0) {
        run.idle_ns = step.step_ns;
        return;
    }
    for (const RankBudget& b : step.budgets) {
        run.compute_ns += b.compute_ns;
        run.exposed_comm_ns += b.exposed_comm_ns;
        run.exposed_copy_ns += b.exposed_copy_ns;
        run.comm_ns += b.comm_ns;
        run.overlap_ns += b.overlap_ns;
        run.emulated_ns += b.emulated_ns;
        run.other_ns += b.other_ns;
    }
    if (run.comm_ns > 0)
        run.overlap_percent = 100.0 * static_cast<double>(run.overlap_ns) / static_cast<double>(run.comm_ns);
    for (int64_t* sum : {&run.compute_ns, &run.exposed_comm_ns, &run.exposed_copy_ns, &run.comm_ns, &run.overlap_ns,
                         &run.emulated_ns, &run.other_ns})
        *sum /= ranks;
    // The roundings of the averages, less than a nanosecond each, are idle time.
    run.idle_ns = run.step_ns - run.compute_ns - run.exposed_comm_ns - run.exposed_copy_ns - run.other_ns;
}

void addMemory(RunFigures& run, const TraceReader& trace) {
    std::set<int32_t> ranks;
    for (const LaneInfo& lane : trace.lanes()) ranks.insert(lane.rank);
    int32_t worst = -1;
    for (const int32_t rank : ranks) {
        const MemoryCurve& curve = trace.memory(rank, MemoryTier::device);
        run.peak_host_bytes = std::max(run.peak_host_bytes, trace.memory(rank, MemoryTier::host).peak_bytes);
        run.peak_nvme_bytes = std::max(run.peak_nvme_bytes, trace.memory(rank, MemoryTier::nvme).peak_bytes);
        if (curve.time_ns.empty() || (worst >= 0 && curve.peak_bytes <= run.peak_total_bytes)) continue;
        worst = rank;
        run.peak_rank = rank;
        run.peak_time_ns = curve.peak_time_ns;
        run.peak_total_bytes = curve.peak_bytes;
        const auto peak = std::max_element(curve.total_bytes.begin(), curve.total_bytes.end());
        const auto at = static_cast<size_t>(peak - curve.total_bytes.begin());
        for (size_t c = 0; c < run.peak_bytes.size(); ++c) run.peak_bytes[c] = curve.bytes[c][at];
    }
    for (const PlannedPeakEvent& p : trace.plannedPeaks())
        if (p.rank == worst && p.tier == MemoryTier::device && !p.category) run.planned_total_bytes = p.bytes;
}

RunFigures figuresOf(const TraceReader& trace, size_t index) {
    RunFigures run;
    run.label = std::string(1, static_cast<char>('A' + index));
    const std::string stage = trace.runValue("stage");
    run.title = stage.empty() ? std::filesystem::path(trace.path()).stem().string() : "ZeRO-" + stage;
    run.identity = identityOf(trace);
    run.configured = run.identity.configured;
    std::vector<StepSummary> steps = stepSummaries(trace);
    run.whole_trace = steps.empty();
    if (steps.empty()) steps.push_back(wholeTrace(trace));
    std::vector<int64_t> durations;
    for (const StepSummary& step : steps) {
        durations.push_back(step.step_ns);
        if (run.whole_trace) continue;
        run.losses.push_back(step.loss);
        run.loss_steps.push_back(step.step);
    }
    const int64_t median = medianStepNs(durations);
    for (size_t i = steps.size() > 2 ? 1 : 0; i < steps.size(); ++i) {
        if (steps[i].step_ns != median) continue;
        addBudget(run, steps[i]);
        if (!run.whole_trace) run.shown_step = steps[i].step;
        break;
    }
    run.step_spread_ns = spreadOf(std::move(durations));
    run.statistics = stepStatistics(steps);
    addMemory(run, trace);
    return run;
}

Statistics statisticOf(const RunFigures& run, const std::string& metric) {
    constexpr std::pair<const char*, int64_t RunFigures::*> peaks[] = {
        {"peak_total_bytes", &RunFigures::peak_total_bytes},
        {"peak_host_bytes", &RunFigures::peak_host_bytes},
        {"peak_nvme_bytes", &RunFigures::peak_nvme_bytes}};
    for (const auto& [name, peak] : peaks)
        if (metric == name) return Statistics{.metric = metric, .median = static_cast<double>(run.*peak)};
    const Statistics* own = statisticsOf(run, metric);
    return own ? *own : Statistics{.metric = metric};
}

void compareMetrics(Comparison& c) {
    c.metrics.clear();
    if (c.runs.empty()) return;
    std::vector<std::string> names;
    for (const Statistics& s : c.runs[c.baseline].statistics)
        if (std::ranges::all_of(c.runs, [&](const RunFigures& run) { return statisticsOf(run, s.metric); }))
            names.push_back(s.metric);
    for (const char* peak : {"peak_total_bytes", "peak_host_bytes", "peak_nvme_bytes"}) names.emplace_back(peak);
    for (const std::string& name : names) {
        ComparedMetric row{name, {}, {}};
        const Statistics first = statisticOf(c.runs[c.baseline], name);
        for (size_t i = 0; i < c.runs.size(); ++i) {
            const Statistics own = statisticOf(c.runs[i], name);
            row.values.push_back(own.median);
            row.changes.push_back(i == c.baseline ? Change{} : changeOf(first, own));
            if (name.starts_with("peak_")) row.changes.back().verdict.clear(); // a peak is no sample
        }
        c.metrics.push_back(std::move(row));
    }
}

void compareSteps(const std::vector<const TraceReader*>& traces, Comparison& c) {
    std::map<int32_t, ComparedStep> steps;
    for (size_t i = 0; i < traces.size(); ++i)
        for (const StepEvent& step : traces[i]->steps()) {
            ComparedStep& row = steps[step.step];
            row.step = step.step;
            row.ns.resize(traces.size());
            row.ns[i] = step.end_ns - step.start_ns;
        }
    for (auto& [number, row] : steps) c.steps.push_back(std::move(row));
    const auto common = [](const ComparedStep& step) {
        return std::ranges::all_of(step.ns, [](const auto& ns) { return ns.has_value(); });
    };
    const auto first = std::ranges::find_if(c.steps, common);
    const auto last = std::find_if(c.steps.rbegin(), c.steps.rend(), common);
    if (first == c.steps.end()) return;
    for (size_t i = 0; i < traces.size(); ++i)
        for (const StepEvent& step : traces[i]->steps()) {
            if (step.step == first->step) c.runs[i].common_steps_ns -= step.start_ns;
            if (step.step == last->step) c.runs[i].common_steps_ns += step.end_ns;
        }
}

} // namespace

const Statistics* statisticsOf(const RunFigures& run, const std::string& metric) {
    const auto found = std::ranges::find_if(run.statistics, [&](const Statistics& s) { return s.metric == metric; });
    return found == run.statistics.end() ? nullptr : &*found;
}

const ComparedMetric* metricOf(const Comparison& c, const std::string& metric) {
    const auto found = std::ranges::find_if(c.metrics, [&](const ComparedMetric& m) { return m.metric == metric; });
    return found == c.metrics.end() ? nullptr : &*found;
}

void setBaseline(Comparison& c, size_t baseline) {
    c.baseline = baseline < c.runs.size() ? baseline : 0;
    compareLosses(c);
    compareMetrics(c);
    compareOpTimes(c.ops, c.baseline);
}

Comparison compare(const std::vector<const TraceReader*>& traces, size_t baseline) {
    Comparison c;
    for (size_t i = 0; i < traces.size(); ++i) c.runs.push_back(figuresOf(*traces[i], i));
    compareConfigurations(traces, c);
    compareSteps(traces, c);
    c.ops = compareOps(traces);
    setBaseline(c, baseline);
    c.notes = notesOf(c);
    return c;
}

std::string comparisonJson(const Comparison& c, const std::vector<GateResult>& gates) {
    Json json;
    json["runs"] = Json::array();
    for (const RunFigures& r : c.runs) {
        Json peaks;
        for (const MemoryCategory category : all_memory_categories)
            peaks[std::string(toText(category))] = r.peak_bytes[static_cast<size_t>(category)];
        json["runs"].push_back({{"label", r.label},
                                {"title", r.title},
                                {"whole_trace", r.whole_trace},
                                {"step_ns", r.step_ns},
                                {"step_spread_ns", r.step_spread_ns},
                                {"compute_ns", r.compute_ns},
                                {"exposed_comm_ns", r.exposed_comm_ns},
                                {"exposed_copy_ns", r.exposed_copy_ns},
                                {"other_ns", r.other_ns},
                                {"idle_ns", r.idle_ns},
                                {"comm_ns", r.comm_ns},
                                {"overlap_ns", r.overlap_ns},
                                {"emulated_ns", r.emulated_ns},
                                {"overlap_percent", r.overlap_percent},
                                {"tokens_per_s", r.tokens_per_s},
                                {"peak_bytes", peaks},
                                {"peak_total_bytes", r.peak_total_bytes},
                                {"peak_host_bytes", r.peak_host_bytes},
                                {"peak_nvme_bytes", r.peak_nvme_bytes},
                                {"planned_total_bytes", r.planned_total_bytes},
                                {"losses", r.losses},
                                {"shown_step", r.shown_step},
                                {"peak_rank", r.peak_rank},
                                {"peak_time_ns", r.peak_time_ns},
                                {"common_steps_ns", r.common_steps_ns},
                                {"tool", r.identity.tool},
                                {"device", r.identity.device},
                                {"world_size", r.identity.world_size}});
    }
    json["baseline"] = c.runs.empty() ? "" : c.runs[c.baseline].label;
    const auto rows = [](const std::vector<ConfigDifference>& differences) {
        Json array = Json::array();
        for (const ConfigDifference& d : differences)
            array.push_back({{"key", d.key}, {"values", d.values}, {"origins", d.origins}, {"unit", d.unit}});
        return array;
    };
    json["differences"] = rows(c.differences);
    json["equal_keys"] = c.equal_keys;
    json["known"] = rows(c.known);
    json["notes"] = c.notes;
    json["losses_equal"] = c.losses_equal;
    json["loss_statement"] = c.loss_statement;
    for (const Table& table : comparisonReport(c).tables)
        if (table.name != "differences") json[table.name] = rowsJson(table);
    json["gates"] = Json::array();
    for (const GateResult& g : gates)
        json["gates"].push_back({{"gate", g.gate}, {"run", g.run}, {"value", g.value}, {"passed", g.passed}});
    return dumpJson(json);
}

} // namespace shardscope
