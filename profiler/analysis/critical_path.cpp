// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/critical_path.h"
#include "profiler/analysis/communication.h"
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <fmt/format.h>

namespace shardscope {

namespace {

constexpr size_t shown_segments = 25;   // in text
constexpr size_t most_freed_names = 20; // single ops that are tried

// The node whose end let this one start; -1 when it could have started with the step.
int32_t heldBy(const StepGraph& graph, int32_t node) {
    int32_t latest = -1;
    int64_t end = graph.range.start_ns;
    for (const int32_t w : graph.nodes[static_cast<size_t>(node)].waits) {
        const int64_t own = graph.nodes[static_cast<size_t>(w)].event.end_ns;
        if (latest >= 0 ? own <= end : own < end) continue;
        latest = w;
        end = own;
    }
    return latest;
}

// The member of a meeting that came last; the node itself if nobody came after it.
int32_t lastToArrive(const StepGraph& graph, int32_t node) {
    const StepNode& own = graph.nodes[static_cast<size_t>(node)];
    if (own.meeting < 0) return node;
    int32_t last = node;
    for (const int32_t member : graph.meetings[static_cast<size_t>(own.meeting)])
        if (graph.nodes[static_cast<size_t>(member)].event.start_ns >
            graph.nodes[static_cast<size_t>(last)].event.start_ns)
            last = member;
    return last;
}

struct Sum {
    int64_t ns = 0, segments = 0;
};

std::string kindOf(const StepGraph& graph, const PathSegment& s) {
    if (s.node < 0) return "end of step";
    if (s.host) return "host delay";
    return std::string(toText(graph.nodes[static_cast<size_t>(s.node)].event.op_class));
}

double percent(int64_t part, int64_t whole) {
    return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

Table compositionTable(const TraceReader& trace, const StepGraph& graph, const std::vector<PathSegment>& path) {
    std::map<std::pair<int, std::string>, Sum> sums;
    const auto add = [&](int by, const std::string& key, int64_t ns) {
        Sum& sum = sums[{by, key}];
        sum.ns += ns;
        ++sum.segments;
    };
    for (const PathSegment& s : path) {
        add(0, kindOf(graph, s), s.duration());
        if (s.node < 0 || s.host) continue;
        const StepNode& node = graph.nodes[static_cast<size_t>(s.node)];
        add(1, std::string(toText(node.event.phase)), s.duration());
        add(2, std::to_string(node.rank), s.duration());
        if (const std::string layer = layerText(trace, node.event.layer); !layer.empty()) add(3, layer, s.duration());
    }
    static constexpr std::array names = {"class", "phase", "rank", "layer"};
    Table table{
        "composition", "what the critical path is made of", {"by", "key", "segments", "time_ns", "percent"}, {}};
    std::vector<std::pair<std::pair<int, std::string>, Sum>> rows(sums.begin(), sums.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return a.first.first != b.first.first ? a.first.first < b.first.first : a.second.ns > b.second.ns;
    });
    for (const auto& [key, sum] : rows)
        table.rows.push_back({std::string(names[static_cast<size_t>(key.first)]), key.second, sum.segments, sum.ns,
                              percent(sum.ns, graph.range.duration())});
    return table;
}

// What the step would save if all nodes of a group took no time, for every group that is on the path.
Table whatIfTable(const TraceReader& trace, const StepGraph& graph, const std::vector<PathSegment>& path) {
    std::map<std::pair<std::string, std::string>, int64_t> groups; // (by, key) and its time on the path
    const auto keysOf = [&](const IntervalEvent& e) {
        std::vector<std::pair<std::string, std::string>> keys = {{"class", std::string(toText(e.op_class))}};
        if (activityOf(e.op_class) == Activity::comm) keys.emplace_back("class", "all communication");
        if (const ProgramOpEvent* op = trace.op(e.op); op && !op->config_key.empty())
            keys.emplace_back("config_key", op->config_key);
        if (e.bucket >= 0) keys.emplace_back("bucket", std::to_string(e.bucket));
        keys.emplace_back("op", trace.name(e.name));
        return keys;
    };
    for (const PathSegment& s : path)
        if (s.node >= 0 && !s.host)
            for (const auto& key : keysOf(graph.nodes[static_cast<size_t>(s.node)].event)) groups[key] += s.duration();
    std::vector<std::pair<int64_t, std::string>> names;
    for (const auto& [key, ns] : groups)
        if (key.first == "op") names.emplace_back(-ns, key.second);
    std::sort(names.begin(), names.end());
    for (size_t i = most_freed_names; i < names.size(); ++i) groups.erase({"op", names[i].second});

    struct Saved {
        std::string by, key;
        int64_t path_ns, saved_ns;
    };
    std::vector<Saved> saved;
    const int64_t end = replayedEnd(graph, {});
    std::map<std::pair<std::string, std::string>, Factors> factors;
    for (const auto& [key, ns] : groups) factors[key].free.assign(graph.nodes.size(), false);
    for (size_t i = 0; i < graph.nodes.size(); ++i)
        for (const auto& key : keysOf(graph.nodes[i].event))
            if (const auto found = factors.find(key); found != factors.end()) found->second.free[i] = true;
    for (const auto& [key, own] : factors)
        saved.push_back({key.first, key.second, groups[key], end - replayedEnd(graph, own)});
    int64_t host_ns = 0;
    for (const PathSegment& s : path) host_ns += s.host ? s.duration() : 0;
    if (host_ns > 0) saved.push_back({"class", "host delay", host_ns, end - replayedEnd(graph, {{}, true})});
    std::stable_sort(saved.begin(), saved.end(), [](const Saved& a, const Saved& b) {
        const bool a_op = a.by == "op", b_op = b.by == "op";
        return a_op != b_op ? b_op : a.saved_ns > b.saved_ns;
    });
    Table table{"what_if",
                "if it took no time, the step would be shorter by",
                {"by", "key", "on_path_ns", "saved_ns", "saved_percent"},
                {}};
    for (const Saved& s : saved)
        table.rows.push_back({s.by, s.key, s.path_ns, s.saved_ns, percent(s.saved_ns, graph.range.duration())});
    return table;
}

Table pathTable(const TraceReader& trace, const StepGraph& graph, const std::vector<PathSegment>& path) {
    Table table{"path", "the path", {"start_ns", "duration_ns", "rank", "class", "phase", "op"}, {}, shown_segments, 1};
    if (path.size() > shown_segments) table.title += fmt::format(", its {} longest segments", shown_segments);
    for (const PathSegment& s : path) {
        Row row = {s.start_ns - graph.range.start_ns, s.duration(), Cell(), kindOf(graph, s), Cell(), Cell()};
        if (s.node >= 0) {
            const StepNode& node = graph.nodes[static_cast<size_t>(s.node)];
            row[2] = int64_t{node.rank};
            row[4] = std::string(toText(node.event.phase));
            row[5] = (s.host ? "before " : "") + trace.name(node.event.name);
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

} // namespace

std::vector<PathSegment> criticalPath(const StepGraph& graph) {
    std::vector<PathSegment> path;
    int32_t node = 0;
    for (size_t i = 0; i < graph.nodes.size(); ++i)
        if (graph.nodes[i].event.end_ns > graph.nodes[static_cast<size_t>(node)].event.end_ns)
            node = static_cast<int32_t>(i);
    std::vector<bool> seen(graph.nodes.size(), false);
    int64_t time = graph.range.end_ns; // the path is complete from here on
    const auto add = [&](int32_t on, bool host, int64_t from) {
        from = std::clamp(from, graph.range.start_ns, time);
        if (from < time) path.push_back({on, host, from, time});
        time = from;
    };
    add(-1, false, graph.nodes[static_cast<size_t>(node)].event.end_ns);
    while (node >= 0 && !seen[static_cast<size_t>(node)]) {
        seen[static_cast<size_t>(node)] = true;
        const int32_t last = lastToArrive(graph, node);
        add(node, false, graph.nodes[static_cast<size_t>(last)].event.start_ns);
        const int32_t before = heldBy(graph, last);
        add(last, true, before < 0 ? graph.range.start_ns : graph.nodes[static_cast<size_t>(before)].event.end_ns);
        node = before;
    }
    add(-1, false, graph.range.start_ns); // only where the times of collectives contradict each other
    std::reverse(path.begin(), path.end());
    return path;
}

Result<Report> criticalPathReport(const TraceReader& trace, int32_t step) {
    const auto graph = stepGraph(trace, step);
    if (!graph) return graph.error();
    const std::vector<PathSegment> path = criticalPath(*graph);
    Report report{
        {compositionTable(trace, *graph, path), whatIfTable(trace, *graph, path), pathTable(trace, *graph, path)}, {}};
    const std::string subject = graph->step < 0 ? "The whole trace" : fmt::format("Step {}", graph->step);
    const TimeUnit unit = TimeUnit::fitting(graph->range.duration());
    report.notes.push_back(fmt::format("{} takes {} {}; its critical path has {} segments on {} intervals.", subject,
                                       unit.text(graph->range.duration()), unit.name, path.size(),
                                       graph->nodes.size()));
    if (!graph->recorded)
        report.notes.push_back("The trace records no dependencies: the path goes back to whatever ended last before on "
                               "the same rank, and savings are what that order allows.");
    if (graph->contradictions > 0)
        report.notes.push_back(
            fmt::format("{} waits are left out because the recorded times rule them out.", graph->contradictions));
    return report;
}

} // namespace shardscope
