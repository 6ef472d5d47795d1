// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/chrome_memory.h"
#include <algorithm>
#include <fmt/format.h>

namespace shardscope::importers {

namespace {

constexpr int64_t most_bytes = int64_t{1} << 50; // of one change: more is a damaged number
constexpr size_t most_devices = 1024;

} // namespace

bool ChromeMemory::take(const ChromeArguments& arguments, int64_t time_ns) {
    if (!arguments.has_bytes || !arguments.device_type) return false;
    if (arguments.bytes > most_bytes || arguments.bytes < -most_bytes || time_ns > latest_ns || time_ns < -latest_ns) {
        m_table.warn("impossible_memory", "Changes of memory with impossible times or sizes were left out.");
        return true;
    }
    std::pair key{*arguments.device_type == 0 ? MemoryTier::host : MemoryTier::device,
                  std::string(arguments.device_id.substr(0, 32))};
    if (m_changes.size() >= most_devices && !m_changes.contains(key)) {
        m_table.warn("many_devices", "Memory of more than a thousand devices was left out.");
        return true;
    }
    const NameId buffer =
        arguments.address > 0 ? m_table.names.intern(fmt::format("0x{:x}", arguments.address)) : NameId::none;
    m_changes[std::move(key)].push_back({time_ns, arguments.bytes, arguments.total_allocated, buffer});
    return true;
}

void ChromeMemory::finish(RankIndex rank) {
    for (auto& entry : m_changes) {
        std::vector<Change>& changes = entry.second;
        std::stable_sort(changes.begin(), changes.end(),
                         [](const Change& a, const Change& b) { return a.time_ns < b.time_ns; });
        int64_t before = 0, running = 0;
        if (changes.front().total && *changes.front().total >= 0 && *changes.front().total <= most_bytes) {
            before = std::max<int64_t>(*changes.front().total - changes.front().bytes, 0);
        } else {
            for (const Change& change : changes) {
                if (__builtin_add_overflow(running, change.bytes, &running)) break;
                before = std::max(before, -running);
            }
        }
        const auto put = [&](int64_t time_ns, int64_t bytes, NameId buffer) {
            m_table.memory.push_back({.time_ns = time_ns,
                                      .rank = static_cast<int32_t>(rank),
                                      .tier = entry.first.first,
                                      .category = MemoryCategory::other,
                                      .delta_bytes = bytes,
                                      .buffer = buffer});
        };
        if (before > 0) {
            put(changes.front().time_ns, before, NameId::none);
            m_table.warn("memory_before_start",
                         "Memory allocated before recording began is shown from the first change "
                         "on.");
        }
        for (const Change& change : changes) put(change.time_ns, change.bytes, change.buffer);
        changes = {};
    }
}

} // namespace shardscope::importers
