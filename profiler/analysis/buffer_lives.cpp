// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/buffer_lives.h"
#include "traces/query.h"
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <unordered_map>

namespace shardscope {

namespace {

constexpr int64_t most_bytes = int64_t{1} << 56; // of one change; a file could claim more
constexpr int64_t farthest_bytes = int64_t{1} << 60;

int64_t integerOr(const Cell& cell, int64_t none) {
    const auto* value = std::get_if<int64_t>(&cell);
    return value ? *value : none;
}

struct Change {
    int64_t time_ns = 0, delta_bytes = 0;
    MemoryCategory category = MemoryCategory::other;
    NameId buffer = NameId::none;
    OpId op = OpId::none;
    int32_t step = -1;
};

Result<std::vector<Change>> readChanges(const TraceReader& trace, int32_t rank, MemoryTier tier,
                                        const LifeLimits& limits, int64_t& left_out) {
    std::vector<Change> changes;
    const auto read = queryTrace(
        trace.path(),
        fmt::format("SELECT time_ns, category, delta_bytes, buffer, op, step FROM memory_row WHERE rank = {} AND tier "
                    "= {} AND category BETWEEN 0 AND 7 ORDER BY time_ns, id",
                    rank, static_cast<int>(tier)),
        {.stop = limits.stop}, [](const auto&) {},
        [&](const Row& row) {
            if (static_cast<int64_t>(changes.size()) >= limits.changes) {
                ++left_out;
                return true;
            }
            const auto small = [&](size_t c) {
                return static_cast<int32_t>(std::clamp<int64_t>(integerOr(row[c], -1), -1, INT32_MAX));
            };
            changes.push_back(
                {.time_ns = std::clamp(integerOr(row[0], 0), -BufferLives::forever_ns, BufferLives::forever_ns),
                 .delta_bytes = std::clamp(integerOr(row[2], 0), -most_bytes, most_bytes),
                 .category = static_cast<MemoryCategory>(integerOr(row[1], 7)),
                 .buffer = static_cast<NameId>(small(3)),
                 .op = static_cast<OpId>(small(4)),
                 .step = small(5)});
            return true;
        });
    if (!read) return read.error();
    return changes;
}

// Which open allocation a release ends. Named buffers are told apart by name; unnamed ones by size alone.
class OpenBuffers {
public:
    void opened(const Change& change, size_t life) { m_open[keyOf(change, change.delta_bytes)].push_back(life); }
    std::optional<size_t> closed(const Change& change) {
        const auto found = m_open.find(keyOf(change, -change.delta_bytes));
        if (found == m_open.end() || found->second.empty()) return {};
        const size_t life = found->second.back();
        found->second.pop_back();
        return life;
    }

private:
    struct Key {
        NameId buffer;
        MemoryCategory category;
        int64_t bytes;
        bool operator==(const Key&) const = default;
    };
    struct Hash {
        size_t operator()(const Key& key) const {
            uint64_t hash = static_cast<uint64_t>(key.bytes) * 0x9e3779b97f4a7c15u;
            hash ^= (static_cast<uint64_t>(key.buffer) << 8 | static_cast<uint64_t>(key.category)) + (hash << 6) +
                    (hash >> 2);
            return static_cast<size_t>(hash);
        }
    };
    static Key keyOf(const Change& change, int64_t bytes) { return {change.buffer, change.category, bytes}; }
    std::unordered_map<Key, std::vector<size_t>, Hash> m_open;
};

// False if one of them stands in no plan.
bool placeAsPlanned(const TraceReader& trace, const std::vector<PlannedBuffer>& plan, MemoryTier tier,
                    std::vector<BufferLife>& lives) {
    std::map<std::pair<OpId, std::string>, std::vector<int32_t>> planned; // several may live through the run alike
    for (size_t i = 0; i < plan.size(); ++i)
        if (plan[i].tier == tier) planned[{plan[i].alloc_op, plan[i].name}].push_back(static_cast<int32_t>(i));
    std::map<std::pair<OpId, NameId>, const std::vector<int32_t>*> known; // names are looked up once each
    std::map<NameId, size_t> used;                                        // of those that live through the run
    for (BufferLife& life : lives) {
        auto [place, is_new] = known.try_emplace({life.alloc_op, life.name}, nullptr);
        if (is_new) {
            const auto found = planned.find({life.alloc_op, trace.name(life.name)});
            if (found != planned.end()) place->second = &found->second;
        }
        if (!place->second) return false;
        const size_t nth = life.alloc_op == OpId::none ? used[life.name]++ : 0;
        if (nth >= place->second->size()) return false;
        life.planned = (*place->second)[nth];
        life.address = plan[static_cast<size_t>(life.planned)].address;
    }
    return true;
}

// Holes of one growing arena by size, then address.
class Arena {
public:
    int64_t take(int64_t bytes) {
        const auto hole = m_by_size.lower_bound({bytes, 0});
        if (hole == m_by_size.end()) return grow(bytes);
        const auto [size, address] = *hole;
        erase(address, size);
        if (size > bytes) insert(address + bytes, size - bytes);
        return address;
    }
    void give(int64_t address, int64_t bytes) {
        const auto next = m_by_address.lower_bound(address);
        if (next != m_by_address.end() && next->first == address + bytes) {
            const int64_t more = next->second;
            erase(address + bytes, more);
            bytes += more;
        }
        const auto after = m_by_address.lower_bound(address);
        if (after != m_by_address.begin()) {
            const auto [before, size] = *std::prev(after);
            if (before + size == address) {
                erase(before, size);
                address = before;
                bytes += size;
            }
        }
        insert(address, bytes);
    }

private:
    int64_t grow(int64_t bytes) { // a hole at the end is part of what it grows into
        int64_t address = m_end;
        if (!m_by_address.empty()) {
            const auto [last, size] = *std::prev(m_by_address.end());
            if (last + size == m_end) {
                erase(last, size);
                address = last;
            }
        }
        m_end = std::min(address + bytes, farthest_bytes);
        return address;
    }
    void insert(int64_t address, int64_t bytes) {
        m_by_address[address] = bytes;
        m_by_size.insert({bytes, address});
    }
    void erase(int64_t address, int64_t bytes) {
        m_by_address.erase(address);
        m_by_size.erase({bytes, address});
    }
    std::map<int64_t, int64_t> m_by_address;
    std::set<std::pair<int64_t, int64_t>> m_by_size;
    int64_t m_end = 0;
};

struct Turn { // of a life: its allocation or its release
    uint32_t change;
    size_t life;
};

void placeByBestFit(std::vector<BufferLife>& lives) {
    std::vector<Turn> releases;
    for (size_t i = 0; i < lives.size(); ++i)
        if (lives[i].released()) releases.push_back({lives[i].released_by, i});
    std::sort(releases.begin(), releases.end(), [](Turn a, Turn b) { return a.change < b.change; });
    Arena arena;
    size_t next = 0;
    for (size_t i = 0; i < lives.size(); ++i) {
        for (; next < releases.size() && releases[next].change < lives[i].allocated_by; ++next) {
            const size_t ended = releases[next].life;
            arena.give(lives[ended].address, lives[ended].bytes);
        }
        lives[i].address = arena.take(lives[i].bytes);
    }
}

} // namespace

void BufferLives::set(std::vector<BufferLife> lives, std::vector<int64_t> change_times,
                      const std::vector<int64_t>& totals) {
    m_lives = std::move(lives);
    m_change_times = std::move(change_times);
    m_by_time = {};
    for (const BufferLife& life : m_lives) m_by_time.add(life.start_ns, life.end_ns);
    m_by_time.seal();
    m_arena_bytes = 0;
    for (const BufferLife& life : m_lives) m_arena_bytes = std::max(m_arena_bytes, life.address + life.bytes);
    const auto peak = std::max_element(totals.begin(), totals.end());
    m_peak_change = peak == totals.end() ? BufferLife::never : static_cast<uint32_t>(peak - totals.begin());
    m_peak_bytes = peak == totals.end() ? 0 : *peak;
}

uint32_t BufferLives::changeAt(int64_t time_ns) const {
    const auto after = std::upper_bound(m_change_times.begin(), m_change_times.end(), time_ns);
    return after == m_change_times.begin() ? BufferLife::never
                                           : static_cast<uint32_t>(after - m_change_times.begin() - 1);
}

std::vector<size_t> BufferLives::aliveAfter(uint32_t change) const {
    std::vector<size_t> alive;
    if (change >= m_change_times.size()) return alive;
    const int64_t now = m_change_times[change];
    m_by_time.forEachTouching(now, now, [&](size_t i) {
        if (m_lives[i].allocated_by <= change && m_lives[i].released_by > change) alive.push_back(i);
        return true;
    });
    std::stable_sort(alive.begin(), alive.end(),
                     [this](size_t a, size_t b) { return m_lives[a].bytes > m_lives[b].bytes; });
    return alive;
}

Result<BufferLives> bufferLives(const TraceReader& trace, int32_t rank, MemoryTier tier, const LifeLimits& limits) {
    BufferLives lives;
    lives.rank = rank;
    lives.tier = tier;
    auto changes = readChanges(trace, rank, tier, limits, lives.left_out);
    if (!changes) return changes.error();
    std::vector<BufferLife> found;
    std::vector<int64_t> times, totals;
    OpenBuffers open;
    for (const Change& change : *changes) {
        const auto number = static_cast<uint32_t>(times.size());
        times.push_back(change.time_ns);
        const int64_t before = totals.empty() ? 0 : totals.back();
        totals.push_back(std::clamp(before + change.delta_bytes, -farthest_bytes, farthest_bytes));
        if (change.delta_bytes > 0) {
            open.opened(change, found.size());
            found.push_back({.start_ns = change.time_ns,
                             .end_ns = BufferLives::forever_ns,
                             .bytes = change.delta_bytes,
                             .allocated_by = number,
                             .name = change.buffer,
                             .alloc_op = change.op,
                             .step = change.step,
                             .category = change.category});
        } else if (change.delta_bytes < 0) {
            const std::optional<size_t> ended = open.closed(change);
            lives.unmatched += !ended;
            lives.unnamed += ended && change.buffer == NameId::none;
            if (!ended) continue;
            found[*ended].end_ns = change.time_ns;
            found[*ended].released_by = number;
            found[*ended].free_op = change.op;
        }
    }
    changes->clear();
    lives.plan = plannedBuffers(trace);
    const bool planned = placeAsPlanned(trace, lives.plan, tier, found);
    if (!planned) placeByBestFit(found);
    lives.addresses = planned ? AddressSource::plan : AddressSource::best_fit;
    lives.set(std::move(found), std::move(times), totals);
    return lives;
}

const ProgramOpEvent* opAfter(const TraceReader& trace, OpId position) {
    if (position == OpId::none) return nullptr;
    const auto program = trace.program();
    const auto found = std::lower_bound(program.begin(), program.end(), position,
                                        [](const ProgramOpEvent& op, OpId id) { return op.op < id; });
    return found == program.end() ? nullptr : &*found;
}

const ProgramOpEvent* opBefore(const TraceReader& trace, OpId position) {
    if (position == OpId::none) return nullptr;
    const auto program = trace.program();
    const auto found = std::lower_bound(program.begin(), program.end(), position,
                                        [](const ProgramOpEvent& op, OpId id) { return op.op < id; });
    return found == program.begin() ? nullptr : &*std::prev(found);
}

} // namespace shardscope
