// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/rank_activity.h"
#include <algorithm>
#include <limits>

namespace shardscope {

namespace {

constexpr int64_t earliest = std::numeric_limits<int64_t>::min(), latest = std::numeric_limits<int64_t>::max();
constexpr int64_t unknown_launch = earliest;

int64_t overlapOf(TimeRange a, TimeRange b) {
    const int64_t start = std::max(a.start_ns, b.start_ns), end = std::min(a.end_ns, b.end_ns);
    return end > start ? end - start : 0; // in this order: the ends may be infinite
}

// The step in which a rank did its last work before `time_ns`; null if there is none.
const StepEvent* stepBefore(std::span<const StepEvent> steps, int64_t time_ns) {
    const auto after = std::partition_point(steps.begin(), steps.end(),
                                            [&](const StepEvent& step) { return step.start_ns < time_ns; });
    return after != steps.begin() && time_ns <= std::prev(after)->end_ns ? &*std::prev(after) : nullptr;
}

// Splits the gap between two busy stretches of a rank as far as it lies in the range. From the rank's last work in a
// step to the step's end it waits for other ranks. Until the call that launches the next work, and everything else
// before the next op of a program, is the host: all that the op waits for has ended, or something of this rank would
// run. The rest has no record.
void addGap(RankBudget& b, const TraceReader& trace, TimeRange gap, int64_t launch_ns, TimeRange range) {
    int64_t until = gap.start_ns; // accounted for
    if (gap.start_ns != earliest) {
        const StepEvent* step = stepBefore(trace.steps(), gap.start_ns);
        if (step && !trace.program().empty() && gap.end_ns >= step->end_ns) until = step->end_ns;
    }
    b.idle_dependency_ns += overlapOf({gap.start_ns, until}, range);
    int64_t host_until = until;
    if (launch_ns != unknown_launch)
        host_until = std::clamp(launch_ns, until, gap.end_ns);
    else if (!trace.program().empty() && gap.end_ns != latest)
        host_until = gap.end_ns;
    b.idle_host_ns += overlapOf({until, host_until}, range);
    b.idle_other_ns += overlapOf({host_until, gap.end_ns}, range);
}

void splitIdle(RankBudget& b, const TraceReader& trace, const RankActivity& a, TimeRange range) {
    if (range.end_ns <= range.start_ns) return;
    const auto& ranges = a.busy.ranges();
    // The first stretch that ends after the range's start; the gap before it may reach into the range.
    auto next = std::upper_bound(ranges.begin(), ranges.end(), range.start_ns,
                                 [](int64_t time, const TimeRange& r) { return time < r.end_ns; });
    for (;;) {
        const int64_t from = next == ranges.begin() ? earliest : std::prev(next)->end_ns;
        const int64_t to = next == ranges.end() ? latest : next->start_ns;
        if (from >= range.end_ns) break;
        const auto launch = a.launches.find(to);
        addGap(b, trace, {from, to}, launch == a.launches.end() ? unknown_launch : launch->second, range);
        if (next == ranges.end()) break;
        ++next;
    }
}

// When the work that ends a gap was launched. Only imported traces know launches: calls with the correlation of the
// work.
std::unordered_map<int64_t, int64_t> launchesOf(const TraceReader& trace, int32_t rank, const IntervalSet& busy) {
    std::unordered_map<int64_t, int64_t> calls, launches; // by correlation; by start of work
    forEachInterval(trace, rank, [&](const IntervalEvent& e) {
        if (e.correlation < 0 || isWork(e.op_class)) return;
        const auto [call, is_new] = calls.try_emplace(e.correlation, e.start_ns);
        if (!is_new) call->second = std::min(call->second, e.start_ns);
    });
    if (calls.empty()) return launches;
    const auto& ranges = busy.ranges();
    forEachInterval(trace, rank, [&](const IntervalEvent& e) {
        const auto call = e.correlation >= 0 && isWork(e.op_class) ? calls.find(e.correlation) : calls.end();
        if (call == calls.end()) return;
        const bool ends_gap =
            std::binary_search(ranges.begin(), ranges.end(), TimeRange{e.start_ns, 0},
                               [](const TimeRange& x, const TimeRange& y) { return x.start_ns < y.start_ns; });
        if (ends_gap) launches.emplace(e.start_ns, call->second);
    });
    return launches;
}

} // namespace

Activity activityOf(OpClass op_class) {
    if (isCollective(op_class)) return Activity::comm;
    if (op_class == OpClass::copy || op_class == OpClass::storage) return Activity::copy;
    if (op_class == OpClass::synchronize) return Activity::other;
    return isWork(op_class) ? Activity::compute : Activity::none;
}

std::set<int32_t> ranksOf(const TraceReader& trace) {
    std::set<int32_t> ranks;
    for (const LaneInfo& lane : trace.lanes()) ranks.insert(lane.rank);
    return ranks;
}

static void forEachInterval(const TraceReader& trace, int32_t rank, TimeRange range,
                            const std::function<void(const IntervalEvent&)>& visit) {
    const auto lanes = trace.lanes();
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].rank != rank) continue;
        for (const IntervalEvent& e : trace.events(static_cast<LaneId>(i), range)) visit(e);
    }
}

