// SPDX-License-Identifier: Apache-2.0
// What a kernel's launch and a moment belong to: calls by correlation id, steps by time. Both are filled first and
// asked then.
#pragma once
#include "traces/importers/import_table.h"
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace shardscope::importers {

// The calls that launched something, of one process, by correlation.
class Launches {
public:
    void add(uint32_t correlation, int64_t start_ns) { m_calls.push_back({correlation, start_ns}); }
    // After the calls of one thread, which are mostly in order already.
    void endOfThread() {
        const auto own = m_calls.begin() + static_cast<std::ptrdiff_t>(m_sorted);
        if (!std::is_sorted(own, m_calls.end())) std::sort(own, m_calls.end());
        std::inplace_merge(m_calls.begin(), own, m_calls.end());
        m_sorted = m_calls.size();
    }
    // A runtime call may contain a driver call with the same number: the first is the one a program made.
    const int64_t* find(uint32_t correlation) const {
        // Kernels of a stream mostly run in the order of their launches.
        for (size_t i = m_last; i < std::min(m_last + 4, m_calls.size()); ++i)
            if (m_calls[i].first == correlation && (i == 0 || m_calls[i - 1].first != correlation)) {
                m_last = i;
                return &m_calls[i].second;
            }
        const auto at = std::lower_bound(m_calls.begin(), m_calls.end(),
                                         std::pair{correlation, std::numeric_limits<int64_t>::min()});
        if (at == m_calls.end() || at->first != correlation) return nullptr;
        m_last = static_cast<size_t>(at - m_calls.begin());
        return &at->second;
    }

private:
    std::vector<std::pair<uint32_t, int64_t>> m_calls;
    size_t m_sorted = 0;
    mutable size_t m_last = 0;
};

// The steps of one rank.
class Steps {
public:
    void add(const ImportedStep& step) { m_steps.push_back(step); }
    void sort() {
        std::sort(m_steps.begin(), m_steps.end(), [](const ImportedStep& a, const ImportedStep& b) {
            return std::pair{a.start_ns, a.step} < std::pair{b.start_ns, b.step};
        });
    }
    int32_t at(int64_t time_ns) const {
        auto after = std::upper_bound(m_steps.begin(), m_steps.end(), time_ns,
                                      [](int64_t t, const ImportedStep& step) { return t < step.start_ns; });
        return after != m_steps.begin() && time_ns < (--after)->end_ns ? after->step : -1;
    }

private:
    std::vector<ImportedStep> m_steps;
};

} // namespace shardscope::importers
