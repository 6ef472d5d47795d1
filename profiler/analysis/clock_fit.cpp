// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/clock_fit.h"
#include "profiler/analysis/communication.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace shardscope {

namespace {

// A collective over the ranks that one trace holds together.
struct Meeting {
    int64_t last_start_ns, first_end_ns, last_end_ns;
};

std::map<CollectiveCall, Meeting> meetingsOf(const TraceReader& trace) {
    std::map<CollectiveCall, Meeting> meetings;
    for (const int32_t rank : ranksOf(trace))
        forEachCollective(trace, rank, [&](const CollectiveCall& call, const IntervalEvent& e) {
            const auto [known, is_new] = meetings.try_emplace(call, Meeting{e.start_ns, e.end_ns, e.end_ns});
            if (is_new) return;
            Meeting& meeting = known->second;
            meeting.last_start_ns = std::max(meeting.last_start_ns, e.start_ns);
            meeting.first_end_ns = std::min(meeting.first_end_ns, e.end_ns);
            meeting.last_end_ns = std::max(meeting.last_end_ns, e.end_ns);
        });
    return meetings;
}

// Distances between clocks that run alike with which nobody leaves a collective before everybody has come.
struct Possible {
    int64_t least_ns = std::numeric_limits<int64_t>::min(), greatest_ns = std::numeric_limits<int64_t>::max();
    void restrict(const Meeting& reference, const Meeting& other) {
        least_ns = std::max(least_ns, reference.last_start_ns - other.first_end_ns);
        greatest_ns = std::min(greatest_ns, reference.first_end_ns - other.last_start_ns);
    }
    bool any() const { return least_ns <= greatest_ns; }
};

int64_t medianOf(std::vector<int64_t> values) {
    std::sort(values.begin(), values.end());
    return values[(values.size() - 1) / 2];
}

} // namespace

void forEachCollective(const TraceReader& trace, int32_t rank,
                       const std::function<void(const CollectiveCall&, const IntervalEvent&)>& visit) {
    std::vector<IntervalEvent> collectives;
    forEachInterval(trace, rank, [&](const IntervalEvent& e) {
        if (activityOf(e.op_class) == Activity::comm) collectives.push_back(e);
    });
    std::stable_sort(collectives.begin(), collectives.end(),
                     [](const IntervalEvent& a, const IntervalEvent& b) { return a.start_ns < b.start_ns; });
    std::map<std::tuple<int32_t, OpId, NameId>, int64_t> counts;
    for (const IntervalEvent& e : collectives)
        visit({e.step, static_cast<int32_t>(e.op), trace.name(e.name), counts[{e.step, e.op, e.name}]++}, e);
}

int64_t ClockFit::applied(int64_t time_ns) const {
    return time_ns + shift_ns + std::llround(drift * static_cast<double>(time_ns - at_ns));
}

ClockFit fitClock(const TraceReader& reference, const TraceReader& other) {
    const std::map<CollectiveCall, Meeting> there = meetingsOf(reference);
    std::vector<std::pair<int64_t, int64_t>> pairs; // end on the other clock, distance to the reference
    std::vector<int64_t> distances;
    Possible possible;
    for (const auto& [call, meeting] : meetingsOf(other)) {
        const auto found = there.find(call);
        if (found == there.end()) continue;
        distances.push_back(found->second.last_end_ns - meeting.last_end_ns);
        pairs.emplace_back(meeting.last_end_ns, distances.back());
        possible.restrict(found->second, meeting);
    }
    ClockFit fit;
    fit.matches = static_cast<int64_t>(pairs.size());
    if (pairs.empty()) return fit;
    std::sort(pairs.begin(), pairs.end());
    int64_t play = 0;                                     // by how much the distances of a part differ
    const auto medians = [&](size_t first, size_t last) { // of a part: where it is, and its distance
        std::vector<int64_t> part_times, part_distances;
        for (size_t i = first; i < last; ++i) {
            part_times.push_back(pairs[i].first);
            part_distances.push_back(pairs[i].second);
        }
        const auto [least, greatest] = std::ranges::minmax(part_distances);
        play = std::max(play, greatest - least);
        return std::pair(medianOf(part_times), medianOf(part_distances));
    };
    const size_t third = pairs.size() / 3;
    if (third > 0) { // medians of the first and the last third: a few late ranks do not move them
        std::tie(fit.at_ns, fit.shift_ns) = medians(0, third);
        const auto [late, distance] = medians(pairs.size() - third, pairs.size());
        // Clocks that drift do so within a third too, by half as much; in short traces chance does more than that.
        if (late > fit.at_ns && std::abs(distance - fit.shift_ns) > play)
            fit.drift = static_cast<double>(distance - fit.shift_ns) / static_cast<double>(late - fit.at_ns);
    }
    // More than clocks drift is chance as long as clocks that run alike allow every collective, else two runs.
    if (std::abs(fit.drift) > greatest_drift && possible.any()) fit.drift = 0;
    if (fit.drift == 0) {
        fit.at_ns = 0;
        fit.shift_ns = medianOf(distances);
        if (possible.any()) fit.shift_ns = std::clamp(fit.shift_ns, possible.least_ns, possible.greatest_ns);
    }
    std::vector<int64_t> left;
    for (const auto& [time, distance] : pairs) left.push_back(time + distance - fit.applied(time));
    std::sort(left.begin(), left.end());
    const size_t last = left.size() - 1;
    fit.residual_ns = (left[(3 * last + 2) / 4] - left[(last + 2) / 4]) / 2;
    return fit;
}

} // namespace shardscope
