// SPDX-License-Identifier: Apache-2.0
// The sections of numbers: times, memory, losses, ops.
#include "profiler/report/report_charts.h"
#include "profiler/report/report_sections.h"
#include "profiler/report/report_words.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>

namespace shardscope {

namespace {

constexpr size_t shown_ops = 20;

struct BudgetPart {
    const char *css_class, *name;
    int64_t RunFigures::*value;
    const char* metric; // of the statistics; null: it has none
};
constexpr BudgetPart budget_parts[] = {
    {"compute", "compute", &RunFigures::compute_ns, "compute_ns"},
    {"exposed-comm", "exposed communication", &RunFigures::exposed_comm_ns, "exposed_comm_ns"},
    {"exposed-copy", "exposed copies", &RunFigures::exposed_copy_ns, "exposed_copy_ns"},
    {"other-time", "synchronising", &RunFigures::other_ns, nullptr},
    {"idle", "idle", &RunFigures::idle_ns, "idle_ns"}};

// From what stays to what comes and goes, as in the desktop program.
constexpr std::array shown_categories = {
    MemoryCategory::parameters,  MemoryCategory::master_weights, MemoryCategory::optimizer, MemoryCategory::gradients,
    MemoryCategory::activations, MemoryCategory::comm_buffers,   MemoryCategory::workspace, MemoryCategory::other};

std::string categoryName(MemoryCategory category) {
    std::string name(category == MemoryCategory::comm_buffers ? "buffers" : toText(category));
    std::ranges::replace(name, '_', ' ');
    return name;
}

Change changeIn(const Comparison& c, const std::string& metric, size_t run) {
    const ComparedMetric* compared = metricOf(c, metric);
    return compared ? compared->changes[run] : Change{};
}

std::optional<std::pair<double, double>> intervalOf(const RunFigures& run, const std::string& metric) {
    const Statistics* s = statisticsOf(run, metric);
    if (!s || s->coverage_percent == 0) return std::nullopt;
    return std::pair(s->low, s->high);
}

// One row of a table of figures: a cell per run, with the change against the baseline below it.
class FigureTable {
public:
    explicit FigureTable(const Comparison& comparison)
        : m_comparison(comparison) {}

