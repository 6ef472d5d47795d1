// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/comparison_charts.h"
#include "gui/style.h"
#include "gui/units.h"
#include <QStringList>
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

constexpr std::array shown_categories = { // from what stays to what comes and goes, as in the canvas
    MemoryCategory::parameters,  MemoryCategory::master_weights, MemoryCategory::optimizer, MemoryCategory::gradients,
    MemoryCategory::activations, MemoryCategory::comm_buffers,   MemoryCategory::workspace, MemoryCategory::other};

QString categoryName(MemoryCategory category) {
    return category == MemoryCategory::comm_buffers ? QString("buffers") : text(toText(category)).replace('_', ' ');
}

struct Part {
    const char* name;
    int64_t RunFigures::*value;
    Rgb colour;
};

std::array<Part, 5> budgetParts(const Theme& theme) { // in the order of BudgetPart
    return {Part{"compute", &RunFigures::compute_ns, operationColour(OpClass::compute, Phase::forward)},
            Part{"exposed communication", &RunFigures::exposed_comm_ns, theme.bad},
            Part{"exposed copies", &RunFigures::exposed_copy_ns, operationColour(OpClass::copy, Phase::forward)},
            Part{"idle", &RunFigures::idle_ns, theme.faint},
            Part{"synchronising", &RunFigures::other_ns, mix(theme.faint, theme.panel, 0.45f)}};
}

std::optional<std::pair<double, double>> intervalOf(const RunFigures& run, const std::string& metric) {
    const Statistics* s = statisticsOf(run, metric);
    if (!s || s->coverage_percent == 0) return std::nullopt;
    return std::pair(s->low, s->high);
}

QString spreadTip(const Comparison& c, size_t run, const std::string& metric, const QString& figure) {
    const Statistics* s = statisticsOf(c.runs[run], metric);
    QString tip = text(c.runs[run].label + "  " + c.runs[run].title) + "\n" + figure;
    if (s && s->count > 1)
        tip += QString("\n± is half of the distance between the quartiles of %1 steps").arg(s->count);
    if (s && s->coverage_percent > 0)
        tip += QString("\nthe whisker holds the true median with %1 %").arg(s->coverage_percent, 0, 'f', 1);
    if (const ComparedMetric* m = metricOf(c, metric); m && run != c.baseline && !m->changes[run].verdict.empty())
        tip += "\n" + percentText(m->changes[run]) + " against " + text(c.runs[c.baseline].label) + ": " +
               text(m->changes[run].verdict);
    return tip;
}

BarRow rowOf(const Comparison& c, const ComparedTraces& traces, size_t run) {
    return {.id = traces.idOf(run),
            .label = text(c.runs[run].label),
            .segments = {},
            .total = {},
            .active = c.runs.size() > 1 && traces.idOf(run) == traces.active,
            .interval = {},
            .tooltip = {}};
}

} // namespace

MemoryCategory categoryOfSegment(int segment) { return shown_categories[static_cast<size_t>(segment)]; }

QString percentText(const Change& change, int digits) {
    if (!std::isfinite(change.ratio)) return change.difference == 0 ? "0 %" : "–";
    const double percent = 100 * (change.ratio - 1);
    return (percent < 0 ? "−" : "+") + text(significant(std::abs(percent), digits)) + " %";
}

QString verdictLine(const Comparison& c, const std::string& metric) {
    const ComparedMetric* compared = metricOf(c, metric);
    if (!compared || c.runs.size() < 2) return {};
    QStringList certain, noise, unknown, missing;
    const bool none_is_unrecorded = metric != "overlap_percent" && compared->values[c.baseline] > 0;
    for (size_t i = 0; i < c.runs.size(); ++i) {
        if (i == c.baseline) continue;
        const Change& change = compared->changes[i];
        const QString label = text(c.runs[i].label);
        if (none_is_unrecorded && compared->values[i] == 0)
            missing << label;
        else if (change.verdict == "within noise")
            noise << label;
        else
            (change.verdict == "too few steps" ? unknown : certain)
                << label + " " + percentText(change, 2); // short enough for three of them
    }
    QStringList parts;
    if (!certain.isEmpty()) parts << certain.join(" · ");
    if (!noise.isEmpty()) parts << noise.join(", ") + " within noise";
    if (!unknown.isEmpty()) parts << unknown.join(" · ") + ", too few steps to judge";
    if (!missing.isEmpty()) parts << missing.join(", ") + " not recorded";
    return parts.join(" · ");
}

