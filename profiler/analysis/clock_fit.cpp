// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/clock_fit.h"
#include "profiler/analysis/communication.h"
#include <algorithm>
#include <cmath>

namespace shardscope {

namespace {

// Ends of collectives; of ranks that one trace holds together the latest.
std::map<CollectiveCall, int64_t> endsOf(const TraceReader& trace) {
    std::map<CollectiveCall, int64_t> ends;
    for (const int32_t rank : ranksOf(trace))
        forEachCollective(trace, rank, [&](const CollectiveCall& call, const IntervalEvent& e) {
            const auto [end, is_new] = ends.try_emplace(call, e.end_ns);
            if (!is_new) end->second = std::max(end->second, e.end_ns);
        });
    return ends;
}

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
    const std::map<CollectiveCall, int64_t> there = endsOf(reference);
    std::vector<std::pair<int64_t, int64_t>> pairs; // end on the other clock, distance to the reference
    for (const auto& [call, end] : endsOf(other))
        if (const auto found = there.find(call); found != there.end()) pairs.emplace_back(end, found->second - end);
    ClockFit fit;
    fit.matches = static_cast<int64_t>(pairs.size());
    if (pairs.empty()) return fit;
    std::sort(pairs.begin(), pairs.end());
    int64_t play = 0; // by how much the distances of a part differ
    const auto medians = [&](size_t first, size_t last) { // of a part: where it is, and its distance
        std::vector<int64_t> times, distances;
        for (size_t i = first; i < last; ++i) {
            times.push_back(pairs[i].first);
            distances.push_back(pairs[i].second);
        }
        const auto [least, greatest] = std::ranges::minmax(distances);
        play = std::max(play, greatest - least);
        return std::pair(medianOf(times), medianOf(distances));
    };
    const size_t third = pairs.size() / 3;
    std::tie(fit.at_ns, fit.shift_ns) = medians(0, third > 0 ? third : pairs.size());
    if (third > 0) { // medians of the first and the last third: a few late ranks do not move them
        const auto [late, distance] = medians(pairs.size() - third, pairs.size());
        // Clocks that drift do so within a third too, by half as much; in short traces chance does more than that.
        if (late > fit.at_ns && std::abs(distance - fit.shift_ns) > play)
            fit.drift = static_cast<double>(distance - fit.shift_ns) / static_cast<double>(late - fit.at_ns);
    }
    std::vector<int64_t> left;
    for (const auto& [time, distance] : pairs) left.push_back(time + distance - fit.applied(time));
    std::sort(left.begin(), left.end());
    const size_t last = left.size() - 1;
    fit.residual_ns = (left[(3 * last + 2) / 4] - left[(last + 2) / 4]) / 2;
    return fit;
}

} // namespace shardscope
