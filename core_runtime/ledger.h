// SPDX-License-Identifier: Apache-2.0
// What one rank really has allocated, by tier and category, as allocs and frees happen; the recorded counterpart of the
// memory plan.
#pragma once
#include "core_runtime/step_program.h"
#include <algorithm>
#include <array>

namespace shardscope {

struct LedgerPeaks { // of one tier
    std::array<int64_t, all_memory_categories.size()> category_peak{};
    int64_t peak_bytes = 0;
};

class Ledger {
public:
    // Returns the change in bytes.
    int64_t change(const BufferInfo& buffer, bool alloc) {
        const auto t = static_cast<size_t>(buffer.tier), c = static_cast<size_t>(buffer.category);
        const int64_t delta = alloc ? buffer.bytes() : -buffer.bytes();
        m_now[t][c] += delta;
        m_total[t] += delta;
        m_peaks[t].category_peak[c] = std::max(m_peaks[t].category_peak[c], m_now[t][c]);
        m_peaks[t].peak_bytes = std::max(m_peaks[t].peak_bytes, m_total[t]);
        return delta;
    }
    const LedgerPeaks& peaks(MemoryTier tier) const { return m_peaks[static_cast<size_t>(tier)]; }

private:
    std::array<std::array<int64_t, all_memory_categories.size()>, all_memory_tiers.size()> m_now{};
    std::array<int64_t, all_memory_tiers.size()> m_total{};
    std::array<LedgerPeaks, all_memory_tiers.size()> m_peaks;
};

} // namespace shardscope
