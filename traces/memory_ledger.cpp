// SPDX-License-Identifier: Apache-2.0
#include "traces/memory_ledger.h"
#include "traces/lane_index.h"
#include <algorithm>

namespace shardscope {

namespace {

int64_t saturatingSum(int64_t a, int64_t b) {
    return std::clamp(a + b, -quantity_limit, quantity_limit); // both are within the limit already
}

} // namespace

void MemoryLedger::append(std::vector<Change> changes) {
    if (changes.empty()) return;
    const auto before = [](const Change& a, const Change& b) { return a.time_ns < b.time_ns; };
    std::stable_sort(changes.begin(), changes.end(), before);
    const auto first_moved = std::upper_bound(m_changes.begin(), m_changes.end(), changes.front(), before);
    truncate(static_cast<size_t>(first_moved - m_changes.begin()));
    const auto kept = first_moved - m_changes.begin();
    const auto middle = static_cast<std::ptrdiff_t>(m_changes.size());
    m_changes.insert(m_changes.end(), changes.begin(), changes.end());
    std::inplace_merge(m_changes.begin() + kept, m_changes.begin() + middle, m_changes.end(), before);
    extend();
}

void MemoryLedger::truncate(size_t length) {
    if (length == m_curve.time_ns.size()) return;
    m_curve.time_ns.resize(length);
    m_curve.total_bytes.resize(length);
    for (auto& column : m_curve.bytes) column.resize(length);
    const auto peak = std::max_element(m_curve.total_bytes.begin(), m_curve.total_bytes.end());
    const auto at = static_cast<size_t>(peak - m_curve.total_bytes.begin());
    m_curve.peak_bytes = length ? *peak : 0;
    m_curve.peak_time_ns = length ? m_curve.time_ns[at] : 0;
}

void MemoryLedger::extend() {
    for (size_t i = m_curve.time_ns.size(); i < m_changes.size(); ++i) {
        const Change& change = m_changes[i];
        m_curve.time_ns.push_back(change.time_ns);
        for (size_t c = 0; c < m_curve.bytes.size(); ++c) {
            const int64_t last = i ? m_curve.bytes[c][i - 1] : 0;
            const bool touched = c == static_cast<size_t>(change.category);
            m_curve.bytes[c].push_back(touched ? saturatingSum(last, change.delta_bytes) : last);
        }
        const int64_t total = saturatingSum(i ? m_curve.total_bytes.back() : 0, change.delta_bytes);
        m_curve.total_bytes.push_back(total);
        if (i == 0 || total > m_curve.peak_bytes) {
            m_curve.peak_bytes = total;
            m_curve.peak_time_ns = change.time_ns;
        }
    }
}

} // namespace shardscope
