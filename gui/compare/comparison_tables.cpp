// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/comparison_tables.h"
#include "gui/style.h"
#include "gui/units.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {
namespace {

ViewCell words(const QString& text, bool faint = false) { return {.text = text, .tooltip = {}, .faint = faint}; }

ViewCell number(double value, const QString& text, const QString& tooltip = {}) {
    return {.text = text, .tooltip = tooltip, .number = value, .is_number = true};
}

// Of a change against the baseline; less is better for times and bytes.
ViewCell changeCell(const Change& change, bool less_is_better) {
    ViewCell cell = number(std::isfinite(change.ratio) ? 100 * (change.ratio - 1) : 0, percentText(change));
    const bool certain = change.verdict.empty() || change.verdict == "real";
    cell.tooltip = change.verdict.empty() ? QString() : text(change.verdict);
    if (!certain) {
        cell.text = change.verdict == "within noise" ? "within noise" : cell.text + " ?";
        cell.faint = true;
    } else if (change.difference != 0) {
        cell.tone = (change.difference < 0) == less_is_better ? Tone::good : Tone::bad;
    }
    return cell;
}

QStringList runColumns(const Comparison& c, const QStringList& first, bool changes) {
    QStringList columns = first;
    for (size_t i = 0; i < c.runs.size(); ++i) {
        const QString label = text(c.runs[i].label);
        columns << (i == c.baseline && c.runs.size() > 1 && changes ? label + "  baseline"
                                                                    : label + "  " + text(c.runs[i].title));
        if (changes && i != c.baseline) columns << label + " − " + text(c.runs[c.baseline].label);
    }
    return columns;
}

void addRows(const std::vector<ConfigDifference>& differences, size_t baseline, ViewTable& table) {
    for (const ConfigDifference& d : differences) {
        std::vector<ViewCell> row{words(text(d.key))};
        row[0].strong = true;
        row[0].tooltip = text(d.key);
        row.push_back(words(text(d.unit), true));
        for (size_t i = 0; i < d.values.size(); ++i) {
            const QString origin = i < d.origins.size() ? text(d.origins[i]) : QString();
            ViewCell cell = words(text(d.values[i]) + (origin.isEmpty() ? QString() : " · " + origin));
            cell.tooltip = text(d.values[i]);
            cell.faint = d.values[i] == "(unknown)" || d.values[i] == "(not set)";
            if (i != baseline && !cell.faint && d.values[i] != d.values[baseline]) cell.tone = Tone::attention;
            row.push_back(std::move(cell));
        }
        table.rows.push_back(std::move(row));
    }
}

// How a metric's numbers are written, by the end of its name.
QString metricText(const std::string& metric, double value) {
    if (metric.ends_with("_ns")) return text(formatDuration(std::llround(value)));
    if (metric.ends_with("_bytes")) return text(formatBytes(std::llround(value)));
    if (metric.ends_with("percent")) return text(significant(value, 3)) + " %";
    return text(formatCount(std::llround(value)));
}

QString metricName(std::string metric) {
    for (const char* unit : {"_ns", "_bytes", "_percent"})
        if (metric.ends_with(unit)) metric.resize(metric.size() - std::string(unit).size());
    QString name = text(metric).replace('_', ' ');
    return name.replace("comm", "communication").replace("tokens per s", "tokens/s");
}

bool lessIsBetter(const std::string& metric) {
    return metric != "overlap_ns" && metric != "overlap_percent" && metric != "tokens_per_s";
}

} // namespace

ViewTable configurationTable(const Comparison& c) {
    ViewTable table{.columns = runColumns(c, {"key", "unit"}, false), .rows = {}};
    addRows(c.differences, c.baseline, table);
    addRows(c.known, c.baseline, table);
    return table;
}

QString configurationNote(const Comparison& c) {
    QStringList parts;
    if (c.runs.size() < 2) return "Compare a second trace to see what was chosen differently.";
    if (c.equal_keys > 0)
        parts << QString("%1 equal (%2 keys).")
                     .arg(c.differences.empty() ? "Everything" : "Everything else")
                     .arg(c.equal_keys);
    for (const std::string& note : c.notes) parts << text(note);
    return parts.join(' ');
}