    void add(const std::string& name, const std::function<std::string(const RunFigures&)>& cell,
             const std::string& metric = {}, bool less_is_better = true) {
        std::vector<std::string> row{escapedHtml(name)};
        for (size_t i = 0; i < m_comparison.runs.size(); ++i) {
            std::string text = escapedHtml(cell(m_comparison.runs[i]));
            const ComparedMetric* compared = metric.empty() ? nullptr : metricOf(m_comparison, metric);
            const bool recorded = compared && (!metric.starts_with("peak_") || compared->values[i] > 0);
            if (recorded && i != m_comparison.baseline)
                text += "<br/>" + verdictHtml(changeIn(m_comparison, metric, i), less_is_better);
            row.push_back(std::move(text));
        }
        m_rows.push_back(std::move(row));
    }
    std::string html(const std::string& head) const { return htmlTable(runColumns(m_comparison, head, true), m_rows); }

private:
    const Comparison& m_comparison;
    std::vector<std::vector<std::string>> m_rows;
};

int64_t longestStep(const Comparison& c) {
    int64_t longest = 0;
    for (const RunFigures& run : c.runs) longest = std::max(longest, run.step_ns);
    return longest;
}

std::string spreadText(const RunFigures& run, const std::string& metric, const TimeUnit& unit) {
    const Statistics* s = statisticsOf(run, metric);
    return s ? unit.text(std::llround(s->spread)) : "0";
}

std::string budgetChart(const Comparison& c, const TimeUnit& unit) {
    std::vector<ChartBar> bars;
    for (const RunFigures& run : c.runs) {
        ChartBar bar{
            .label = run.label, .total = unit.text(run.step_ns), .parts = {}, .interval = intervalOf(run, "step_ns")};
        if (!run.whole_trace) bar.total = plusMinus(bar.total, unit.text(run.step_spread_ns));
        bar.total += std::string(" ") + unit.name;
        for (const BudgetPart& part : budget_parts)
            bar.parts.push_back({static_cast<double>(run.*part.value), part.css_class,
                                 fmt::format("{}: {} {}", part.name, unit.text(run.*part.value), unit.name)});
        bars.push_back(std::move(bar));
    }
    std::vector<ChartLegend> legend;
    for (const BudgetPart& part : budget_parts)
        if (std::ranges::any_of(c.runs, [&](const RunFigures& run) { return run.*part.value != 0; }))
            legend.push_back({part.css_class, part.name});
    return barChart(bars, 0, "where the time of a step went, per run") + chartLegend(legend);
}

// Bars are of the step that stands for the run, as in the budget; ± and whisker come from all steps.
std::string metricChart(const Comparison& c, const std::string& metric, double RunFigures::*value,
                        const char* css_class, double maximum, const std::function<std::string(double)>& words,
                        const char* description) {
    std::vector<ChartBar> bars;
    for (const RunFigures& run : c.runs) {
        const Statistics* s = statisticsOf(run, metric);
        bars.push_back({.label = run.label,
                        .total = s && s->count > 1 ? plusMinus(words(run.*value), words(s->spread)) : words(run.*value),
                        .parts = {{run.*value, css_class, {}}},
                        .interval = intervalOf(run, metric)});
    }
    return barChart(bars, maximum, description);
}

bool anyOf(const Comparison& c, const std::function<bool(const RunFigures&)>& has) {
    return std::ranges::any_of(c.runs, has);
}

} // namespace

std::string reportSentences(const Comparison& c) {
    if (c.runs.size() < 2) return {};
    std::string html = "<h2>What came of it</h2>\n<ul>\n";
    const RunFigures& baseline = baselineOf(c);
    const TimeUnit unit = reportUnit(longestStep(c));
    for (size_t i = 0; i < c.runs.size(); ++i) {
        if (i == c.baseline) continue;
        const RunFigures& run = c.runs[i];
        html += "<li><strong>" + escapedHtml(run.label + "  " + run.title) +
                "</strong>: " + (run.whole_trace ? "the whole trace takes " : "a step takes ") +
                unit.text(run.step_ns) + " " + unit.name + " (" + verdictHtml(changeIn(c, "step_ns", i), true) + ")";
        if (run.comm_ns > 0 || baseline.comm_ns > 0)
            html += ", " + unit.text(run.exposed_comm_ns) + " " + unit.name + " of it exposed communication (" +
                    verdictHtml(changeIn(c, "exposed_comm_ns", i), true) + ")";
        if (run.peak_total_bytes > 0)
            html += "; a rank needs " + mebibytes(run.peak_total_bytes) + " MiB at most" +
                    (baseline.peak_total_bytes > 0 ? " (" + verdictHtml(changeIn(c, "peak_total_bytes", i), true) + ")"
                                                   : "");
        html += ".</li>\n";
    }
    html += fmt::format("<li class=\"{}\">{}.</li>\n",
                        c.loss_relation == LossRelation::bitwise || c.loss_relation == LossRelation::rounding ? "good"
                        : c.loss_relation == LossRelation::different ? "attention"
                                                                     : "dim",
                        escapedHtml(c.loss_statement));
    return html + "</ul>\n";
}

std::string reportPictures(const Comparison& c, const std::vector<StepPicture>& pictures) {
    const std::string chart = pictureChart(c.runs, pictures);
    if (chart.empty()) return {};
    std::vector<ChartLegend> legend;
    for (const auto& [css_class, name] :
         std::initializer_list<std::pair<const char*, const char*>>{{"forward", "forward"},
                                                                    {"backward", "backward"},
                                                                    {"recompute", "recomputed"},
                                                                    {"optimizer-step", "optimizer"},
                                                                    {"reduce", "all-reduce"},
                                                                    {"scatter", "reduce-scatter"},
                                                                    {"gather", "all-gather"},
                                                                    {"copy", "copies and storage"},
                                                                    {"host", "host"}}) {
        const auto shown = [&, css = std::string(css_class)](const StepPicture& picture) {
            return std::ranges::any_of(picture.lanes, [&](const PictureLane& lane) {
                return std::ranges::any_of(lane.blocks, [&](const PictureBlock& block) {
                    return operationClass(block.op_class, block.phase) == css;
                });
            });
        };
        if (std::ranges::any_of(pictures, shown)) legend.push_back({css_class, name});
    }
    return "<h2>The median step of each run, on one time axis</h2>\n" + chart + chartLegend(legend);
}

std::string reportTimes(const Comparison& c) {
    const TimeUnit unit = reportUnit(longestStep(c));
    const auto time = [&](int64_t RunFigures::*value, const char* metric) {
        return [&c, &unit, value, metric](const RunFigures& run) {
            std::string text = unit.text(run.*value);
            if (run.*value != 0 && text.find_first_of("123456789") == std::string::npos) text = "<0.01";
            const Statistics* s = metric ? statisticsOf(run, metric) : nullptr;
            return s && s->count > 1 ? plusMinus(text, spreadText(run, metric, unit)) : text;
        };
    };
    FigureTable table(c);
    table.add("step", time(&RunFigures::step_ns, "step_ns"), "step_ns");
    for (const BudgetPart& part : budget_parts)
        if (anyOf(c, [&](const RunFigures& run) { return run.*part.value != 0; }))
            table.add(std::string("… ") + part.name, time(part.value, part.metric), part.metric ? part.metric : "");
    table.add("communication in all", time(&RunFigures::comm_ns, "comm_ns"), "comm_ns");
    if (anyOf(c, [](const RunFigures& run) { return run.emulated_ns != 0; }))
        table.add("… emulated, not measured", time(&RunFigures::emulated_ns, nullptr));
    std::string html = "<h2>Step budget</h2>\n" + budgetChart(c, unit) + table.html(std::string(unit.name));

    html += "<h2>Overlap</h2>\n<p class=\"dim\">The part of communication that compute of the same rank covers.</p>\n";
    const auto percent = [](double value) { return fmt::format("{:.1f} %", value); };
    html += metricChart(c, "overlap_percent", &RunFigures::overlap_percent, "overlap", 100, percent,
                        "part of communication hidden behind compute");
    if (anyOf(c, [](const RunFigures& run) { return run.tokens_per_s > 0; })) {
        html += "<h2>Throughput</h2>\n<p class=\"dim\">Tokens per second of the global batch.</p>\n";
        html += metricChart(c, "tokens_per_s", &RunFigures::tokens_per_s, "tokens", 0, grouped, "tokens per second");
    }
    const bool same_training = c.loss_relation == LossRelation::bitwise || c.loss_relation == LossRelation::rounding;
    if (same_training && c.runs.size() > 1 && c.common_losses > 1) {
        int64_t longest = 0;
        for (const RunFigures& run : c.runs) longest = std::max(longest, run.common_steps_ns);
        const TimeUnit whole = reportUnit(longest);
        FigureTable to_loss(c);
        to_loss.add(fmt::format("the {} common steps, {}", c.common_losses, whole.name),
                    [&](const RunFigures& run) { return whole.text(run.common_steps_ns); });
        html +=
            "<h3>Time to the same loss</h3>\n<p class=\"dim\">Recorded time from the start of the first common step "
            "to the end of the last one, warm-up included; the losses there are equal.</p>\n" +
            to_loss.html("");
    }
    return html;
}

std::string reportMemory(const Comparison& c) {
    if (!anyOf(c, [](const RunFigures& run) { return run.peak_total_bytes > 0; })) return {};
    std::vector<ChartBar> bars;
    for (const RunFigures& run : c.runs) {
        ChartBar bar{.label = run.label,
                     .total =
                         run.peak_rank < 0 ? std::string("not recorded") : mebibytes(run.peak_total_bytes) + " MiB",
                     .parts = {},
                     .interval = {}};
        for (const MemoryCategory category : shown_categories) {
            const int64_t bytes = run.peak_bytes[static_cast<size_t>(category)];
            bar.parts.push_back({static_cast<double>(bytes), std::string(toText(category)),
                                 categoryName(category) + ": " + mebibytes(bytes) + " MiB"});
        }
        bars.push_back(std::move(bar));
    }
    FigureTable table(c);
    table.add(
        "peak of a rank",
        [](const RunFigures& run) {
            return run.peak_rank < 0 ? std::string("not recorded") : mebibytes(run.peak_total_bytes);
        },
        "peak_total_bytes");
    std::vector<ChartLegend> legend;
    for (const MemoryCategory category : shown_categories) {
        const auto bytes = [category](const RunFigures& run) { return run.peak_bytes[static_cast<size_t>(category)]; };
        if (!anyOf(c, [&](const RunFigures& run) { return bytes(run) > 0; })) continue;
        legend.push_back({std::string(toText(category)), categoryName(category)});
        table.add("… " + categoryName(category), [&](const RunFigures& run) { return mebibytes(bytes(run)); });
    }
    table.add("planned before the run", [](const RunFigures& run) {
        return run.planned_total_bytes == 0                      ? std::string("not planned")
               : run.planned_total_bytes == run.peak_total_bytes ? std::string("equal, to the byte")
                                                                 : mebibytes(run.planned_total_bytes);
    });
    if (anyOf(c, [](const RunFigures& run) { return run.peak_host_bytes > 0; }))
        table.add(
            "peak of host memory", [](const RunFigures& run) { return mebibytes(run.peak_host_bytes); },
            "peak_host_bytes");
    if (anyOf(c, [](const RunFigures& run) { return run.peak_nvme_bytes > 0; }))
        table.add(
            "peak of NVMe space", [](const RunFigures& run) { return mebibytes(run.peak_nvme_bytes); },
            "peak_nvme_bytes");
    return "<h2>Peak memory per rank</h2>\n" + barChart(bars, 0, "what the peak memory was for, per run") +
           chartLegend(legend) + table.html("MiB");
}

std::string reportLosses(const Comparison& c) {
    const std::string chart = lossChart(c);
    if (chart.empty()) return "<h2>Loss</h2>\n<p class=\"dim\">No run has recorded losses.</p>\n";
    std::vector<ChartLegend> legend;
    for (size_t i = 0; i < c.runs.size(); ++i)
        if (const auto sharing = runsOnCurve(c, i); !sharing.empty())
            legend.push_back({"fill-run" + std::to_string(i), sharing});
    std::map<int32_t, std::vector<std::string>> by_step;
    for (size_t i = 0; i < c.runs.size(); ++i)
        for (size_t s = 0; s < c.runs[i].losses.size(); ++s) {
            auto& row = by_step[c.runs[i].loss_steps[s]];
            row.resize(c.runs.size(), "–");
            row[i] = fmt::format("{}", c.runs[i].losses[s]);
        }
    std::vector<std::vector<std::string>> rows;
    for (auto& [step, values] : by_step) {
        rows.push_back({std::to_string(step)});
        rows.back().insert(rows.back().end(), values.begin(), values.end());
    }
    std::string statement = c.loss_statement;
    if (!statement.empty()) statement[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(statement[0])));
    return "<h2>Loss</h2>\n<p><strong>" + escapedHtml(statement) + ".</strong></p>\n" + chart + chartLegend(legend) +
           "<details><summary>All losses</summary>\n" + htmlTable(runColumns(c, "step", true), rows) + "</details>\n";
}

