// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/chrome_ranges.h"
#include <algorithm>

namespace shardscope::importers {

void ThreadRanges::finish(ImportTable& table, TrackIndex track, int64_t until_ns) {
    static constexpr size_t most_open = 1 << 20;
    const auto before = [](const Mark& a, const Mark& b) { return a.time_ns < b.time_ns; };
    if (!std::is_sorted(m_marks.begin(), m_marks.end(), before))
        std::stable_sort(m_marks.begin(), m_marks.end(), before);
    std::vector<const Mark*> open;
    const auto put = [&](const Mark& mark, int64_t end_ns) {
        ImportedEvent range{.start_ns = mark.time_ns, .name = mark.name, .op_class = mark.op_class};
        if (__builtin_sub_overflow(end_ns, mark.time_ns, &range.duration_ns)) range.duration_ns = longest_ns + 1;
        table.add(track, range);
    };
    for (const Mark& mark : m_marks) {
        if (mark.begins && open.size() >= most_open) {
            table.warn("deep_nesting_left_out", "Ranges nested more than a million deep were left out.");
        } else if (mark.begins) {
            open.push_back(&mark);
        } else if (open.empty()) {
            table.warn("ends_without_begin", "Ends of ranges that never began were left out.");
        } else {
            put(*open.back(), mark.time_ns);
            open.pop_back();
        }
    }
    for (; !open.empty(); open.pop_back()) {
        table.warn("open_ranges", "Ranges that never ended reach to the end of the trace.");
        put(*open.back(), until_ns);
    }
    m_marks = {};
}

} // namespace shardscope::importers
