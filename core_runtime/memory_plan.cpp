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
    int64_t take(int64_t bytes) {
        bytes = (bytes + MemoryPlan::alignment - 1) / MemoryPlan::alignment * MemoryPlan::alignment;
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
    int64_t m_end = 0;
};

} // namespace

MemoryPlan planMemory(const StepProgram& program) {
    MemoryPlan plan;
    plan.addresses.assign(program.buffers.size(), 0);
    Arena arena;
    std::array<int64_t, all_memory_categories.size()> now{};
    int64_t total = 0;
    auto change = [&](const BufferInfo& buffer, int64_t delta, OpId op) {
        int64_t& category = now[static_cast<size_t>(buffer.category)];
        category += delta;
        total += delta;
        int64_t& peak = plan.category_peak[static_cast<size_t>(buffer.category)];
        peak = std::max(peak, category);
        if (total > plan.peak_bytes) {
            plan.peak_bytes = total;
            plan.at_peak = now;
            plan.peak_op = op;
        }
    };
    for (size_t b = 0; b < program.buffers.size(); ++b) {
        if (!program.buffers[b].persistent) continue;
        plan.addresses[b] = arena.take(program.buffers[b].bytes());
        change(program.buffers[b], program.buffers[b].bytes(), OpId::none);
    }
    plan.persistent_bytes = total;
    for (size_t i = 0; i < program.ops.size(); ++i) {
        const Op& op = program.ops[i];
        if (op.kind != OpKind::alloc && op.kind != OpKind::free) continue;
        const BufferInfo& buffer = program.buffer(op.buffer);
        int64_t& address = plan.addresses[index(op.buffer)];
        if (op.kind == OpKind::alloc) {
            address = arena.take(buffer.bytes());
            change(buffer, buffer.bytes(), static_cast<OpId>(i));
        } else {
            arena.give(address);
            change(buffer, -buffer.bytes(), static_cast<OpId>(i));
        }
    }
    assert(total == plan.persistent_bytes);
    plan.arena_bytes = arena.end();
    return plan;
}

} // namespace shardscope
