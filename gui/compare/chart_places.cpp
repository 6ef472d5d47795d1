// SPDX-License-Identifier: Apache-2.0
#include "gui/compare/chart_places.h"
#include "gui/event_facts.h"
#include <algorithm>
#include <functional>

namespace shardscope::gui {
namespace {

constexpr double columns = 4'000; // how finely a range is looked at

struct Candidate {
    EventId event = EventId::none;
    int64_t start_ns = 0, end_ns = 0;
    OpClass op_class = OpClass::compute;
    int64_t duration() const { return end_ns - start_ns; }
};

TimeRange rangeOf(const TraceReader& reader, int32_t step) {
    for (const StepEvent& candidate : reader.steps())
        if (candidate.step == step) return {candidate.start_ns, candidate.end_ns};
    return reader.span();
}

// The events of a rank within the range that are wide enough to be seen, the longest first.
std::vector<Candidate> candidatesOf(const TraceReader& reader, int32_t rank, TimeRange range) {
    std::vector<Candidate> found;
    const double column_ns = std::max(1.0, static_cast<double>(range.duration()) / columns);
    for (size_t lane = 0; lane < reader.lanes().size(); ++lane) {
        if (rank >= 0 && reader.lanes()[lane].rank != rank) continue;
        for (const LaneRect& rect : reader.rects(static_cast<LaneId>(lane), range, column_ns))
            if (isWork(rect.op_class) && rect.start_ns >= range.start_ns && rect.end_ns <= range.end_ns)
                found.push_back({rect.event, rect.start_ns, rect.end_ns, rect.op_class});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.duration() > b.duration(); });
    return found;
}

// The event for which `value` is greatest; value(event) is at most its duration.
EventId best(const TraceReader& reader, const std::vector<Candidate>& candidates,
             const std::function<int64_t(const IntervalEvent&)>& value) {
    int64_t most = 0;
    EventId found = EventId::none;
    for (const Candidate& candidate : candidates) {
        if (candidate.duration() <= most) break;
        const auto details = reader.details(candidate.event);
        const int64_t own = details ? value(details->event) : 0;
        if (own <= most) continue;
        most = own;
        found = candidate.event;
    }
    return found;
}

// What ends the longest time in which the rank did nothing.
EventId afterLongestGap(std::vector<Candidate> candidates, TimeRange range) {
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return a.start_ns < b.start_ns; });
    int64_t reached = range.start_ns, longest = 0;
    EventId found = EventId::none;
    for (const Candidate& candidate : candidates) {
        if (candidate.start_ns - reached > longest) {
            longest = candidate.start_ns - reached;
            found = candidate.event;
        }
        reached = std::max(reached, candidate.end_ns);
    }
    return found;
}

int64_t lengthIf(const IntervalEvent& event, bool counts) { return counts ? event.end_ns - event.start_ns : 0; }

bool isCopy(OpClass op_class) { return op_class == OpClass::copy || op_class == OpClass::storage; }

} // namespace

ChartPlace budgetPlace(const TraceReader& reader, const RunFigures& run, int32_t rank, BudgetPart part) {
    ChartPlace place{.event = EventId::none, .step = run.shown_step, .sentence = {}};
    const TimeRange range = rangeOf(reader, run.shown_step);
    const std::vector<Candidate> candidates = candidatesOf(reader, rank, range);
    switch (part) {
    case compute_part:
        place.event = best(reader, candidates, [](const IntervalEvent& e) {
            return lengthIf(e, e.op_class == OpClass::compute || e.op_class == OpClass::host);
        });
        place.sentence = "the longest op";
        break;
    case exposed_comm_part:
        place.event = best(reader, candidates,
                           [&](const IntervalEvent& e) { return isCollective(e.op_class) ? exposedNs(reader, e) : 0; });
        place.sentence =
            place.event == EventId::none ? nothingExposed(reader, rank, range) : "the longest exposed communication";
        break;
    case exposed_copy_part:
        place.event = best(reader, candidates,
                           [&](const IntervalEvent& e) { return isCopy(e.op_class) ? exposedNs(reader, e) : 0; });
        place.sentence = "the longest exposed copy";
        break;
    case idle_part:
        place.event = afterLongestGap(candidates, range);
        place.sentence = "what ends the longest idle time";
        break;
    case other_part:
        place.event = best(reader, candidates,
                           [](const IntervalEvent& e) { return lengthIf(e, e.op_class == OpClass::synchronize); });
        place.sentence = "the longest synchronisation";
        break;
    }
    if (place.event == EventId::none && part != exposed_comm_part)
        place.sentence = "This rank has nothing of that kind in the step.";
    return place;
}

ChartPlace overlapPlace(const TraceReader& reader, const RunFigures& run, int32_t rank) {
    ChartPlace place{
        .event = EventId::none, .step = run.shown_step, .sentence = "the communication that is hidden best"};
    place.event =
        best(reader, candidatesOf(reader, rank, rangeOf(reader, run.shown_step)), [&](const IntervalEvent& e) {
            return isCollective(e.op_class) ? e.end_ns - e.start_ns - exposedNs(reader, e) : 0;
        });
    if (place.event == EventId::none) place.sentence = "No communication of this rank is hidden in the step.";
    return place;
}

ChartPlace peakPlace(const TraceReader& reader, const RunFigures& run) {
    ChartPlace place{.event = EventId::none, .step = -1, .sentence = "what ran when memory peaked"};
    if (run.peak_rank < 0) {
        place.sentence = "This trace has no record of memory.";
        return place;
    }
    for (const StepEvent& step : reader.steps())
        if (step.start_ns <= run.peak_time_ns && run.peak_time_ns < step.end_ns) place.step = step.step;
    // The op at the moment of the peak; between two ops the one before, whose allocation it was.
    constexpr int64_t reach_ns = 1'000'000;
    const TimeRange around{run.peak_time_ns - reach_ns, run.peak_time_ns + 1};
    int64_t latest = 0;
    for (size_t lane = 0; lane < reader.lanes().size(); ++lane) {
        if (reader.lanes()[lane].rank != run.peak_rank || reader.lanes()[lane].kind != LaneKind::compute) continue;
        for (const LaneRect& rect : reader.rects(static_cast<LaneId>(lane), around, 1.0)) {
            if (rect.start_ns > run.peak_time_ns || !isWork(rect.op_class)) continue;
            if (place.event != EventId::none && rect.start_ns < latest) continue;
            latest = rect.start_ns;
            place.event = rect.event;
        }
    }
    if (place.event == EventId::none) place.sentence = "Memory peaked while no op of its rank ran.";
    return place;
}

EventId eventOfOp(const TraceReader& reader, const ComparedOp& op, int32_t rank, int32_t step) {
    for (const Candidate& candidate : candidatesOf(reader, rank, rangeOf(reader, step))) {
        const auto details = reader.details(candidate.event);
        if (details && details->event.phase == op.phase && comparedName(details->name) == op.name)
            return candidate.event;
    }
    return EventId::none;
}

} // namespace shardscope::gui
