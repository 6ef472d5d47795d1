// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/nsys_memory.h"
#include <algorithm>
#include <fmt/format.h>
#include <tuple>

namespace shardscope::importers {

Result<void> readNsysMemory(NsysFile& file, ImportTable& table,
                            const std::function<RankIndex(int64_t pid, int64_t device)>& rank_of,
                            int64_t& earliest_ns) {
    struct Change {
        int64_t time_ns;
        int64_t pid, device, context, address, bytes;
        bool release;
        MemoryTier tier;
    };
    std::vector<Change> changes;
    int64_t rows = 0, without_time = 0;
    Result<void> read = file.read(
        "CUDA_GPU_MEMORY_USAGE_EVENTS",
        {"start", "bytes", "memKind", "memoryOperationType", "globalPid", "deviceId", "contextId", "address"}, 4,
        [&](const Statement& row) {
            const int64_t kind = row.integerOr(2, 7), bytes = row.integer(1);
            ++rows;
            without_time += row.integerOr(0, 0) == 0;
            if (kind == 4 || kind > 5 || bytes < 0) {
                table.warn("managed_memory", "Changes of managed memory, which has no fixed place, are not shown.");
                return;
            }
            changes.push_back({row.integer(0), row.integerOr(4, 0) >> 24, row.integerOr(5, 0), row.integerOr(6, 0),
                               row.integerOr(7, 0), bytes, row.integer(3) == 1,
                               kind < 2 ? MemoryTier::host : MemoryTier::device});
        });
    if (!read) return read;
    if (rows > 1 && without_time == rows) {
        table.warn("memory_without_time", "Memory events have no times and are not shown.", rows);
        return {};
    }
    std::stable_sort(changes.begin(), changes.end(),
                     [](const Change& a, const Change& b) { return a.time_ns < b.time_ns; });
    std::map<std::tuple<int64_t, int64_t, int64_t>, int64_t> held; // pid, context, address
    for (const Change& c : changes) {
        if (c.time_ns > latest_ns || c.time_ns < -latest_ns) {
            table.warn("impossible_times", "Events with times beyond 73 years were left out.");
            continue;
        }
        int64_t delta = c.bytes;
        const std::tuple key{c.pid, c.context, c.address};
        if (c.release) {
            const auto known = held.find(key);
            if (known == held.end()) {
                table.warn("unmatched_releases", "Memory released that was allocated before recording began is not in "
                                                 "the curve.");
                continue;
            }
            delta = -known->second;
            held.erase(known);
        } else {
            held[key] = delta;
        }
        table.memory.push_back({.time_ns = c.time_ns,
                                .rank = static_cast<int32_t>(rank_of(c.pid, c.device)),
                                .tier = c.tier,
                                .category = MemoryCategory::other,
                                .delta_bytes = delta,
                                .buffer = table.names.intern(fmt::format("0x{:x}", c.address))});
        earliest_ns = std::min(earliest_ns, c.time_ns);
    }
    return {};
}

} // namespace shardscope::importers
