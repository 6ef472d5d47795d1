// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/step_graph.h"
#include "profiler/analysis/communication.h"
#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <tuple>

namespace shardscope {

namespace {

const StepEvent* medianStep(const TraceReader& trace) {
    std::vector<int64_t> durations;
    for (const StepEvent& step : trace.steps()) durations.push_back(step.end_ns - step.start_ns);
    const int64_t median = medianStepNs(durations);
    const size_t first = durations.size() > 2 ? 1 : 0;
    for (size_t i = first; i < durations.size(); ++i)
        if (durations[i] == median) return &trace.steps()[i];
    return nullptr;
}

void addNodes(const TraceReader& trace, bool any_step, StepGraph& graph) {
    for (const int32_t rank : ranksOf(trace))
        forEachInterval(trace, rank, [&](const IntervalEvent& e) {
            if (activityOf(e.op_class) == Activity::none || (!any_step && e.step != graph.step)) return;
            graph.nodes.push_back({e, rank});
        });
    std::stable_sort(graph.nodes.begin(), graph.nodes.end(),
                     [](const StepNode& a, const StepNode& b) { return a.event.start_ns < b.event.start_ns; });
}

void addMeetings(StepGraph& graph) {
    using Call = std::tuple<int32_t, int32_t, int64_t>; // op, name, how often before on this rank
    std::map<std::tuple<int32_t, int32_t, int32_t>, int64_t> counts;
    std::map<Call, std::vector<int32_t>> meetings;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        const IntervalEvent& e = graph.nodes[i].event;
        if (activityOf(e.op_class) != Activity::comm) continue;
        const auto op = static_cast<int32_t>(e.op), name = static_cast<int32_t>(e.name);
        const int64_t nth = counts[{graph.nodes[i].rank, op, name}]++;
        meetings[{op, name, nth}].push_back(static_cast<int32_t>(i));
    }
    for (auto& [call, members] : meetings) {
        if (members.size() < 2) continue;
        int64_t last_arrival = std::numeric_limits<int64_t>::min(), first_end = std::numeric_limits<int64_t>::max();
        for (const int32_t member : members) {
            const IntervalEvent& e = graph.nodes[static_cast<size_t>(member)].event;
            last_arrival = std::max(last_arrival, e.start_ns);
            first_end = std::min(first_end, e.end_ns);
        }
        if (first_end < last_arrival) { // calls that only look alike, or clocks that differ
            ++graph.contradictions;
            continue;
        }
        for (const int32_t member : members)
            graph.nodes[static_cast<size_t>(member)].meeting = static_cast<int32_t>(graph.meetings.size());
        graph.meetings.push_back(std::move(members));
    }
}

// A wait on something that ended later cannot have happened; leaving it out keeps the graph free of cycles, whatever a
// file says.
void addWait(StepGraph& graph, size_t node, int32_t before) {
    auto& waits = graph.nodes[node].waits;
    if (graph.nodes[static_cast<size_t>(before)].event.end_ns > graph.nodes[node].event.start_ns)
        ++graph.contradictions;
    else if (std::find(waits.begin(), waits.end(), before) == waits.end())
        waits.push_back(before);
}

void addWaits(const TraceReader& trace, StepGraph& graph) {
    std::map<LaneId, int32_t> last_of_lane;
    std::map<std::pair<int32_t, OpId>, int32_t> node_of_op; // by rank; the latest so far
    std::map<int32_t, std::multimap<int64_t, int32_t>> ends_of_rank;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        StepNode& node = graph.nodes[i];
        const auto self = static_cast<int32_t>(i);
        if (const auto before = last_of_lane.find(node.event.lane); before != last_of_lane.end())
            addWait(graph, i, before->second);
        last_of_lane[node.event.lane] = self;
        if (graph.recorded) {
            if (const ProgramOpEvent* op = trace.op(node.event.op))
                for (const OpId w : op->waits_for)
                    if (const auto found = node_of_op.find({node.rank, w}); found != node_of_op.end())
                        addWait(graph, i, found->second);
            node_of_op[{node.rank, node.event.op}] = self;
        } else { // whatever of this rank ended last before
            auto& ends = ends_of_rank[node.rank];
            auto after = ends.upper_bound(node.event.start_ns);
            if (after != ends.begin()) addWait(graph, i, std::prev(after)->second);
            ends.emplace(node.event.end_ns, self);
        }
    }
    for (StepNode& node : graph.nodes) {
        int64_t ready = graph.range.start_ns;
        for (const int32_t w : node.waits) ready = std::max(ready, graph.nodes[static_cast<size_t>(w)].event.end_ns);
        node.delay_ns = node.event.start_ns - ready;
    }
}

} // namespace

