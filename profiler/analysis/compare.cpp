// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/compare.h"
#include "profiler/analysis/compare_changes.h"
#include "profiler/analysis/step_statistics.h"
#include "profiler/analysis/table_json.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <set>

namespace shardscope {

namespace {

using Json = nlohmann::ordered_json;

void flatten(const Json& json, const std::string& prefix, std::map<std::string, std::string>& out) {
    if (json.is_object()) {
        for (const auto& [key, value] : json.items()) flatten(value, prefix.empty() ? key : prefix + "." + key, out);
        return;
    }
    out[prefix] =
        json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Everything about a run that somebody chose.
std::map<std::string, std::string> choicesOf(const TraceReader& trace) {
    std::map<std::string, std::string> choices;
    const auto add = [&](const char* run_key, const std::string& prefix) {
        const std::string text = trace.runValue(run_key);
        if (text.empty()) return;
        const Json json = Json::parse(text, nullptr, false);
        if (json.is_object())
            flatten(json, prefix, choices);
        else
            choices[prefix.empty() ? run_key : prefix] = text;
    };
    add("config_resolved", "");
    for (const char* key : {"model", "link", "host_link", "storage_link", "ranks", "seed", "data", "backend"})
        add(key, key);
    for (const char* link : {"link", "host_link", "storage_link"}) { // follows from the name
        choices.erase(std::string(link) + ".description");
        choices.erase(std::string(link) + ".emulated");
    }
    return choices;
}

bool isConfigured(const TraceReader& trace) { return !trace.runValue("config_resolved").empty(); }

std::vector<ConfigDifference> differencesOf(const std::vector<const TraceReader*>& traces) {
    std::vector<std::map<std::string, std::string>> choices;
    std::set<std::string> keys;
    for (const TraceReader* trace : traces) {
        choices.push_back(choicesOf(*trace));
        for (const auto& [key, value] : choices.back()) keys.insert(key);
    }
    std::vector<ConfigDifference> differences;
    for (const std::string& key : keys) {
        ConfigDifference d{key, {}};
        std::set<std::string> known;
        for (size_t i = 0; i < traces.size(); ++i) {
            const auto found = choices[i].find(key);
            const bool unknown = found == choices[i].end() && !isConfigured(*traces[i]);
            d.values.push_back(found != choices[i].end() ? found->second : unknown ? "(unknown)" : "(not set)");
            if (!unknown) known.insert(d.values.back());
        }
        if (known.size() > 1) differences.push_back(std::move(d));
    }
    return differences;
}

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
    run.configured = isConfigured(trace);
    std::vector<StepSummary> steps = stepSummaries(trace);
    run.whole_trace = steps.empty();
    if (steps.empty()) steps.push_back(wholeTrace(trace));
    std::vector<int64_t> durations;
    for (const StepSummary& step : steps) {
        durations.push_back(step.step_ns);
        if (!run.whole_trace) run.losses.push_back(step.loss);
    }
    const int64_t median = medianStepNs(durations);
    for (size_t i = steps.size() > 2 ? 1 : 0; i < steps.size(); ++i) {
        if (steps[i].step_ns != median) continue;
        addBudget(run, steps[i]);
        break;
    }
    run.step_spread_ns = spreadOf(std::move(durations));
    run.statistics = stepStatistics(steps);
    addMemory(run, trace);
    return run;
}

// Bits, so that not-a-number equals itself and zero does not equal minus zero.
bool same(double a, double b) { return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b) || (a != a && b != b); }

void compareLosses(const std::vector<const TraceReader*>& traces, Comparison& c) {
    std::vector<std::map<int32_t, double>> losses(traces.size());
    for (size_t i = 0; i < traces.size(); ++i) {
        // A loss may become no number, but a run without any number has recorded none.
        if (std::ranges::all_of(traces[i]->steps(), [](const StepEvent& step) { return std::isnan(step.loss); }))
            continue;
        for (const StepEvent& step : traces[i]->steps()) losses[i][step.step] = step.loss;
    }
    std::vector<int32_t> common;
    if (!losses.empty()) {
        for (const auto& [step, loss] : losses[0])
            if (std::all_of(losses.begin(), losses.end(), [&, s = step](const auto& l) { return l.count(s) > 0; }))
                common.push_back(step);
    }
    const size_t runs = traces.size();
    if (common.empty()) {
        c.loss_statement = "the runs have no step with a loss in common";
        return;
    }
    double largest = 0;
    int32_t first_apart = -1, largest_at = common[0];
    for (const int32_t step : common) {
        for (size_t i = 1; i < runs; ++i) {
            const double a = losses[0][step], b = losses[i][step];
            if (same(a, b)) continue;
            if (first_apart < 0) first_apart = step;
            if (std::abs(a - b) > largest) {
                largest = std::abs(a - b);
                largest_at = step;
            }
        }
    }
    c.losses_equal = first_apart < 0;
    const std::string steps =
        common.size() == 1 ? "the loss of 1 step is" : fmt::format("losses of {} steps are", common.size());
    if (c.losses_equal) {
        c.loss_statement = fmt::format("{} bitwise equal in {} run{}", steps, runs, runs == 1 ? "" : "s");
        return;
    }
    std::string values;
    for (size_t i = 0; i < runs; ++i)
        values += fmt::format("{}{} {}", i ? ", " : "", c.runs[i].label, losses[i][first_apart]);
    c.loss_statement = fmt::format("losses part at step {} ({}); the largest difference to A is {:.3g}, at step {}",
                                   first_apart, values, largest, largest_at);
}

void compareMetrics(Comparison& c) {
    if (c.runs.empty()) return;
    const auto add = [&](const std::string& metric, const std::function<Statistics(const RunFigures&)>& of) {
        ComparedMetric row{metric, {}, {}};
        const Statistics first = of(c.runs[0]);
        for (const RunFigures& run : c.runs) {
            const Statistics own = of(run);
            row.values.push_back(own.median);
            row.changes.push_back(&run == c.runs.data() ? Change{} : changeOf(first, own));
        }
        c.metrics.push_back(std::move(row));
    };
    for (size_t m = 0; m < c.runs[0].statistics.size(); ++m) {
        const auto has = [m](const RunFigures& run) { return m < run.statistics.size(); };
        if (std::all_of(c.runs.begin(), c.runs.end(), has))
            add(c.runs[0].statistics[m].metric, [m](const RunFigures& run) { return run.statistics[m]; });
    }
    const auto addPeak = [&](const std::string& metric, int64_t RunFigures::*peak) {
        add(metric, [peak](const RunFigures& run) { return Statistics{.median = static_cast<double>(run.*peak)}; });
        for (Change& change : c.metrics.back().changes) change.verdict.clear(); // a peak is no sample
    };
    addPeak("peak_total_bytes", &RunFigures::peak_total_bytes);
    addPeak("peak_host_bytes", &RunFigures::peak_host_bytes);
    addPeak("peak_nvme_bytes", &RunFigures::peak_nvme_bytes);
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
}

} // namespace

Comparison compare(const std::vector<const TraceReader*>& traces) {
    Comparison c;
    for (size_t i = 0; i < traces.size(); ++i) c.runs.push_back(figuresOf(*traces[i], i));
    c.differences = differencesOf(traces);
    compareLosses(traces, c);
    compareMetrics(c);
    compareSteps(traces, c);
    c.ops = compareOps(traces);
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
                                {"losses", r.losses}});
    }
    json["differences"] = Json::array();
    for (const ConfigDifference& d : c.differences)
        json["differences"].push_back({{"key", d.key}, {"values", d.values}});
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
