// SPDX-License-Identifier: Apache-2.0
#include "gui/event_relations.h"
#include "gui/event_scan.h"
#include <algorithm>
#include <limits>

namespace shardscope::gui {

namespace {

using Cancelled = std::atomic<bool>;
constexpr int64_t launch_reach_ns = 2'000'000'000; // a kernel that starts later than this after its launch is not found
constexpr size_t most_related = 64;

RelatedEvent relatedOf(const TraceReader& trace, EventId id, const IntervalEvent& e) {
    return {.event = id,
            .lane = e.lane,
            .rank = trace.lanes()[static_cast<size_t>(e.lane)].rank,
            .step = e.step,
            .start_ns = e.start_ns,
            .end_ns = e.end_ns,
            .wait_ns = e.wait_ns,
            .name = trace.name(e.name)};
}

std::optional<TimeRange> stepRange(const TraceReader& trace, int32_t step) {
    for (const StepEvent& s : trace.steps())
        if (s.step == step) return TimeRange{s.start_ns, s.end_ns + 1};
    return {};
}

// Visits what starts in the range in lanes that `wanted` accepts.
template <class Wanted, class Visit>
void visitLanes(const TraceReader& trace, TimeRange range, const Cancelled& cancelled, Wanted wanted, Visit visit) {
    const auto lanes = trace.lanes();
    for (size_t i = 0; i < lanes.size() && !cancelled; ++i)
        if (wanted(lanes[i]))
            forEachEvent(trace, static_cast<LaneId>(i), range, [&](EventId id, const IntervalEvent& e) {
                visit(id, e);
                return !cancelled;
            });
}

// How many of the same op start before it in its lane and step: accumulation runs an op several times.
struct Turn {
    OpId op;
    NameId name;
    LaneKind lane;
    bool work; // its launches and the kernels of a collective bear the same op
    bool operator()(const IntervalEvent& e, LaneKind kind) const {
        return kind == lane && isWork(e.op_class) == work &&
               (op != OpId::none ? e.op == op : e.op == OpId::none && e.name == name);
    }
};

// The turn-th of its kind in each rank within the range.
std::vector<RelatedEvent> turnInRanks(const TraceReader& trace, TimeRange range, const Turn& same, int32_t only_rank,
                                      int32_t step, size_t turn, const Cancelled& cancelled) {
    std::vector<RelatedEvent> found;
    std::vector<std::vector<RelatedEvent>> by_rank(static_cast<size_t>(std::max(1, trace.ranks())));
    visitLanes(
        trace, range, cancelled,
        [&](const LaneInfo& lane) { return lane.kind == same.lane && (only_rank < 0 || lane.rank == only_rank); },
        [&](EventId id, const IntervalEvent& e) {
            if (e.step != step || !same(e, same.lane)) return;
            const RelatedEvent related = relatedOf(trace, id, e);
            if (related.rank >= 0 && static_cast<size_t>(related.rank) < by_rank.size())
                by_rank[static_cast<size_t>(related.rank)].push_back(related);
        });
    for (auto& events : by_rank) {
        std::stable_sort(events.begin(), events.end(),
                         [](const RelatedEvent& a, const RelatedEvent& b) { return a.start_ns < b.start_ns; });
        if (turn < events.size()) found.push_back(events[turn]);
    }
    return found;
}

void addTwins(const TraceReader& trace, const IntervalEvent& event, EventRelations& r, const Cancelled& cancelled) {
    const std::optional<TimeRange> own = stepRange(trace, event.step);
    if (!own) return;
    const Turn same{event.op, event.name, trace.lanes()[static_cast<size_t>(event.lane)].kind, isWork(event.op_class)};
    // Which turn of its kind it is.
    size_t turn = 0;
    visitLanes(
        trace, {std::min(own->start_ns, event.start_ns), event.start_ns}, cancelled,
        [&](const LaneInfo& lane) { return lane.kind == same.lane && lane.rank == r.self.rank; },
        [&](EventId, const IntervalEvent& e) { turn += e.step == event.step && same(e, same.lane); });
    const TimeRange wide{std::min(own->start_ns, event.start_ns), std::max(own->end_ns, event.end_ns)};
    r.ranks = turnInRanks(trace, wide, same, -1, event.step, turn, cancelled);
    const auto steps = trace.steps();
    for (size_t i = 0; i < steps.size(); ++i) {
        if (steps[i].step != event.step) continue;
        const auto in = [&](const StepEvent& step) -> std::optional<RelatedEvent> {
            const auto found =
                turnInRanks(trace, {step.start_ns, step.end_ns + 1}, same, r.self.rank, step.step, turn, cancelled);
            return found.empty() ? std::nullopt : std::optional(found.front());
        };
        if (i > 0) r.previous_step = in(steps[i - 1]);
        if (i + 1 < steps.size()) r.next_step = in(steps[i + 1]);
        break;
    }
    for (const RelatedEvent& twin : r.ranks)
        if (twin.event != r.self.event) r.twins.push_back(twin.event);
    for (const auto& twin : {r.previous_step, r.next_step})
        if (twin) r.twins.push_back(twin->event);
}

void addLastToArrive(const IntervalEvent& event, EventRelations& r) {
    if (!isCollective(event.op_class) || event.wait_ns <= 0) return;
    const auto last = std::max_element(r.ranks.begin(), r.ranks.end(),
                                       [](const auto& a, const auto& b) { return a.start_ns < b.start_ns; });
    if (last == r.ranks.end() || last->event == r.self.event) return;
    r.last_to_arrive = *last;
    r.flows.push_back({.from_lane = last->lane,
                       .to_lane = event.lane,
                       .from_ns = last->start_ns,
                       .to_ns = event.start_ns + event.wait_ns,
                       .other = last->event,
                       .incoming = true});
}

// Ops of the program that wait for each other, in this rank and step: the nearest in time, where there are several.
void addWaits(const TraceReader& trace, const IntervalEvent& event, EventRelations& r, const Cancelled& cancelled) {
    const ProgramOpEvent* op = trace.op(event.op);
    const std::optional<TimeRange> step = stepRange(trace, event.step);
    if (!op || !step) return;
    std::vector<OpId> before = op->waits_for, after;
    for (const ProgramOpEvent& other : trace.program())
        if (std::find(other.waits_for.begin(), other.waits_for.end(), event.op) != other.waits_for.end())
            after.push_back(other.op);
    const auto is = [](const std::vector<OpId>& ops, OpId id) {
        return std::find(ops.begin(), ops.end(), id) != ops.end();
    };
    std::vector<RelatedEvent> all_before, all_after;
    std::vector<OpId> ops_before, ops_after;
    visitLanes(
        trace, *step, cancelled, [&](const LaneInfo& lane) { return lane.rank == r.self.rank; },
        [&](EventId id, const IntervalEvent& e) {
            if (e.step != event.step || e.op == OpId::none || !isWork(e.op_class)) return;
            if (e.end_ns <= event.start_ns && is(before, e.op)) {
                all_before.push_back(relatedOf(trace, id, e));
                ops_before.push_back(e.op);
            }
            if (e.start_ns >= event.start_ns && is(after, e.op)) {
                all_after.push_back(relatedOf(trace, id, e));
                ops_after.push_back(e.op);
            }
        });
    const auto nearest = [](const std::vector<RelatedEvent>& events, const std::vector<OpId>& ops, OpId wanted,
                            bool latest) -> const RelatedEvent* {
        const RelatedEvent* best = nullptr;
        for (size_t i = 0; i < events.size(); ++i)
            if (ops[i] == wanted && (!best || (events[i].start_ns > best->start_ns) == latest)) best = &events[i];
        return best;
    };
    for (const OpId id : before)
        if (const RelatedEvent* found = nearest(all_before, ops_before, id, true)) r.waited_for.push_back(*found);
    for (const OpId id : after)
        if (const RelatedEvent* found = nearest(all_after, ops_after, id, false)) r.waited_by.push_back(*found);
}

// The call that launched a kernel, or the work that a call launched.
void addLaunch(const TraceReader& trace, const IntervalEvent& event, EventRelations& r, const Cancelled& cancelled) {
    if (event.correlation < 0) return;
    const bool is_work = isWork(event.op_class);
    const TimeRange near = is_work ? TimeRange{event.start_ns - launch_reach_ns, event.start_ns + 1}
                                   : TimeRange{event.start_ns, event.end_ns + launch_reach_ns};
    const TimeRange span = trace.span();
    const TimeRange range{std::max(near.start_ns, span.start_ns), std::min(near.end_ns, span.end_ns + 1)};
    visitLanes(
        trace, range, cancelled, [&](const LaneInfo& lane) { return lane.rank == r.self.rank; },
        [&](EventId id, const IntervalEvent& e) {
            if (e.correlation != event.correlation || isWork(e.op_class) == is_work) return;
            auto& to = is_work ? r.waited_for : r.waited_by;
            if (to.size() < most_related) to.push_back(relatedOf(trace, id, e));
        });
}

} // namespace

EventRelations relationsOf(const TraceReader& trace, EventId id, const Cancelled& cancelled) {
    EventRelations r;
    const std::optional<IntervalDetails> details = trace.details(id);
    if (!details || details->event.lane == LaneId::none) return r;
    const IntervalEvent& event = details->event;
    r.self = relatedOf(trace, id, event);
    addTwins(trace, event, r, cancelled);
    addLastToArrive(event, r);
    if (trace.program().empty())
        addLaunch(trace, event, r, cancelled);
    else
        addWaits(trace, event, r, cancelled);
    for (const RelatedEvent& other :
         r.waited_for) // a launch overlaps what it launched: the arrow leaves where it began
        r.flows.push_back({.from_lane = other.lane,
                           .to_lane = event.lane,
                           .from_ns = std::min(other.end_ns, event.start_ns),
                           .to_ns = event.start_ns,
                           .other = other.event,
                           .incoming = true});
    for (const RelatedEvent& other : r.waited_by)
        r.flows.push_back({.from_lane = event.lane,
                           .to_lane = other.lane,
                           .from_ns = std::min(event.end_ns, other.start_ns),
                           .to_ns = other.start_ns,
                           .other = other.event,
                           .incoming = false});
    return r;
}

} // namespace shardscope::gui
