// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/compare.h"
#include <cmath>

namespace shardscope {

namespace {

constexpr size_t shown_ops = 15; // in text

std::vector<std::string> withRuns(const Comparison& c, std::vector<std::string> columns, const std::string& suffix) {
    for (const RunFigures& run : c.runs) columns.push_back(run.label + suffix);
    return columns;
}

void addChangeColumns(const Comparison& c, Table& table, const std::string& unit) {
    for (size_t i = 0; i < c.runs.size(); ++i)
        for (const std::string& column : {"_difference" + unit, std::string("_ratio"), std::string("_verdict")})
            if (i != c.baseline) table.columns.push_back(c.runs[i].label + column);
}

void addChanges(const Comparison& c, Row& row, const std::vector<Change>& changes) {
    for (size_t i = 0; i < changes.size(); ++i) {
        if (i == c.baseline) continue;
        row.emplace_back(changes[i].difference);
        row.emplace_back(changes[i].ratio);
        row.push_back(changes[i].verdict.empty() ? Cell() : Cell(changes[i].verdict));
    }
}

} // namespace

Report comparisonReport(const Comparison& c) {
    Table metrics{"metrics", "medians over the steps", withRuns(c, {"metric"}, ""), {}};
    addChangeColumns(c, metrics, "");
    for (const ComparedMetric& metric : c.metrics) {
        Row row = {metric.metric};
        for (const double value : metric.values) row.emplace_back(value);
        addChanges(c, row, metric.changes);
        metrics.rows.push_back(std::move(row));
    }
    Table ops{"ops", "ops by their difference, per step and rank", withRuns(c, {"phase", "op"}, "_ns"), {}, shown_ops};
    addChangeColumns(c, ops, "_ns");
    Table unmatched{"unmatched", "ops that not all runs have", withRuns(c, {"phase", "op"}, "_ns"), {}, shown_ops};
    for (const ComparedOp& op : c.ops) {
        Row row = {std::string(toText(op.phase)), op.name};
        for (const auto& ns : op.ns) row.push_back(ns ? Cell(*ns) : Cell());
        if (op.everywhere()) addChanges(c, row, op.changes);
        (op.everywhere() ? ops : unmatched).rows.push_back(std::move(row));
    }
    Table steps{"steps", "steps", withRuns(c, {"step"}, "_ns"), {}, shown_ops};
    for (const ComparedStep& step : c.steps) {
        Row row = {int64_t{step.step}};
        for (const auto& ns : step.ns) row.push_back(ns ? Cell(*ns) : Cell());
        steps.rows.push_back(std::move(row));
    }
    Table differences{"differences", "what was chosen differently", withRuns(c, {"key"}, ""), {}};
    for (const ConfigDifference& d : c.differences) {
        Row row = {d.key};
        for (const std::string& value : d.values) row.emplace_back(value);
        differences.rows.push_back(std::move(row));
    }
    Table known{"known", "what is known of the runs", withRuns(c, {"fact"}, ""), {}};
    for (const ConfigDifference& d : c.known) {
        Row row = {d.key};
        for (const std::string& value : d.values) row.emplace_back(value);
        known.rows.push_back(std::move(row));
    }
    return {{std::move(metrics), std::move(ops), std::move(unmatched), std::move(steps), std::move(differences),
             std::move(known)},
            c.notes};
}

} // namespace shardscope
