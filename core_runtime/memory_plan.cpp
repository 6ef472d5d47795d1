// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/memory_plan.h"
#include <algorithm>
#include <cassert>
#include <map>

namespace shardscope {
namespace {

// First fit over the holes of one growing arena; only used while planning, so simplicity wins over speed.
class Arena {
public:
    explicit Arena(int64_t alignment)
        : m_alignment(alignment) {}
    int64_t take(int64_t bytes) {
        bytes = (bytes + m_alignment - 1) / m_alignment * m_alignment;
        for (auto hole = m_holes.begin(); hole != m_holes.end(); ++hole) {
            if (hole->second < bytes) continue;
            const int64_t address = hole->first, left = hole->second - bytes;
            m_holes.erase(hole);
            if (left > 0) m_holes[address + bytes] = left;
            m_taken[address] = bytes;
            return address;
        }
        // A hole that reaches the end grows with the arena.
        int64_t address = m_end;
        if (!m_holes.empty() && m_holes.rbegin()->first + m_holes.rbegin()->second == m_end) {
            address = m_holes.rbegin()->first;
            m_holes.erase(address);
        }
        m_end = address + bytes;
        m_taken[address] = bytes;
        return address;
    }
    void give(int64_t address) {
        int64_t bytes = m_taken.at(address);
        m_taken.erase(address);
        auto next = m_holes.lower_bound(address);
        if (next != m_holes.end() && next->first == address + bytes) {
            bytes += next->second;
            next = m_holes.erase(next);
        }
        if (next != m_holes.begin()) {
            auto previous = std::prev(next);
            if (previous->first + previous->second == address) {
                previous->second += bytes;
                return;
            }
        }
        m_holes[address] = bytes;
    }
    int64_t end() const { return m_end; }

private:
    std::map<int64_t, int64_t> m_holes, m_taken; // address -> bytes
    int64_t m_alignment;
    int64_t m_end = 0;
};

} // namespace

MemoryPlan planMemory(const StepProgram& program) {
    MemoryPlan plan;
    plan.addresses.assign(program.buffers.size(), 0);
    std::array<Arena, all_memory_tiers.size()> arenas = {Arena(alignmentOf(MemoryTier::device)),
                                                         Arena(alignmentOf(MemoryTier::host)),
                                                         Arena(alignmentOf(MemoryTier::nvme))};
    std::array<std::array<int64_t, all_memory_categories.size()>, all_memory_tiers.size()> now{};
    std::array<int64_t, all_memory_tiers.size()> total{};
    auto change = [&](const BufferInfo& buffer, int64_t delta, OpId op) {
        const auto t = static_cast<size_t>(buffer.tier), c = static_cast<size_t>(buffer.category);
        TierPlan& tier = plan.tiers[t];
        now[t][c] += delta;
        total[t] += delta;
        tier.category_peak[c] = std::max(tier.category_peak[c], now[t][c]);
        if (total[t] > tier.peak_bytes) {
            tier.peak_bytes = total[t];
            tier.at_peak = now[t];
            tier.peak_op = op;
        }
    };
    auto arenaOf = [&](const BufferInfo& buffer) -> Arena& { return arenas[static_cast<size_t>(buffer.tier)]; };
    for (size_t b = 0; b < program.buffers.size(); ++b) {
        const BufferInfo& buffer = program.buffers[b];
        if (!buffer.persistent) continue;
        plan.addresses[b] = arenaOf(buffer).take(buffer.bytes());
        change(buffer, buffer.bytes(), OpId::none);
    }
    for (size_t t = 0; t < total.size(); ++t) plan.tiers[t].persistent_bytes = total[t];
    for (size_t i = 0; i < program.ops.size(); ++i) {
        const Op& op = program.ops[i];
        if (op.kind != OpKind::alloc && op.kind != OpKind::free) continue;
        const BufferInfo& buffer = program.buffer(op.buffer);
        int64_t& address = plan.addresses[index(op.buffer)];
        if (op.kind == OpKind::alloc) {
            address = arenaOf(buffer).take(buffer.bytes());
            change(buffer, buffer.bytes(), static_cast<OpId>(i));
        } else {
            arenaOf(buffer).give(address);
            change(buffer, -buffer.bytes(), static_cast<OpId>(i));
        }
    }
    for (size_t t = 0; t < total.size(); ++t) {
        assert(total[t] == plan.tiers[t].persistent_bytes);
        plan.tiers[t].arena_bytes = arenas[t].end();
    }
    return plan;
}

} // namespace shardscope