ChartCard budgetCard(const Comparison& c, const ComparedTraces& traces, const Theme& theme) {
    int64_t longest_ns = 0;
    for (const RunFigures& run : c.runs) longest_ns = std::max(longest_ns, run.step_ns);
    const Unit time = timeUnit(longest_ns);
    const auto parts = budgetParts(theme);
    ChartCard card{.id = ChartId::budget,
                   .title = "Step budget",
                   .unit = longest_ns ? text(time.name) : QString(),
                   .verdict = verdictLine(c, "step_ns"),
                   .chart = {}};
    for (size_t i = 0; i < c.runs.size(); ++i) {
        const RunFigures& run = c.runs[i];
        BarRow row = rowOf(c, traces, i);
        for (const Part& part : parts)
            row.segments.push_back({static_cast<double>(run.*part.value), part.colour,
                                    QString("%1: %2").arg(part.name, text(formatDuration(run.*part.value)))});
        row.total = text(inUnit(run.step_ns, time));
        if (!run.whole_trace) row.total += text(" ± " + spreadInUnit(run.step_spread_ns, time));
        row.interval = intervalOf(run, "step_ns");
        row.tooltip =
            spreadTip(c, i, "step_ns",
                      (run.whole_trace ? QString("no steps: the whole trace takes ") : QString("median step ")) +
                          text(formatDuration(run.step_ns)));
        card.chart.rows.push_back(std::move(row));
    }
    for (size_t p = 0; p < parts.size() && !c.runs.empty(); ++p)
        if (p <= exposed_comm_part ||
            std::ranges::any_of(c.runs, [&](const RunFigures& run) { return run.*parts[p].value != 0; }))
            card.chart.legend.push_back({parts[p].name, parts[p].colour});
    return card;
}

ChartCard memoryCard(const Comparison& c, const ComparedTraces& traces, const Theme&) {
    int64_t largest = 0;
    for (const RunFigures& run : c.runs) largest = std::max(largest, run.peak_total_bytes);
    const Unit size = byteUnit(largest);
    ChartCard card{.id = ChartId::memory,
                   .title = "Peak memory per rank",
                   .unit = largest ? text(size.name) : QString(),
                   .verdict = largest ? verdictLine(c, "peak_total_bytes") : QString(),
                   .chart = {}};
    for (size_t i = 0; i < c.runs.size(); ++i) {
        const RunFigures& run = c.runs[i];
        BarRow row = rowOf(c, traces, i);
        for (const MemoryCategory category : shown_categories) {
            const int64_t bytes = run.peak_bytes[static_cast<size_t>(category)];
            row.segments.push_back({static_cast<double>(bytes), memoryColour(category),
                                    categoryName(category) + ": " + text(formatBytes(bytes)), memoryPattern(category)});
        }
        row.total = run.peak_rank < 0 ? QString("not recorded") : text(inUnit(run.peak_total_bytes, size));
        row.tooltip = text(run.label + "  " + run.title);
        if (run.peak_rank >= 0) row.tooltip += "\npeak of rank " + QString::number(run.peak_rank);
        if (run.planned_total_bytes > 0)
            row.tooltip += run.planned_total_bytes == run.peak_total_bytes
                               ? QString(", equal to the plan, to the byte")
                               : QString(", planned ") + text(formatBytes(run.planned_total_bytes));
        card.chart.rows.push_back(std::move(row));
    }
    for (const MemoryCategory category : shown_categories) // what is narrower than a pixel needs no name
        if (std::ranges::any_of(c.runs, [&](const RunFigures& run) {
                return run.peak_bytes[static_cast<size_t>(category)] > largest / 500;
            }))
            card.chart.legend.push_back({categoryName(category), memoryColour(category), memoryPattern(category)});
    return card;
}

ChartCard overlapCard(const Comparison& c, const ComparedTraces& traces, const Theme& theme) {
    ChartCard card{.id = ChartId::overlap,
                   .title = "Overlap",
                   .unit = "%",
                   .verdict = verdictLine(c, "overlap_percent"),
                   .chart = {}};
    card.chart.maximum = 100;
    card.chart.track = true;
    for (size_t i = 0; i < c.runs.size(); ++i) {
        const RunFigures& run = c.runs[i];
        BarRow row = rowOf(c, traces, i);
        row.segments = {{run.overlap_percent, theme.good,
                         QString("%1 of %2 communication beside compute")
                             .arg(text(formatDuration(run.overlap_ns)), text(formatDuration(run.comm_ns)))}};
        row.total = "–";
        if (run.comm_ns > 0) {
            row.interval = intervalOf(run, "overlap_percent");
            row.total = text(formatPercent(run.overlap_percent));
            if (const Statistics* s = statisticsOf(run, "overlap_percent"); s && s->count > 1 && !run.whole_trace)
                row.total = text(significant(run.overlap_percent, 2) + " ± " + significant(s->spread, 2));
        }
        row.tooltip =
            spreadTip(c, i, "overlap_percent", run.comm_ns > 0 ? row.segments[0].tooltip : QString("no communication"));
        card.chart.rows.push_back(std::move(row));
    }
    return card;
}

