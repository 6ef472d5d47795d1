// SPDX-License-Identifier: Apache-2.0
// Which of many intervals touch a range: intervals in order of start with a tree of latest ends over them. Answers cost
// what they visit times a logarithm, and the visitor may end them.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace shardscope {

class IntervalTree {
public:
    void add(int64_t start, int64_t end) { // starts never fall
        m_start.push_back(start);
        m_latest.push_back(end);
    }
    void seal() { // after the last add
        m_leaves = 1;
        while (m_leaves < m_start.size()) m_leaves *= 2;
        std::vector<int64_t> ends = std::move(m_latest);
        m_latest.assign(2 * m_leaves, INT64_MIN);
        std::copy(ends.begin(), ends.end(), m_latest.begin() + static_cast<std::ptrdiff_t>(m_leaves));
        for (size_t node = m_leaves - 1; node > 0; --node)
            m_latest[node] = std::max(m_latest[2 * node], m_latest[2 * node + 1]);
    }
    size_t size() const { return m_start.size(); }

    // Calls visit(index) for intervals with start <= to and end >= from, by index, until it returns false. False if it
    // did.
    template <class Visit> bool forEachTouching(int64_t from, int64_t to, Visit&& visit) const {
        const auto end = static_cast<size_t>(std::upper_bound(m_start.begin(), m_start.end(), to) - m_start.begin());
        return m_start.empty() || descend(1, 0, m_leaves, from, end, visit);
    }

private:
    template <class Visit>
    bool descend(size_t node, size_t first, size_t count, int64_t from, size_t end, Visit& visit) const {
        if (first >= end || m_latest[node] < from) return true;
        if (count == 1) return visit(first);
        return descend(2 * node, first, count / 2, from, end, visit) &&
               descend(2 * node + 1, first + count / 2, count / 2, from, end, visit);
    }
    std::vector<int64_t> m_start, m_latest;
    size_t m_leaves = 1;
};

} // namespace shardscope
