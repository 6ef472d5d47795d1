// SPDX-License-Identifier: Apache-2.0
// Checks a program by its own rules, independently of how the waits and lifetimes were derived.
#include "core_runtime/planner.h"
#include <algorithm>
#include <span>

namespace shardscope {
namespace {

constexpr size_t lane_count = all_lane_kinds.size();

struct Touch {
    size_t op;
    LaneKind lane;
    BufferUse use;
};

std::string at(const StepProgram& program, size_t op) {
    return "op " + std::to_string(op) + " (" + program.ops[op].name + ")";
}

// before[i][lane]: the last op of that lane certain to have ended when op i starts, plus one.
std::vector<std::array<size_t, lane_count>> certainlyBefore(const StepProgram& program) {
    std::vector<std::array<size_t, lane_count>> before(program.ops.size());
    std::array<size_t, lane_count> last_of_lane{};
    for (size_t i = 0; i < program.ops.size(); ++i) {
        auto& mine = before[i];
        mine.fill(0);
        auto follow = [&](size_t earlier) {
            for (size_t l = 0; l < lane_count; ++l) mine[l] = std::max(mine[l], before[earlier][l]);
            size_t& own = mine[static_cast<size_t>(program.ops[earlier].lane)];
            own = std::max(own, earlier + 1);
        };
        size_t& last = last_of_lane[static_cast<size_t>(program.ops[i].lane)];
        if (last > 0) follow(last - 1);
        for (OpId w : program.ops[i].waits_for) follow(index(w));
        last = i + 1;
    }
    return before;
}

} // namespace

std::optional<std::string> findFault(const StepProgram& program) {
    std::vector<std::vector<Touch>> touches(program.buffers.size());
    std::vector<int> allocs(program.buffers.size(), 0), frees(program.buffers.size(), 0);
    for (size_t i = 0; i < program.ops.size(); ++i) {
        const Op& op = program.ops[i];
        for (OpId w : op.waits_for)
            if (w == OpId::none || index(w) >= i) return at(program, i) + " waits for an op that is not earlier";
        if (op.kind == OpKind::alloc || op.kind == OpKind::free) {
            const BufferInfo& buffer = program.buffer(op.buffer);
            if (buffer.persistent) return at(program, i) + " ends or begins the life of a persistent buffer";
            ++(op.kind == OpKind::alloc ? allocs : frees)[index(op.buffer)];
            // Beginning and end of a life conflict with every use.
            touches[index(op.buffer)].push_back({i, op.lane, {op.buffer, 0, buffer.elements, false, true}});
            continue;
        }
        if (op.kind == OpKind::collective && op.lane != LaneKind::comm)
            return at(program, i) + " is a collective outside the comm lane, so its order could differ between ranks";
        for (const BufferUse& use : usesOf(op, program.ranks)) {
            if (use.first < 0 || use.end > program.buffer(use.buffer).elements || use.first >= use.end)
                return at(program, i) + " reaches outside buffer '" + program.buffer(use.buffer).name + "'";
            touches[index(use.buffer)].push_back({i, op.lane, use});
        }
    }
    const auto before = certainlyBefore(program);
    for (size_t b = 0; b < touches.size(); ++b) {
        const BufferInfo& buffer = program.buffers[b];
        const std::vector<Touch>& list = touches[b];
        if (list.empty()) continue;
        if (!buffer.persistent) {
            if (allocs[b] != 1 || frees[b] != 1)
                return "buffer '" + buffer.name + "' is not allocated and freed exactly once";
            if (program.ops[list.front().op].kind != OpKind::alloc)
                return at(program, list.front().op) + " uses buffer '" + buffer.name + "' before its allocation";
            if (program.ops[list.back().op].kind != OpKind::free)
                return at(program, list.back().op) + " uses buffer '" + buffer.name + "' after it was freed";
        }
        // Touches that later ones may conflict with. A write stands for what it covers: it was found to come after all
        // that, and whoever comes after the write comes after that too.
        std::vector<Touch> reads, writes;
        for (size_t first = 0, end = 0; first < list.size(); first = end) {
            while (end < list.size() && list[end].op == list[first].op) ++end;
            const std::span<const Touch> of_op(list.begin() + static_cast<std::ptrdiff_t>(first), end - first);
            for (const Touch& now : of_op) {
                bool written = buffer.persistent || !now.use.reads;
                const Touch* unordered = nullptr;
                const auto compare = [&](const Touch& past) {
                    if (past.use.first >= now.use.end || now.use.first >= past.use.end) return;
                    if (past.use.writes && program.ops[past.op].kind != OpKind::alloc) written = true;
                    if (before[now.op][static_cast<size_t>(past.lane)] <= past.op) unordered = &past;
                };
                std::for_each(writes.begin(), writes.end(), compare);
                if (now.use.writes) std::for_each(reads.begin(), reads.end(), compare);
                if (unordered)
                    return at(program, now.op) + " does not wait for " + at(program, unordered->op) + ", both use '" +
                           buffer.name + "'";
                if (!written)
                    return at(program, now.op) + " reads buffer '" + buffer.name + "' that nothing has written";
            }
            for (const Touch& now : of_op) {
                if (now.use.writes)
                    for (std::vector<Touch>* past : {&reads, &writes})
                        std::erase_if(*past, [&](const Touch& p) {
                            return p.use.first >= now.use.first && p.use.end <= now.use.end;
                        });
                (now.use.writes ? writes : reads).push_back(now);
            }
        }
    }
    return std::nullopt;
}

} // namespace shardscope
