// SPDX-License-Identifier: Apache-2.0
// The ops of several runs beside each other, matched by phase and name: the numbers of ops differ between stages.
#include "profiler/analysis/communication.h"
#include "profiler/analysis/compare_changes.h"
#include "profiler/analysis/step_statistics.h"
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace shardscope {

namespace {

using Identity = std::pair<Phase, std::string>;

// Per op the time of each step that counts, as the mean of the ranks.
std::map<Identity, std::vector<double>> timesOf(const TraceReader& trace) {
    std::map<int32_t, size_t> position; // of the steps after warm-up
    const auto steps = trace.steps();
    for (size_t i = steps.size() > 2 ? 1 : 0; i < steps.size(); ++i) position.emplace(steps[i].step, position.size());
    const size_t columns = std::max<size_t>(position.size(), 1);
    const std::set<int32_t> ranks = ranksOf(trace);
    std::map<std::pair<Phase, NameId>, std::vector<double>> by_id;
    for (const int32_t rank : ranks)
        forEachInterval(trace, rank, [&](const IntervalEvent& e) {
            if (activityOf(e.op_class) == Activity::none) return;
            size_t column = 0;
            if (!steps.empty()) {
                const auto found = position.find(e.step);
                if (found == position.end()) return;
                column = found->second;
            }
            std::vector<double>& times = by_id[{e.phase, e.name}];
            times.resize(columns);
            times[column] += static_cast<double>(e.end_ns - e.start_ns) / static_cast<double>(ranks.size());
        });
    std::map<Identity, std::vector<double>> times;
    for (const auto& [id, values] : by_id) {
        std::vector<double>& sum = times[{id.first, comparedName(trace.name(id.second))}];
        sum.resize(columns);
        std::ranges::transform(values, sum, sum.begin(), std::plus<>());
    }
    return times;
}

double greatestDifference(const ComparedOp& op) {
    double greatest = 0;
    for (const Change& change : op.changes) greatest = std::max(greatest, std::abs(change.difference));
    return greatest;
}

} // namespace

// "block 0 up, micro-batch 1" is block 0 up: runs with other numbers of micro-batches have the same ops.
std::string comparedName(const std::string& name) {
    const size_t mark = name.rfind(", micro-batch ");
    return mark == std::string::npos ? name : name.substr(0, mark);
}

bool ComparedOp::everywhere() const {
    return std::all_of(ns.begin(), ns.end(), [](const auto& value) { return value.has_value(); });
}

Change changeOf(const Statistics& a, const Statistics& other) {
    Change change{other.median - a.median,
                  a.median != 0 ? other.median / a.median : std::numeric_limits<double>::quiet_NaN(),
                  {}};
    switch (differenceOf(a, other)) {
    case Difference::noise:
        change.verdict = "within noise";
        break;
    case Difference::real:
        change.verdict = "real";
        break;
    case Difference::unknown:
        change.verdict = "too few steps";
    }
    return change;
}

std::vector<ComparedOp> compareOps(const std::vector<const TraceReader*>& traces) {
    std::map<Identity, std::vector<std::optional<Statistics>>> found;
    for (size_t i = 0; i < traces.size(); ++i)
        for (auto& [identity, values] : timesOf(*traces[i])) {
            auto& row = found[identity];
            row.resize(traces.size());
            row[i] = statisticsOf(identity.second, std::move(values));
        }
    std::vector<ComparedOp> ops;
    for (auto& [identity, runs] : found) {
        ComparedOp op{.phase = identity.first, .name = identity.second, .ns = {}, .changes = {}, .statistics = {}};
        for (const auto& run : runs) op.ns.push_back(run ? std::optional<double>(run->median) : std::nullopt);
        op.statistics = std::move(runs);
        ops.push_back(std::move(op));
    }
    compareOpTimes(ops, 0);
    return ops;
}

void compareOpTimes(std::vector<ComparedOp>& ops, size_t baseline) {
    for (ComparedOp& op : ops) {
        const auto& runs = op.statistics;
        op.changes.assign(runs.size(), Change{});
        for (size_t i = 0; i < runs.size(); ++i)
            if (i != baseline && runs[i] && runs[baseline]) op.changes[i] = changeOf(*runs[baseline], *runs[i]);
    }
    // By name first, so that the order does not depend on what the baseline was before.
    std::sort(ops.begin(), ops.end(), [](const ComparedOp& a, const ComparedOp& b) {
        return std::pair(a.phase, a.name) < std::pair(b.phase, b.name);
    });
    std::stable_sort(ops.begin(), ops.end(), [](const ComparedOp& a, const ComparedOp& b) {
        if (a.everywhere() != b.everywhere()) return a.everywhere();
        return greatestDifference(a) > greatestDifference(b);
    });
}

} // namespace shardscope