static TimeRange wholeSpan(const TraceReader& trace) {
    const TimeRange span = trace.span();
    return {span.start_ns, span.end_ns + 1}; // with intervals of no length at its end
}

void forEachInterval(const TraceReader& trace, int32_t rank, const std::function<void(const IntervalEvent&)>& visit) {
    forEachInterval(trace, rank, wholeSpan(trace), visit);
}

TimeRange RankActivity::extent() const {
    const auto& ranges = busy.ranges();
    return ranges.empty() ? TimeRange{} : TimeRange{ranges.front().start_ns, ranges.back().end_ns};
}

RankActivity activityWithin(const TraceReader& trace, int32_t rank, TimeRange range) {
    std::vector<TimeRange> compute, comm, copy, other, emulated;
    forEachInterval(trace, rank, range, [&](const IntervalEvent& e) {
        const TimeRange own{e.start_ns, e.end_ns};
        if (e.emulated_ns > 0) emulated.push_back({e.end_ns - e.emulated_ns, e.end_ns});
        switch (activityOf(e.op_class)) {
        case Activity::compute:
            compute.push_back(own);
            break;
        case Activity::comm:
            comm.push_back(own);
            break;
        case Activity::copy:
            copy.push_back(own);
            break;
        case Activity::other:
            other.push_back(own);
            break;
        case Activity::none:
            break;
        }
    });
    RankActivity a;
    a.rank = rank;
    a.compute = IntervalSet(std::move(compute));
    a.comm = IntervalSet(std::move(comm));
    a.copy = IntervalSet(std::move(copy));
    a.emulated = IntervalSet(std::move(emulated));
    a.busy = unionOf(unionOf(a.compute, a.comm), unionOf(a.copy, IntervalSet(std::move(other))));
    return a;
}

RankActivity activityOf(const TraceReader& trace, int32_t rank) {
    RankActivity a = activityWithin(trace, rank, wholeSpan(trace));
    a.launches = launchesOf(trace, rank, a.busy);
    return a;
}

RankBudget budgetOf(const TraceReader& trace, const RankActivity& a, TimeRange range) {
    const IntervalSet compute = a.compute.clipped(range), comm = a.comm.clipped(range), copy = a.copy.clipped(range);
    RankBudget b;
    b.rank = a.rank;
    b.span_ns = std::max<int64_t>(range.duration(), 0);
    b.busy_ns = a.busy.clipped(range).length();
    b.compute_ns = compute.length();
    b.comm_ns = comm.length();
    b.copy_ns = copy.length();
    b.overlap_ns = intersectionLength(comm, compute);
    b.exposed_comm_ns = b.comm_ns - b.overlap_ns;
    const IntervalSet working = unionOf(compute, comm);
    b.exposed_copy_ns = differenceLength(copy, working);
    b.other_ns = b.busy_ns - unionOf(working, copy).length();
    b.idle_ns = b.span_ns - b.busy_ns;
    b.emulated_ns = a.emulated.clipped(range).length();
    b.overlap_percent = b.comm_ns ? 100.0 * static_cast<double>(b.overlap_ns) / static_cast<double>(b.comm_ns) : 0.0;
    splitIdle(b, trace, a, range);
    return b;
}

} // namespace shardscope
