// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/import_table.h"
#include <algorithm>
#include <charconv>

namespace shardscope::importers {

void EventBlocks::add(const ImportedEvent& event) {
    if (m_size % block_events == 0) {
        m_blocks.emplace_back();
        if (m_size > 0) m_blocks.back().reserve(block_events);
    }
    m_blocks.back().push_back(event);
    m_earliest = std::min(m_earliest, event.start_ns);
    ++m_size;
}

std::vector<ImportedEvent> EventBlocks::take() {
    std::vector<ImportedEvent> all;
    all.reserve(m_size);
    for (auto& block : m_blocks) {
        all.insert(all.end(), block.begin(), block.end());
        block = {};
    }
    m_blocks.clear();
    m_size = 0;
    return all;
}

ProcessIndex ImportTable::addProcess() {
    processes.emplace_back();
    return static_cast<ProcessIndex>(processes.size() - 1);
}

RankIndex ImportTable::addRank(ProcessIndex process) {
    const auto count = static_cast<int64_t>(ranks.size());
    ranks.push_back({.process = process, .number = std::nullopt, .device = {}, .order = {m_source, count}});
    return static_cast<RankIndex>(count);
}

void ImportTable::numberFirst(const std::vector<RankIndex>& order) {
    const auto count = static_cast<int64_t>(order.size());
    for (int64_t i = 0; i < count; ++i)
        ranks[static_cast<size_t>(order[static_cast<size_t>(i)])].order = {m_source, i - count};
}

TrackIndex ImportTable::addTrack(RankIndex rank, TrackKind kind, const std::string& name, int64_t sort_index) {
    if (tracks.size() >= most_tracks) {
        warn("too_many_tracks", "There are too many threads or streams to show one by one; the rest share a lane.");
        const bool device = kind == TrackKind::device;
        const auto [known, fresh] = m_overflow.try_emplace({rank, device}, TrackIndex::none);
        if (!fresh) return known->second;
        tracks.push_back({rank,
                          device ? kind : TrackKind::host,
                          device ? "other streams" : "other threads",
                          std::numeric_limits<int64_t>::max(),
                          {}});
        return known->second = static_cast<TrackIndex>(tracks.size() - 1);
    }
    tracks.push_back({rank, kind, name, sort_index, {}});
    return static_cast<TrackIndex>(tracks.size() - 1);
}

bool ImportTable::add(TrackIndex track, ImportedEvent event) {
    if (event.start_ns > latest_ns || event.start_ns < -latest_ns) {
        warn("impossible_times", "Events with times beyond 73 years were left out.");
        return false;
    }
    if (event.duration_ns > longest_ns) {
        warn("impossible_durations", "Events longer than 7 days, which profilers write when a counter overflows, were "
                                     "left out.");
        return false;
    }
    if (event.duration_ns < 0) {
        warn("negative_durations", "Events that ended before they began were given no length.");
        event.duration_ns = 0;
    }
    tracks[static_cast<size_t>(track)].events.add(event);
    ++m_events;
    return true;
}

int32_t ImportTable::groupOf(const std::string& name, const std::string& description, int64_t size,
                             const std::string& members) {
    static constexpr size_t most_groups = 65536;
    const auto known = m_groups.find({name, members});
    if (known != m_groups.end()) return known->second;
    if (groups.size() >= most_groups) {
        warn("too_many_groups", "There are too many process groups; the rest is left out.");
        return -1;
    }
    const auto group = static_cast<int32_t>(groups.size());
    groups.push_back({group, name, description, size, members});
    m_groups[{name, members}] = group;
    return group;
}

void ImportTable::noteStep(RankIndex rank, std::string_view name, int64_t start_ns, int64_t end_ns) {
    static constexpr std::string_view prefix = "ProfilerStep#";
    if (!name.starts_with(prefix)) return;
    name.remove_prefix(prefix.size());
    int32_t step = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
    if (error == std::errc() && end == name.data() + name.size() && step >= 0)
        steps.push_back({rank, step, start_ns, end_ns});
}

void ImportTable::warn(const std::string& kind, const std::string& sentence, int64_t count) {
    if (count == 0) return;
    WarningEvent& warning = m_warnings[kind];
    if (warning.kind.empty()) warning = {.kind = kind, .text = sentence, .count = 0};
    warning.count += count;
}

} // namespace shardscope::importers