ChartCard throughputCard(const Comparison& c, const ComparedTraces& traces, const Theme& theme) {
    ChartCard card{.id = ChartId::throughput,
                   .title = "Throughput",
                   .unit = "tokens/s",
                   .verdict = verdictLine(c, "tokens_per_s"),
                   .chart = {}};
    for (size_t i = 0; i < c.runs.size(); ++i) {
        const RunFigures& run = c.runs[i];
        BarRow row = rowOf(c, traces, i);
        const auto tokens = std::llround(run.tokens_per_s);
        row.total = tokens > 0 ? text(formatCount(tokens)) : QString("–");
        if (const Statistics* s = statisticsOf(run, "tokens_per_s"); tokens > 0 && s && s->count > 1)
            row.total += " ± " + text(formatCount(std::llround(s->spread)));
        if (tokens > 0) row.interval = intervalOf(run, "tokens_per_s");
        row.segments = {{run.tokens_per_s, mix(theme.accent, theme.good, 0.5f), row.total + " tokens/s of all ranks"}};
        row.tooltip = spreadTip(c, i, "tokens_per_s", row.segments[0].tooltip);
        card.chart.rows.push_back(std::move(row));
    }
    return card;
}

std::vector<ChartCard> allCards(const Comparison& c, const ComparedTraces& traces, const Theme& theme) {
    std::vector<ChartCard> cards{budgetCard(c, traces, theme)};
    if (std::ranges::any_of(c.runs, [](const RunFigures& run) { return run.peak_total_bytes > 0; }))
        cards.push_back(memoryCard(c, traces, theme));
    cards.push_back(overlapCard(c, traces, theme));
    if (std::ranges::any_of(c.runs, [](const RunFigures& run) { return run.tokens_per_s > 0; }))
        cards.push_back(throughputCard(c, traces, theme));
    return cards;
}

std::vector<Curve> lossCurves(const Comparison& c, const Theme& theme) {
    std::vector<Curve> curves;
    std::optional<size_t> shared; // the curve of the baseline and all that equal it
    const bool all_equal = c.losses_equal && c.runs.size() > 1;
    for (size_t i = 0; i < c.runs.size(); ++i) {
        const RunFigures& run = c.runs[i];
        if (std::ranges::none_of(run.losses, [](double loss) { return std::isfinite(loss); })) continue;
        const bool equal = c.common_losses > 0 && i < c.losses_part.size() && c.losses_part[i] < 0;
        if (equal && shared) {
            Curve& curve = curves[*shared];
            curve.name += " = " + text(run.label);
            if (run.losses.size() > curve.values.size()) { // the longest one; the others lie on it
                curve.values = run.losses;
                curve.steps = run.loss_steps;
            }
            continue;
        }
        if (equal) shared = curves.size();
        curves.push_back({.name = text(run.label),
                          .colour = all_equal ? theme.accent : traceColour(static_cast<int>(i)),
                          .values = run.losses,
                          .steps = run.loss_steps});
    }
    return curves;
}

QString lossSentence(const Comparison& c) {
    if (c.runs.size() < 2) return {};
    if (c.loss_relation == LossRelation::bitwise)
        return QString("✓ bitwise equal, %1 runs, %2 steps").arg(c.runs.size()).arg(c.common_losses);
    if (c.loss_relation == LossRelation::none) return "no losses in common";
    QStringList parting;
    int32_t first = -1;
    for (size_t i = 0; i < c.runs.size(); ++i) {
        if (c.losses_part[i] < 0) continue;
        parting << text(c.runs[i].label);
        if (first < 0 || c.losses_part[i] < first) first = c.losses_part[i];
    }
    const QString who = parting.join(", ");
    if (c.loss_relation == LossRelation::rounding)
        return QString("equal to rounding; %1 from step %2").arg(who).arg(first);
    return QString("%1 %2 from %3 at step %4")
        .arg(who, parting.size() == 1 ? "parts" : "part", text(c.runs[c.baseline].label))
        .arg(first);
}

Tone lossTone(const Comparison& c) {
    switch (c.loss_relation) {
    case LossRelation::bitwise:
    case LossRelation::rounding:
        return Tone::good;
    case LossRelation::different:
        return Tone::attention;
    case LossRelation::none:
        break;
    }
    return Tone::normal;
}

QString differenceLine(const Comparison& c) {
    if (c.runs.size() < 2) return c.runs.empty() ? QString() : QString("one run, nothing to compare with");
    QStringList parts;
    constexpr qsizetype shown = 3;
    for (const ConfigDifference& difference : c.differences) {
        if (parts.size() == shown) break;
        QStringList values;
        for (const std::string& value : difference.values) values << text(shortValue(value).substr(0, 24));
        parts << text(difference.key.substr(difference.key.rfind('.') + 1)) + " " + values.join(" → ");
    }
    const auto more = static_cast<qsizetype>(c.differences.size()) - parts.size();
    if (more > 0) parts << QString("%1 more").arg(more);
    if (c.equal_keys > 0)
        parts << QString(parts.isEmpty() ? "nothing; %1 keys equal" : "everything else equal (%1 keys)")
                     .arg(c.equal_keys);
    if (std::ranges::any_of(c.runs, [](const RunFigures& run) { return !run.configured; }))
        parts << "not all configurations are known";
    return parts.join(" · ");
}

} // namespace shardscope::gui
