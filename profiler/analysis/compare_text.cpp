// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/compare.h"
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace shardscope {

namespace {

constexpr size_t widest_value = 22; // a longer text is cut; the JSON has it whole

std::string cut(const std::string& text) {
    return text.size() <= widest_value ? text : text.substr(0, widest_value - 3) + "...";
}

// "step 12.3 -> 14.5" is easier to judge as "+17.9 %".
std::string change(int64_t value, int64_t baseline) {
    if (baseline <= 0) return "-";
    return fmt::format("{:+.1f} %", 100.0 * static_cast<double>(value - baseline) / static_cast<double>(baseline));
}

using Cell = std::function<std::string(const RunFigures&)>;

void addRow(TextTable& table, const Comparison& c, const std::string& head, const Cell& cell) {
    std::vector<std::string> row{head};
    for (const RunFigures& run : c.runs) row.push_back(cell(run));
    table.add(std::move(row));
}

bool anyOf(const Comparison& c, const std::function<int64_t(const RunFigures&)>& value) {
    return std::any_of(c.runs.begin(), c.runs.end(), [&](const RunFigures& run) { return value(run) != 0; });
}

void addTimes(TextTable& table, const Comparison& c) {
    int64_t largest = 0;
    for (const RunFigures& run : c.runs) largest = std::max(largest, run.step_ns);
    const TimeUnit unit = TimeUnit::fitting(largest);
    const auto time = [&](const std::string& head, int64_t RunFigures::*member) {
        addRow(table, c, head, [&, member](const RunFigures& run) { return unit.text(run.*member); });
    };
    const auto whole = std::ranges::count_if(c.runs, &RunFigures::whole_trace);
    const bool all_whole = whole == static_cast<ptrdiff_t>(c.runs.size());
    time(fmt::format("{}, {}", all_whole ? "whole trace" : "step", unit.name) + (all_whole ? "" : " (median)"),
         &RunFigures::step_ns);
    if (whole > 0 && !all_whole)
        addRow(table, c, "  of", [](const RunFigures& run) { return run.whole_trace ? "no steps: all" : "steps"; });
    if (!all_whole) time("  +- half the quartile range", &RunFigures::step_spread_ns);
    if (c.runs.size() > 1) {
        const RunFigures& baseline = c.runs[c.baseline];
        addRow(table, c, "  against " + baseline.label,
               [&](const RunFigures& run) { return &run == &baseline ? "" : change(run.step_ns, baseline.step_ns); });
    }
    if (c.runs.size() > 1 && !c.metrics.empty() && c.metrics[0].metric == "step_ns") {
        size_t i = 0;
        addRow(table, c, "  difference to " + c.runs[c.baseline].label,
               [&](const RunFigures&) { return c.metrics[0].changes[i++].verdict; });
    }
    time("  = compute", &RunFigures::compute_ns);
    time("  + exposed communication", &RunFigures::exposed_comm_ns);
    if (anyOf(c, [](const RunFigures& run) { return run.exposed_copy_ns; }))
        time("  + exposed copies", &RunFigures::exposed_copy_ns);
    if (anyOf(c, [](const RunFigures& run) { return run.other_ns; })) time("  + synchronising", &RunFigures::other_ns);
    time("  + idle", &RunFigures::idle_ns);
    time("communication in all", &RunFigures::comm_ns);
    addRow(table, c, "  hidden behind compute, %",
           [](const RunFigures& run) { return run.comm_ns ? fmt::format("{:.1f}", run.overlap_percent) : "-"; });
    if (anyOf(c, [](const RunFigures& run) { return run.emulated_ns; }))
        time("  emulated, not measured", &RunFigures::emulated_ns);
    if (std::ranges::any_of(c.runs, [](const RunFigures& run) { return run.tokens_per_s > 0; }))
        addRow(table, c, "tokens/s",
               [](const RunFigures& run) { return run.tokens_per_s > 0 ? grouped(run.tokens_per_s) : "-"; });
}

void addMemory(TextTable& table, const Comparison& c) {
    const auto bytes = [](int64_t value) { return value > 0 ? mebibytes(value) : std::string("-"); };
    addRow(table, c, "peak device memory, MiB (worst rank)",
           [&](const RunFigures& run) { return bytes(run.peak_total_bytes); });
    for (const MemoryCategory category : all_memory_categories) {
        const auto i = static_cast<size_t>(category);
        if (anyOf(c, [i](const RunFigures& run) { return run.peak_bytes[i]; }))
            addRow(table, c, "  " + std::string(toText(category)),
                   [i](const RunFigures& run) { return mebibytes(run.peak_bytes[i]); });
    }
    addRow(table, c, "  planned = recorded", [](const RunFigures& run) {
        if (run.planned_total_bytes == 0) return std::string("not planned");
        if (run.planned_total_bytes == run.peak_total_bytes) return std::string("yes");
        return fmt::format("no, {}", mebibytes(run.planned_total_bytes));
    });
    if (anyOf(c, [](const RunFigures& run) { return run.peak_host_bytes; }))
        addRow(table, c, "peak host memory", [&](const RunFigures& run) { return bytes(run.peak_host_bytes); });
    if (anyOf(c, [](const RunFigures& run) { return run.peak_nvme_bytes; }))
        addRow(table, c, "peak NVMe space", [&](const RunFigures& run) { return bytes(run.peak_nvme_bytes); });
}

} // namespace

std::string comparisonText(const Comparison& c) {
    TextTable table;
    addRow(table, c, "", [](const RunFigures& run) { return run.label + "  " + run.title; });
    table.addRule();
    if (anyOf(c, [](const RunFigures& run) { return run.identity.recording.virtual_ranks.empty() ? 0 : 1; }))
        addRow(table, c, "ranks", [](const RunFigures& run) {
            return std::to_string(run.identity.world_size) +
                   (run.identity.recording.virtual_ranks.empty() ? "" : " virtual, on one GPU");
        });
    for (const ConfigDifference& d : c.differences) {
        std::vector<std::string> row{d.key};
        for (const std::string& value : d.values) row.push_back(cut(value));
        table.add(std::move(row));
    }
    std::string unknown;
    for (const RunFigures& run : c.runs)
        if (!run.configured) unknown += (unknown.empty() ? "" : ", ") + run.label;
    if (!unknown.empty())
        table.add({"the configuration of " + unknown + " is not known"});
    else if (c.differences.empty())
        table.add({"no difference in configuration"});
    table.addRule();
    addTimes(table, c);
    table.addRule();
    addMemory(table, c);
    table.addRule();
    std::string text = table.text("") + c.loss_statement + "\n";
    size_t matched = 0, real = 0;
    for (const ComparedOp& op : c.ops) {
        matched += op.everywhere();
        real += op.everywhere() &&
                std::any_of(op.changes.begin(), op.changes.end(), [](const Change& x) { return x.verdict == "real"; });
    }
    if (!c.ops.empty())
        text += fmt::format("{} ops are in all runs, {} of them differ by more than noise; {} are not in all\n"
                            "runs; see --format csv with --table ops or unmatched\n",
                            matched, real, c.ops.size() - matched);
    return text;
}

} // namespace shardscope