std::string reportOps(const Comparison& c) {
    int64_t largest = 0;
    size_t everywhere = 0, real = 0;
    for (const ComparedOp& op : c.ops) {
        for (const auto& ns : op.ns) largest = std::max<int64_t>(largest, ns ? std::llround(*ns) : 0);
        everywhere += op.everywhere();
        real += op.everywhere() && std::ranges::any_of(op.changes, [](const Change& x) { return x.verdict == "real"; });
    }
    if (c.ops.empty() || c.runs.size() < 2) return {};
    const TimeUnit unit = reportUnit(largest);
    std::vector<std::vector<std::string>> matched, unmatched;
    for (const ComparedOp& op : c.ops) {
        auto& rows = op.everywhere() ? matched : unmatched;
        if (op.everywhere() && rows.size() == shown_ops) continue;
        std::vector<std::string> row{escapedHtml(op.name) + " <span class=\"origin\">" + std::string(toText(op.phase)) +
                                     "</span>"};
        for (size_t i = 0; i < c.runs.size(); ++i) {
            std::string cell = op.ns[i] ? unit.text(std::llround(*op.ns[i])) : "<span class=\"dim\">not there</span>";
            if (i != c.baseline && op.ns[i] && op.ns[c.baseline]) cell += "<br/>" + verdictHtml(op.changes[i], true);
            row.push_back(std::move(cell));
        }
        rows.push_back(std::move(row));
    }
    std::string html = fmt::format("<h2>Ops</h2>\n<p>{} ops are in all runs, {} of them differ by more than noise; {} "
                                   "are not in all runs. Times are per "
                                   "step and rank, all micro-batches of an op together.</p>\n",
                                   everywhere, real, c.ops.size() - everywhere);
    const auto columns = runColumns(c, std::string("op, ") + unit.name, true);
    if (!matched.empty())
        html += fmt::format("<details open=\"open\"><summary>The {} greatest differences</summary>\n", matched.size()) +
                htmlTable(columns, matched) + "</details>\n";
    if (!unmatched.empty())
        html += fmt::format("<details><summary>{} that not all runs have</summary>\n", unmatched.size()) +
                htmlTable(columns, unmatched) + "</details>\n";
    return html;
}

} // namespace shardscope
