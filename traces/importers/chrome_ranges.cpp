// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/chrome_ranges.h"
#include <algorithm>
#include <fmt/format.h>
#include <limits>

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

void AsyncRanges::take(const JsonEvent& event, int64_t ts, const std::function<RankIndex()>& rank_of) {
    const bool begins = event.ph == "b" || event.ph == "S", ends = event.ph == "e" || event.ph == "F";
    if (!begins && !ends) {
        m_table.warn("async_steps", "Instants within asynchronous ranges were left out.");
        return;
    }
    const bool by_name = event.ph == "b" || event.ph == "e";
    m_key.clear();
    for (const std::string_view part : {event.pid, event.cat, event.id, by_name ? event.name : std::string_view()})
        m_key.append(part.substr(0, 256)).append(1, '\0');
    if (begins) {
        if (m_open.size() >= most_open) {
            m_table.warn("open_ranges", "Ranges that never ended were left out.");
            return;
        }
        ImportedEvent range{.start_ns = ts, .name = m_table.names.intern(event.name), .op_class = OpClass::annotation};
        if (!m_open.try_emplace(m_key, range).second)
            m_table.warn("repeated_begins", "Asynchronous ranges that began twice count from the first time.");
        return;
    }
    const auto open = m_open.find(std::string_view(m_key));
    if (open == m_open.end()) {
        m_table.warn("ends_without_begin", "Ends of ranges that never began were left out.");
        return;
    }
    ImportedEvent range = open->second;
    m_open.erase(open);
    if (__builtin_sub_overflow(ts, range.start_ns, &range.duration_ns)) range.duration_ns = longest_ns + 1;
    bool repaired = false;
    const std::string name =
        "asynchronous " + validUtf8((event.cat.empty() ? event.name : event.cat).substr(0, 128), repaired);
    const RankIndex rank = rank_of();
    const auto [track, fresh] =
        m_tracks.try_emplace(fmt::format("{} {}", static_cast<int32_t>(rank), name), TrackIndex::none);
    if (fresh) track->second = m_table.addTrack(rank, TrackKind::host, name, std::numeric_limits<int64_t>::max());
    m_table.add(track->second, range);
}

void AsyncRanges::finish() {
    m_table.warn("open_async_ranges", "Asynchronous ranges that never ended were left out.",
                 static_cast<int64_t>(m_open.size()));
}

} // namespace shardscope::importers
