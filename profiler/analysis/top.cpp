// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/top.h"
#include "profiler/analysis/communication.h"
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shardscope {

namespace {

struct Group {
    std::string key;
    int64_t calls = 0, shortest_ns = 0, longest_ns = 0;
    int64_t total_ns = 0;
    double mean() const { return static_cast<double>(total_ns) / static_cast<double>(std::max<int64_t>(calls, 1)); }
};

bool contains(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// The number an event is grouped by, and what that number is called.
int64_t numberOf(const IntervalEvent& e, const LaneInfo& lane, const std::string& by) {
    if (by == "name") return static_cast<int64_t>(e.name);
    if (by == "class") return static_cast<int64_t>(e.op_class);
    if (by == "phase") return static_cast<int64_t>(e.phase);
    if (by == "layer") return e.layer;
    if (by == "bucket") return e.bucket;
    if (by == "rank") return lane.rank;
    if (by == "lane") return static_cast<int64_t>(e.lane);
    return e.step;
}

std::string textOf(const TraceReader& trace, int64_t number, const std::string& by) {
    if (by == "name") return trace.name(static_cast<NameId>(number));
    if (by == "class") return std::string(toText(static_cast<OpClass>(number)));
    if (by == "phase") return std::string(toText(static_cast<Phase>(number)));
    if (by == "layer") return layerText(trace, static_cast<int32_t>(number));
    if (by == "lane") return trace.lanes()[static_cast<size_t>(number)].name;
    return number < 0 ? std::string() : std::to_string(number);
}

} // namespace

const std::vector<std::string>& topGroups() {
    static const std::vector<std::string> groups = {"name",   "class", "phase", "layer",
                                                    "bucket", "rank",  "lane",  "step"};
    return groups;
}

const std::vector<std::string>& topOrders() {
    static const std::vector<std::string> orders = {"total", "calls", "mean", "max", "name"};
    return orders;
}

Result<Report> topReport(const TraceReader& trace, const TopOptions& options) {
    if (!contains(topGroups(), options.by))
        return Error{fmt::format("--by is '{}'; use one of {}.", options.by, fmt::join(topGroups(), ", "))};
    if (!contains(topOrders(), options.sort))
        return Error{fmt::format("--sort is '{}'; use one of {}.", options.sort, fmt::join(topOrders(), ", "))};
    if (options.limit < 0) return Error{"--limit is negative; use 0 for all groups."};
    std::optional<OpClass> only;
    if (!options.op_class.empty()) {
        only = fromText<OpClass>(options.op_class);
        if (!only)
            return Error{fmt::format("--class is '{}'; use a class of the trace, as 'shardscope top TRACE --by class' "
                                     "lists them.",
                                     options.op_class)};
    }
    std::map<int64_t, Group> by_number;
    int64_t all_ns = 0;
    const auto add = [&](const IntervalEvent& e) {
        const LaneInfo& lane = trace.lanes()[static_cast<size_t>(e.lane)];
        if (options.step >= 0 && e.step != options.step) return;
        if (only ? e.op_class != *only : activityOf(e.op_class) == Activity::none) return;
        const int64_t duration = e.end_ns - e.start_ns;
        Group& group = by_number[numberOf(e, lane, options.by)];
        group.shortest_ns = group.calls ? std::min(group.shortest_ns, duration) : duration;
        group.longest_ns = std::max(group.longest_ns, duration);
        group.total_ns += duration;
        ++group.calls;
        all_ns += duration;
    };
    for (const int32_t rank : ranksOf(trace))
        if (options.rank < 0 || rank == options.rank) forEachInterval(trace, rank, add);
    std::vector<Group> groups;
    for (auto& [number, group] : by_number) {
        group.key = textOf(trace, number, options.by);
        if (group.key.empty()) group.key = "(none)";
        groups.push_back(std::move(group));
    }
    std::stable_sort(groups.begin(), groups.end(), [&](const Group& a, const Group& b) {
        if (options.sort == "calls") return a.calls > b.calls;
        if (options.sort == "mean") return a.mean() > b.mean();
        if (options.sort == "max") return a.longest_ns > b.longest_ns;
        if (options.sort == "name") return a.key < b.key;
        return a.total_ns > b.total_ns;
    });
    Report report;
    Table table{"top",
                fmt::format("{} groups by {}, intervals of all lanes added up", groups.size(), options.by),
                {options.by, "calls", "total_ns", "share_percent", "mean_ns", "min_ns", "max_ns"},
                {}};
    for (const Group& g : groups) {
        if (options.limit > 0 && table.rows.size() == static_cast<size_t>(options.limit)) break;
        const double share = all_ns ? 100.0 * static_cast<double>(g.total_ns) / static_cast<double>(all_ns) : 0;
        table.rows.push_back({g.key, g.calls, g.total_ns, share, g.mean(), g.shortest_ns, g.longest_ns});
    }
    if (groups.empty()) report.notes.push_back("No interval of the trace is in this selection.");
    if (table.rows.size() < groups.size())
        report.notes.push_back(
            fmt::format("{} smaller groups are left out; --limit 0 shows all.", groups.size() - table.rows.size()));
    report.tables.push_back(std::move(table));
    return report;
}

} // namespace shardscope