ViewTable opsTable(const Comparison& c) {
    ViewTable table{.columns = runColumns(c, {"op", "phase"}, true), .rows = {}};
    for (const ComparedOp& op : c.ops) {
        std::vector<ViewCell> row{words(text(op.name)), words(text(toText(op.phase)), true)};
        row[0].tooltip = row[0].text;
        for (size_t i = 0; i < c.runs.size(); ++i) {
            ViewCell time = number(-1, "not there");
            time.faint = true;
            if (op.ns[i]) {
                time = number(*op.ns[i], text(formatDuration(std::llround(*op.ns[i]))),
                              "Click to select it in " + text(c.runs[i].label));
                if (const auto& s = op.statistics[i]; s && s->count > 1)
                    time.text += " ± " + text(formatDuration(std::llround(s->spread)));
            }
            row.push_back(std::move(time));
            if (i == c.baseline) continue;
            if (op.ns[i] && op.ns[c.baseline]) {
                row.push_back(changeCell(op.changes[i], true));
            } else {
                ViewCell only = number(0, op.ns[i] ? "only here" : op.ns[c.baseline] ? "missing" : "");
                if (op.ns[i] || op.ns[c.baseline]) only.tone = Tone::attention;
                row.push_back(std::move(only));
            }
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

QString opsNote(const Comparison& c) {
    if (c.runs.size() < 2) return {};
    size_t everywhere = 0, real = 0;
    for (const ComparedOp& op : c.ops) {
        everywhere += op.everywhere();
        real += op.everywhere() && std::ranges::any_of(op.changes, [](const Change& x) { return x.verdict == "real"; });
    }
    return QString("%1 ops in all runs, %2 differ by more than noise, %3 not in all. Per step and rank.")
        .arg(everywhere)
        .arg(real)
        .arg(c.ops.size() - everywhere);
}

ViewTable numbersTable(const Comparison& c) {
    ViewTable table{.columns = runColumns(c, {"median"}, true), .rows = {}};
    for (const ComparedMetric& metric : c.metrics) {
        if (std::ranges::all_of(metric.values, [](double value) { return value == 0; })) continue;
        std::vector<ViewCell> row{words(metricName(metric.metric))};
        for (size_t i = 0; i < c.runs.size(); ++i) {
            ViewCell cell = number(metric.values[i], metricText(metric.metric, metric.values[i]));
            const Statistics* s = statisticsOf(c.runs[i], metric.metric);
            if (s && s->count > 1) {
                cell.text += " ± " + metricText(metric.metric, s->spread);
                if (s->coverage_percent > 0)
                    cell.tooltip = QString("%1 to %2 with %3 %, from %4 steps")
                                       .arg(metricText(metric.metric, s->low), metricText(metric.metric, s->high))
                                       .arg(s->coverage_percent, 0, 'f', 1)
                                       .arg(s->count);
            }
            row.push_back(std::move(cell));
            if (i != c.baseline) row.push_back(changeCell(metric.changes[i], lessIsBetter(metric.metric)));
        }
        table.rows.push_back(std::move(row));
    }
    if (c.runs.size() > 1 && c.common_losses > 1 &&
        (c.loss_relation == LossRelation::bitwise || c.loss_relation == LossRelation::rounding)) {
        std::vector<ViewCell> row{words("time to the same loss")};
        row[0].tooltip = QString("recorded time of the %1 common steps, warm-up included; the losses are equal")
                             .arg(c.common_losses);
        const auto baseline = static_cast<double>(c.runs[c.baseline].common_steps_ns);
        for (size_t i = 0; i < c.runs.size(); ++i) {
            const auto own = static_cast<double>(c.runs[i].common_steps_ns);
            row.push_back(number(own, metricText("_ns", own)));
            if (i != c.baseline)
                row.push_back(changeCell(
                    {.difference = own - baseline, .ratio = baseline > 0 ? own / baseline : NAN, .verdict = {}}, true));
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

QString numbersNote(const Comparison& c) {
    return c.runs.empty() ? QString()
                          : QString("± is half of the distance between the quartiles; changes against %1.")
                                .arg(text(c.runs[c.baseline].label));
}

size_t runOfColumn(const Comparison& c, const ViewTable& table, int column) {
    const QString head = table.columns.value(column);
    for (size_t i = 0; i < c.runs.size(); ++i)
        if (column >= 2 && head.startsWith(text(c.runs[i].label) + " ")) return i;
    return c.runs.size();
}

} // namespace shardscope::gui
