// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/interval_set.h"
#include <algorithm>

namespace shardscope {

IntervalSet::IntervalSet(std::vector<TimeRange> ranges) {
    std::erase_if(ranges, [](const TimeRange& r) { return r.end_ns <= r.start_ns; });
    std::sort(ranges.begin(), ranges.end(),
              [](const TimeRange& a, const TimeRange& b) { return a.start_ns < b.start_ns; });
    for (const TimeRange& r : ranges) {
        if (!m_ranges.empty() && r.start_ns <= m_ranges.back().end_ns)
            m_ranges.back().end_ns = std::max(m_ranges.back().end_ns, r.end_ns);
        else
            m_ranges.push_back(r);
    }
}

int64_t IntervalSet::length() const {
    int64_t sum = 0;
    for (const TimeRange& r : m_ranges) sum += r.duration();
    return sum;
}

IntervalSet IntervalSet::clipped(TimeRange window) const {
    IntervalSet result;
    if (window.end_ns <= window.start_ns) return result;
    const auto first = std::upper_bound(m_ranges.begin(), m_ranges.end(), window.start_ns,
                                        [](int64_t time, const TimeRange& r) { return time < r.end_ns; });
    for (auto r = first; r != m_ranges.end() && r->start_ns < window.end_ns; ++r)
        result.m_ranges.push_back({std::max(r->start_ns, window.start_ns), std::min(r->end_ns, window.end_ns)});
    return result;
}

int64_t IntervalSet::lengthWithin(TimeRange window) const {
    if (window.end_ns <= window.start_ns) return 0;
    int64_t sum = 0;
    const auto first = std::upper_bound(m_ranges.begin(), m_ranges.end(), window.start_ns,
                                        [](int64_t time, const TimeRange& r) { return time < r.end_ns; });
    for (auto r = first; r != m_ranges.end() && r->start_ns < window.end_ns; ++r)
        sum += std::min(r->end_ns, window.end_ns) - std::max(r->start_ns, window.start_ns);
    return sum;
}

IntervalSet unionOf(const IntervalSet& a, const IntervalSet& b) {
    std::vector<TimeRange> all = a.ranges();
    all.insert(all.end(), b.ranges().begin(), b.ranges().end());
    return IntervalSet(std::move(all));
}

int64_t intersectionLength(const IntervalSet& a, const IntervalSet& b) {
    int64_t sum = 0;
    auto i = a.ranges().begin();
    auto k = b.ranges().begin();
    while (i != a.ranges().end() && k != b.ranges().end()) {
        const int64_t start = std::max(i->start_ns, k->start_ns), end = std::min(i->end_ns, k->end_ns);
        if (end > start) sum += end - start;
        i->end_ns < k->end_ns ? ++i : ++k;
    }
    return sum;
}

} // namespace shardscope
