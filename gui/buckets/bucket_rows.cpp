// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/bucket_rows.h"
#include "gui/canvas/format.h"
#include "gui/run_facts.h"
#include "gui/units.h"
#include "profiler/analysis/communication.h"
#include "profiler/analysis/step_graph.h"
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace shardscope::gui {
namespace {

constexpr double notable_change = 0.05; // of a time; less is not worth a word

std::string withoutPrefix(std::string text, const std::string& prefix) {
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix)) text.erase(at, prefix.size());
    return text;
}

const StepEvent* chosenStep(const TraceReader& trace, int32_t step) {
    const auto steps = trace.steps();
    if (steps.empty()) return nullptr;
    for (const StepEvent& candidate : steps)
        if (candidate.step == step) return &candidate;
    std::vector<int64_t> times;
    for (const StepEvent& candidate : steps) times.push_back(candidate.end_ns - candidate.start_ns);
    const int64_t median = medianStepNs(times);
    for (const StepEvent& candidate : steps)
        if (candidate.end_ns - candidate.start_ns == median) return &candidate;
    return &steps.back();
}

std::string blockLabel(const IntervalEvent& e) {
    switch (e.op_class) {
    case OpClass::all_gather:
        return "AG";
    case OpClass::reduce_scatter:
        return "RS";
    case OpClass::all_reduce:
        return "AR";
    case OpClass::broadcast:
        return "BC";
    case OpClass::reduce:
        return "R";
    default:
        break;
    }
    if (activityOf(e.op_class) == Activity::comm) return "comm";
    const std::string layer = e.layer >= 0 ? std::to_string(e.layer) : "";
    if (e.phase == Phase::forward) return "F" + layer;
    if (e.phase == Phase::backward) return "B" + layer;
    return e.phase == Phase::optimizer ? "opt" : "";
}

// When everything a collective needs was there, by its lane and start: what else it waited for is its own lane.
std::map<std::pair<LaneId, int64_t>, int64_t> readyTimes(const StepGraph& graph, int32_t rank) {
    std::map<std::pair<LaneId, int64_t>, int64_t> ready;
    for (const StepNode& node : graph.nodes) {
        if (node.rank != rank || activityOf(node.event.op_class) != Activity::comm) continue;
        int64_t at = graph.range.start_ns;
        for (const int32_t w : node.waits) {
            const IntervalEvent& before = graph.nodes[static_cast<size_t>(w)].event;
            if (before.lane != node.event.lane) at = std::max(at, before.end_ns);
        }
        ready[{node.event.lane, node.event.start_ns}] = std::min(at, node.event.start_ns);
    }
    return ready;
}

std::vector<TimeRange> without(TimeRange range, const IntervalSet& covered, int64_t origin_ns) {
    std::vector<TimeRange> left;
    int64_t at = range.start_ns;
    const IntervalSet within = covered.clipped(range);
    for (const TimeRange& piece : within.ranges()) {
        if (piece.start_ns > at) left.push_back({at - origin_ns, piece.start_ns - origin_ns});
        at = piece.end_ns;
    }
    if (range.end_ns > at) left.push_back({at - origin_ns, range.end_ns - origin_ns});
    return left;
}

// Ops of one layer and phase that follow each other are one block; a gap that would be seen parts them.
void addCompute(BucketView& view, const IntervalEvent& e, int64_t origin_ns) {
    const TimeRange time{e.start_ns - origin_ns, e.end_ns - origin_ns};
    const std::string label = blockLabel(e);
    if (!view.compute.empty()) {
        StepBlock& last = view.compute.back();
        if (last.label == label && last.phase == e.phase && time.start_ns - last.time.end_ns < view.step_ns / 200) {
            last.time.end_ns = std::max(last.time.end_ns, time.end_ns);
            if (e.end_ns - e.start_ns > last.end_ns - last.start_ns) { // the longest stands for all
                last.lane = e.lane;
                last.start_ns = e.start_ns;
                last.end_ns = e.end_ns;
            }
            return;
        }
    }
    view.compute.push_back({.time = time,
                            .op_class = e.op_class,
                            .phase = e.phase,
                            .label = label,
                            .exposed = {},
                            .lane = e.lane,
                            .start_ns = e.start_ns,
                            .end_ns = e.end_ns});
}

