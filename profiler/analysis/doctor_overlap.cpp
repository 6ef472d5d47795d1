// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/doctor_overlap.h"
#include "profiler/analysis/communication.h"
#include "profiler/analysis/step_graph.h"
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace shardscope {

namespace {

constexpr size_t most_findings = 6;
constexpr double notable = 0.01;        // of the step
constexpr double nearly_hidden = 0.9;   // of a collective
constexpr double nearly_nothing = 0.05; // of a transfer

// A collective of the step, summed over the ranks.
struct Exposed {
    std::string name;
    Phase phase = Phase::forward;
    OpClass op_class = OpClass::all_reduce;
    int32_t bucket = -1;
    OpId op = OpId::none;
    int64_t calls = 0, comm_ns = 0, exposed_ns = 0, exposed_wait_ns = 0, transfer_ns = 0;
    int64_t left_ns = 0;  // compute of the same phase after the start, which could hide it
    int64_t queue_ns = 0; // ready, but other collectives held the lane
};

bool overlapIsOff(const TraceReader& trace) {
    const auto config = nlohmann::json::parse(trace.runValue("config_resolved"), nullptr, false);
    if (!config.is_object() || !config.contains("zero_optimization")) return false;
    const auto& zero = config["zero_optimization"];
    return zero.is_object() && zero.contains("overlap_comm") && zero["overlap_comm"] == false;
}

std::vector<Exposed> exposedCollectives(const TraceReader& trace, const StepGraph& graph) {
    std::map<std::pair<Phase, NameId>, Exposed> groups;
    for (const int32_t rank : ranksOf(trace)) {
        const RankActivity activity = activityOf(trace, rank);
        std::map<Phase, int64_t> phase_end;                  // of its compute
        std::map<std::pair<LaneId, int64_t>, int64_t> queue; // by lane and start
        for (const StepNode& node : graph.nodes) {
            if (node.rank != rank) continue;
            const IntervalEvent& e = node.event;
            if (activityOf(e.op_class) == Activity::compute) {
                int64_t& end = phase_end[e.phase];
                end = std::max(end, e.end_ns);
            }
            if (activityOf(e.op_class) != Activity::comm) continue;
            int64_t lane_free = graph.range.start_ns, ready = graph.range.start_ns;
            for (const int32_t w : node.waits) {
                const IntervalEvent& before = graph.nodes[static_cast<size_t>(w)].event;
                int64_t& end = before.lane == e.lane ? lane_free : ready;
                end = std::max(end, before.end_ns);
            }
            queue[{e.lane, e.start_ns}] = std::max<int64_t>(lane_free - ready, 0);
        }
        for (const CollectiveShare& share : collectiveShares(trace, activity)) {
            const IntervalEvent& e = share.event;
            if (graph.step >= 0 && e.step != graph.step) continue;
            Exposed& x = groups[{e.phase, e.name}];
            x.name = trace.name(e.name);
            x.phase = e.phase;
            x.op_class = e.op_class;
            x.bucket = e.bucket;
            x.op = e.op;
            ++x.calls;
            x.comm_ns += share.comm_ns;
            x.exposed_ns += share.exposed_ns;
            x.exposed_wait_ns += share.exposed_wait_ns;
            x.transfer_ns += std::max<int64_t>(e.end_ns - e.start_ns - e.wait_ns, 0);
            x.left_ns += activity.compute.lengthWithin({e.start_ns, phase_end[e.phase]});
            x.queue_ns += queue[{e.lane, e.start_ns}];
        }
    }
    std::vector<Exposed> result;
    for (auto& [key, x] : groups) result.push_back(std::move(x));
    std::stable_sort(result.begin(), result.end(),
                     [](const Exposed& a, const Exposed& b) { return a.exposed_ns > b.exposed_ns; });
    return result;
}

double ratio(int64_t part, int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// In a sentence no column asks for one unit: 6.43 ms, not 6428.3 us.
std::string timeText(int64_t ns) {
    const TimeUnit unit = TimeUnit::fitting(std::min(ns, INT64_MAX / 10) * 10);
    return unit.text(ns) + " " + unit.name;
}

// Without a program nothing says what waits for a collective, or since when it could have started.
std::string observationOf(const Exposed& x) {
    if (ratio(x.exposed_wait_ns, x.exposed_ns) > 0.5)
        return fmt::format("{} of it the ranks wait for the last one to arrive", timeText(x.exposed_wait_ns / x.calls));
    if (ratio(x.left_ns, x.transfer_ns) < nearly_nothing) return "no compute follows that could hide it";
    return "compute follows that does not run beside it; the trace does not say whether it needs the result";
}

// The first cause that explains most of it, with what could be done.
std::string reasonOf(const Exposed& x, bool overlap_off) {
    const bool gather = x.op_class == OpClass::all_gather;
    if (ratio(x.exposed_wait_ns, x.exposed_ns) > 0.5)
        return fmt::format("{} of it the ranks wait for the last one to arrive, so faster links would not help",
                           timeText(x.exposed_wait_ns / x.calls));
    if (overlap_off) return "zero_optimization.overlap_comm is off, so the step waits for every collective at once";
    if (ratio(x.left_ns, x.transfer_ns) < nearly_nothing)
        return gather ? fmt::format("nothing of the {} is left to compute beside it", toText(x.phase))
                      : fmt::format("it is ready only when the {} has nothing left to compute; a smaller "
                                    "zero_optimization.reduce_bucket_size makes the last bucket shorter",
                                    toText(x.phase));
    if (ratio(x.queue_ns, x.transfer_ns) > 0.5)
        return fmt::format("it was ready {} before it could start, behind other collectives: communication is the "
                           "bottleneck, and only fewer bytes or more compute per byte help",
                           timeText(x.queue_ns / x.calls));
    if (x.left_ns < x.transfer_ns)
        return fmt::format("its transfer takes {}, and only {} of the {} are left to hide it",
                           timeText(x.transfer_ns / x.calls), timeText(x.left_ns / x.calls), toText(x.phase));
    if (gather)
        return "compute needs it soon after it starts; a greater zero_optimization.stage3_prefetch_bucket_size starts "
               "gathers earlier";
    return fmt::format("the ops that follow wait for it although {} of the {} are left", timeText(x.left_ns / x.calls),
                       toText(x.phase));
}

} // namespace

std::vector<Finding> diagnoseOverlap(const TraceReader& trace) {
    std::vector<Finding> findings;
    const auto graph = stepGraph(trace);
    if (!graph) return findings;
    const bool overlap_off = overlapIsOff(trace);
    const char* const range = graph->step >= 0 ? "a step" : "a trace";
    for (const Exposed& x : exposedCollectives(trace, *graph)) {
        const int64_t cost = x.exposed_ns / std::max<int64_t>(trace.ranks(), 1);
        if (findings.size() == most_findings || ratio(cost, graph->range.duration()) < notable) break;
        const double hidden = 1 - ratio(x.exposed_ns, x.comm_ns);
        if (hidden > nearly_hidden) continue;
        const ProgramOpEvent* op = trace.op(x.op);
        findings.push_back({"time", x.bucket >= 0 ? fmt::format("bucket {}", x.bucket) : x.name, cost,
                            op ? op->config_key : std::string(),
                            fmt::format("'{}'{} is {:.0f} % hidden and exposes {} of {} of {}: {}.", x.name,
                                        x.phase == Phase::unknown ? "" : fmt::format(" ({})", toText(x.phase)),
                                        100 * hidden, timeText(cost), range, timeText(graph->range.duration()),
                                        graph->recorded ? reasonOf(x, overlap_off) : observationOf(x))});
    }
    return findings;
}

} // namespace shardscope
