// SPDX-License-Identifier: Apache-2.0
// Sets of nanoseconds as sorted, disjoint, half-open ranges, and the lengths of their unions, intersections and
// differences in exact integers. Every time budget is made of these.
#pragma once
#include "traces/trace_reader.h"
#include <vector>

namespace shardscope {

class IntervalSet {
public:
    IntervalSet() = default;
    explicit IntervalSet(std::vector<TimeRange>); // any order, overlapping, empty or reversed (ignored)

    int64_t length() const;
    const std::vector<TimeRange>& ranges() const { return m_ranges; }
    IntervalSet clipped(TimeRange) const;
    int64_t lengthWithin(TimeRange) const; // of clipped(), without making it

private:
    std::vector<TimeRange> m_ranges; // sorted; neither overlapping nor touching
};

IntervalSet unionOf(const IntervalSet&, const IntervalSet&);
int64_t intersectionLength(const IntervalSet&, const IntervalSet&);
inline int64_t differenceLength(const IntervalSet& a, const IntervalSet& b) {
    return a.length() - intersectionLength(a, b);
}

} // namespace shardscope