std::string timeChange(const char* what, int64_t now, int64_t then) {
    const int64_t difference = now - then;
    if (std::abs(difference) <= 10'000 ||
        std::abs(static_cast<double>(difference)) < notable_change * static_cast<double>(std::max(now, then)))
        return {};
    return std::string(what) + (difference < 0 ? " −" : " +") + formatDuration(std::abs(difference));
}

} // namespace

std::string layersOf(const std::string& parameters) {
    std::vector<std::string> layers;
    const auto add = [&](const std::string& layer) {
        if (std::find(layers.begin(), layers.end(), layer) == layers.end()) layers.push_back(layer);
    };
    for (size_t start = 0; start < parameters.size();) {
        const size_t end = std::min(parameters.find(',', start), parameters.size());
        const std::string name = parameters.substr(start, end - start);
        start = end + 1;
        size_t number = std::string::npos;
        for (const char* part : {".h.", ".layers."})
            if (const size_t at = name.find(part); at != std::string::npos) number = at + std::string(part).size();
        if (number != std::string::npos)
            add(name.substr(number, name.find('.', number) - number));
        else if (name.find("wte") != std::string::npos || name.find("wpe") != std::string::npos ||
                 name.find("embed") != std::string::npos)
            add("embedding");
        else if (!name.empty())
            add("head");
    }
    std::string text;
    for (const std::string& layer : layers) text += (text.empty() ? "" : " ") + layer;
    return text;
}