int64_t StepGraph::lastArrival(int32_t node) const {
    const StepNode& n = nodes[static_cast<size_t>(node)];
    if (n.meeting < 0) return n.event.start_ns;
    int64_t last = n.event.start_ns;
    for (const int32_t member : meetings[static_cast<size_t>(n.meeting)])
        last = std::max(last, nodes[static_cast<size_t>(member)].event.start_ns);
    return last;
}

Result<StepGraph> stepGraph(const TraceReader& trace, int32_t wanted) {
    StepGraph graph;
    const StepEvent* step = nullptr;
    if (wanted >= 0) {
        for (const StepEvent& s : trace.steps())
            if (s.step == wanted) step = &s;
        if (!step) return Error{fmt::format("The trace has no step {}; 'shardscope summary' lists its steps.", wanted)};
    } else if (!trace.steps().empty()) {
        step = medianStep(trace);
    }
    if (step) {
        graph.step = step->step;
        graph.range = {step->start_ns, step->end_ns};
    } else {
        graph.range = trace.span();
    }
    graph.recorded = std::any_of(trace.program().begin(), trace.program().end(),
                                 [](const ProgramOpEvent& op) { return !op.waits_for.empty(); });
    addNodes(trace, step == nullptr, graph);
    if (graph.nodes.empty())
        return Error{"No interval of the trace belongs to the step; choose another one with --step."};
    for (const StepNode& node : graph.nodes) { // a step may be recorded shorter than what belongs to it
        graph.range.start_ns = std::min(graph.range.start_ns, node.event.start_ns);
        graph.range.end_ns = std::max(graph.range.end_ns, node.event.end_ns);
    }
    addMeetings(graph);
    addWaits(trace, graph);
    return graph;
}

int64_t replayedEnd(const StepGraph& graph, const Factors& factors) {
    const size_t count = graph.nodes.size();
    std::vector<int64_t> start(count), arrived(graph.meetings.size(), std::numeric_limits<int64_t>::min());
    std::vector<int64_t> transfer(count);
    // Ends of collectives are known when all have arrived, which is before anybody can wait for them.
    const auto endOf = [&](size_t i) {
        const int32_t meeting = graph.nodes[i].meeting;
        return (meeting < 0 ? start[i] : std::max(start[i], arrived[static_cast<size_t>(meeting)])) + transfer[i];
    };
    for (size_t i = 0; i < count; ++i) {
        const StepNode& node = graph.nodes[i];
        const bool free = !factors.free.empty() && factors.free[i];
        transfer[i] = free ? 0 : node.event.end_ns - graph.lastArrival(static_cast<int32_t>(i));
        int64_t ready = graph.range.start_ns;
        for (const int32_t w : node.waits) ready = std::max(ready, endOf(static_cast<size_t>(w)));
        start[i] = ready + (factors.no_delays ? 0 : node.delay_ns);
        if (node.meeting >= 0) {
            auto& last = arrived[static_cast<size_t>(node.meeting)];
            last = std::max(last, start[i]);
        }
    }
    int64_t end = graph.range.start_ns;
    for (size_t i = 0; i < count; ++i) end = std::max(end, endOf(i));
    return end;
}

} // namespace shardscope