Result<BucketView> bucketView(const TraceReader& trace, int32_t step) {
    const std::set<int32_t> ranks = ranksOf(trace);
    if (ranks.empty()) return Error{trace.path() + " has no lanes; there is nothing to list"};
    BucketView view;
    view.path = trace.path();
    view.rank = *ranks.begin();
    view.has_program = !trace.program().empty();
    const StepEvent* chosen = chosenStep(trace, step);
    const TimeRange range = chosen ? TimeRange{chosen->start_ns, chosen->end_ns} : trace.span();
    view.step = chosen ? chosen->step : -1;
    view.step_ns = range.duration();
    for (const auto& [key, value] : {std::pair{"reduce_bucket_size", &view.reduce_bucket_size},
                                     {"allgather_bucket_size", &view.allgather_bucket_size},
                                     {"stage3_prefetch_bucket_size", &view.prefetch_bucket_size}})
        if (const auto fact = configFact(trace, std::string("zero_optimization.") + key)) *value = fact->value;
    std::map<std::pair<LaneId, int64_t>, int64_t> ready;
    if (view.has_program && chosen)
        if (const auto graph = stepGraph(trace, chosen->step); graph && graph->recorded)
            ready = readyTimes(*graph, view.rank);

    const RankActivity activity = activityOf(trace, view.rank);
    const auto within = [&](const IntervalEvent& e) {
        return chosen && e.step >= 0 ? e.step == chosen->step : e.end_ns > range.start_ns && e.start_ns < range.end_ns;
    };
    for (const CollectiveShare& share : collectiveShares(trace, activity)) {
        const IntervalEvent& e = share.event;
        if (!within(e)) continue;
        view.exposed_ns += share.exposed_ns;
        const int64_t duration = e.end_ns - e.start_ns, wait = std::clamp<int64_t>(e.wait_ns, 0, duration);
        CollectiveRow row;
        row.op_class = e.op_class;
        row.phase = e.phase;
        row.bucket = e.bucket;
        row.elements = e.elements;
        row.sent_ns = e.start_ns - range.start_ns;
        row.wait_ns = wait;
        row.transfer_ns = duration - wait;
        row.exposed_ns = share.exposed_ns;
        row.emulated_ns = e.emulated_ns;
        row.lane = e.lane;
        row.time = {e.start_ns, e.end_ns};
        if (const auto at = ready.find({e.lane, e.start_ns}); at != ready.end())
            row.ready_ns = at->second - range.start_ns;
        int64_t group_size = trace.ranks();
        for (const ProcessGroupEvent& group : trace.processGroups())
            if (group.group == e.process_group && group.size > 0) group_size = group.size;
        if (row.transfer_ns > 0)
            row.bus_gb_per_s =
                static_cast<double>(e.bytes) * busFactor(e.op_class, group_size) / static_cast<double>(row.transfer_ns);
        if (const ProgramOpEvent* op = trace.op(e.op)) row.config_key = op->config_key;
        row.layers = layerText(trace, e.layer);
        row.name = trace.name(e.name);
        const std::string kind = std::string(toText(e.op_class)) + " ";
        if (row.name.starts_with(kind)) row.name.erase(0, kind.size());
        if (e.bucket >= 0)
            for (const BucketEvent& bucket : trace.buckets())
                if (bucket.bucket == e.bucket) {
                    row.layers = layersOf(bucket.parameters);
                    row.reason = withoutPrefix(bucket.closed_because, "transformer.");
                    if (bucket.elements > 0) row.elements = bucket.elements;
                }
        std::string label = blockLabel(e);
        if (e.bucket >= 0) label += " " + std::to_string(e.bucket);
        view.comm.push_back({.time = {row.sent_ns, row.sent_ns + duration},
                             .op_class = e.op_class,
                             .phase = e.phase,
                             .label = label,
                             .exposed = without(row.time, activity.compute, range.start_ns),
                             .emulated_ns = e.emulated_ns,
                             .lane = e.lane,
                             .start_ns = e.start_ns,
                             .end_ns = e.end_ns});
        if (view.rows.size() < max_bucket_rows)
            view.rows.push_back(std::move(row));
        else
            ++view.left_out;
    }
    forEachInterval(trace, view.rank, [&](const IntervalEvent& e) {
        if (activityOf(e.op_class) == Activity::compute && within(e)) addCompute(view, e, range.start_ns);
    });
    return view;
}

void markChanges(BucketView& view, const BucketView& baseline) {
    view.has_baseline = true;
    std::map<std::string, std::vector<const CollectiveRow*>> before; // by identity, in order
    const auto identity = [](const CollectiveRow& row) {
        return std::to_string(static_cast<int>(row.op_class)) + "/" + std::to_string(static_cast<int>(row.phase)) +
               "/" + (row.bucket >= 0 ? std::to_string(row.bucket) : row.name);
    };
    for (const CollectiveRow& row : baseline.rows) before[identity(row)].push_back(&row);
    std::map<std::string, size_t> used;
    for (CollectiveRow& row : view.rows) {
        const std::string key = identity(row);
        const auto found = before.find(key);
        const size_t nth = used[key]++;
        if (found == before.end() || nth >= found->second.size()) {
            row.change = "not in the baseline";
            continue;
        }
        const CollectiveRow& then = *found->second[nth];
        row.change.clear();
        const auto add = [&](const std::string& text) {
            if (!text.empty()) row.change += (row.change.empty() ? "" : ", ") + text;
        };
        if (row.elements != then.elements)
            add((row.elements < then.elements ? "−" : "+") + formatCount(std::abs(row.elements - then.elements)) +
                " elements");
        add(timeChange("exposed", row.exposed_ns, then.exposed_ns));
        add(timeChange("transfer", row.transfer_ns, then.transfer_ns));
        add(timeChange("sent", row.sent_ns, then.sent_ns));
        if (row.change.empty()) row.change = "same";
    }
}

} // namespace shardscope::gui
