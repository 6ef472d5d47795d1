// SPDX-License-Identifier: Apache-2.0
// Derives what nobody should write by hand: waits between lanes, and the life of every buffer.
#include "core_runtime/planner.h"
#include <algorithm>
#include <cassert>
#include <map>

namespace shardscope {
namespace {

constexpr size_t lane_count = all_lane_kinds.size();
size_t laneIndex(LaneKind lane) { return static_cast<size_t>(lane); }

// What a lane knows at a point of the program: of each lane, the last op known to have ended (-1: none).
using Known = std::array<int32_t, lane_count>;
constexpr Known nothing_known = {-1, -1, -1, -1, -1};

void learn(Known& known, const Known& more) {
    for (size_t i = 0; i < lane_count; ++i) known[i] = std::max(known[i], more[i]);
}

// Walks the program and keeps, per lane, what it knows; after `enter(op)` the op's waits are taken in.
class Knowledge {
public:
    explicit Knowledge(const StepProgram& program)
        : m_program(program)
        , m_at_end(program.ops.size(), nothing_known) {
        m_lanes.fill(nothing_known);
    }
    bool knows(LaneKind lane, OpId op) const {
        return m_lanes[laneIndex(lane)][laneIndex(m_program.ops[index(op)].lane)] >= static_cast<int32_t>(op);
    }
    void waitFor(LaneKind lane, OpId op) { learn(m_lanes[laneIndex(lane)], m_at_end[index(op)]); }
    void finish(OpId id) {
        const LaneKind lane = m_program.ops[index(id)].lane;
        m_lanes[laneIndex(lane)][laneIndex(lane)] = static_cast<int32_t>(id);
        m_at_end[index(id)] = m_lanes[laneIndex(lane)];
    }
    const Known& of(LaneKind lane) const { return m_lanes[laneIndex(lane)]; }

private:
    const StepProgram& m_program;
    std::array<Known, lane_count> m_lanes{};
    std::vector<Known> m_at_end;
};

// The waits of an op without those that earlier waits of its lane, or the others here, imply.
std::vector<OpId> needed(std::vector<OpId> wanted, LaneKind lane, Knowledge& knowledge) {
    std::sort(wanted.begin(), wanted.end(), std::greater<>()); // the latest first, it implies the earlier ones
    std::vector<OpId> kept;
    for (OpId w : wanted) {
        if (knowledge.knows(lane, w)) continue;
        kept.push_back(w);
        knowledge.waitFor(lane, w);
    }
    return kept;
}

struct PastUse {
    OpId op;
    LaneKind lane;
    BufferUse use;
};

// A later use of the same lane stands for an earlier one within its range: whoever waits for it has waited for both.
// Only a write stands for a write.
void remember(std::vector<PastUse>& past, const PastUse& now) {
    std::erase_if(past, [&](const PastUse& before) {
        return before.lane == now.lane && before.use.first >= now.use.first && before.use.end <= now.use.end &&
               (now.use.writes || !before.use.writes);
    });
    past.push_back(now);
}

} // namespace

void deriveWaits(StepProgram& program) {
    Knowledge knowledge(program);
    std::vector<std::vector<PastUse>> past(program.buffers.size());
    for (size_t i = 0; i < program.ops.size(); ++i) {
        Op& op = program.ops[i];
        std::vector<OpId> wanted = op.waits_for;
        const std::vector<BufferUse> uses = usesOf(op, program.ranks);
        for (const BufferUse& use : uses)
            for (const PastUse& before : past[index(use.buffer)])
                if (before.lane != op.lane && (use.writes || before.use.writes) && before.use.first < use.end &&
                    use.first < before.use.end)
                    wanted.push_back(before.op);
        op.waits_for = needed(std::move(wanted), op.lane, knowledge);
        knowledge.finish(static_cast<OpId>(i));
        for (const BufferUse& use : uses) remember(past[index(use.buffer)], {static_cast<OpId>(i), op.lane, use});
    }
}

void deriveLifetimes(StepProgram& program) {
    struct Life {
        int32_t first = -1;
        Known last = nothing_known; // by lane
        int32_t end() const { return *std::max_element(last.begin(), last.end()); }
    };
    const auto end = static_cast<int32_t>(program.ops.size());
    std::vector<Life> lives(program.buffers.size());
    for (int32_t i = 0; i < end; ++i)
        for (const BufferUse& use : usesOf(program.ops[static_cast<size_t>(i)], program.ranks)) {
            Life& life = lives[index(use.buffer)];
            if (life.first < 0) life.first = i;
            life.last[laneIndex(program.ops[static_cast<size_t>(i)].lane)] = i;
        }

    std::map<int32_t, std::vector<BufferId>> alloc_before, free_before, ends_at; // by op of the program as it stands
    for (size_t b = 0; b < lives.size(); ++b) {
        if (program.buffers[b].persistent || lives[b].first < 0) continue;
        alloc_before[lives[b].first].push_back(static_cast<BufferId>(b));
        ends_at[lives[b].end()].push_back(static_cast<BufferId>(b));
    }
    // A buffer is freed where the compute lane first knows that the other lanes have done with it.
    std::vector<BufferId> over; // no more uses, not yet freed
    Knowledge knowledge(program);
    auto freeKnown = [&](int32_t before) {
        const Known& known = knowledge.of(LaneKind::compute);
        std::erase_if(over, [&](BufferId b) {
            const Known& last = lives[index(b)].last;
            for (size_t lane = 0; lane < lane_count; ++lane)
                if (lane != laneIndex(LaneKind::compute) && known[lane] < last[lane]) return false;
            free_before[before].push_back(b);
            return true;
        });
    };
    for (int32_t i = 0; i < end; ++i) {
        const Op& op = program.ops[static_cast<size_t>(i)];
        for (OpId w : op.waits_for) knowledge.waitFor(op.lane, w);
        if (op.lane == LaneKind::compute && !op.waits_for.empty()) freeKnown(i);
        knowledge.finish(static_cast<OpId>(i));
        if (auto ends = ends_at.find(i); ends != ends_at.end()) {
            over.insert(over.end(), ends->second.begin(), ends->second.end());
            freeKnown(i + 1);
        }
    }
    free_before[end].insert(free_before[end].end(), over.begin(), over.end());

    std::vector<Op> ops;
    std::vector<OpId> moved(program.ops.size());
    auto lifeOp = [&](OpKind kind, BufferId buffer, int32_t cause) {
        const Op& near = program.ops[static_cast<size_t>(std::clamp(cause, 0, end - 1))];
        Op op;
        op.kind = kind;
        op.buffer = buffer;
        op.phase = near.phase;
        op.layer = near.layer;
        op.bucket = near.bucket;
        op.name = (kind == OpKind::alloc ? "alloc " : "free ") + program.buffer(buffer).name;
        op.bytes = program.buffer(buffer).bytes();
        if (kind == OpKind::free)
            for (size_t lane = 0; lane < lane_count; ++lane)
                if (const int32_t last = lives[index(buffer)].last[lane]; last >= 0 && lane != laneIndex(op.lane))
                    op.waits_for.push_back(moved[static_cast<size_t>(last)]);
        ops.push_back(std::move(op));
        return static_cast<OpId>(ops.size() - 1);
    };
    for (int32_t i = 0; i <= end; ++i) {
        if (auto frees = free_before.find(i); frees != free_before.end())
            for (BufferId b : frees->second) lifeOp(OpKind::free, b, i - 1);
        if (i == end) break;
        Op op = std::move(program.ops[static_cast<size_t>(i)]);
        for (OpId& w : op.waits_for) w = moved[index(w)];
        if (auto allocs = alloc_before.find(i); allocs != alloc_before.end()) {
            OpId last = OpId::none;
            for (BufferId b : allocs->second) last = lifeOp(OpKind::alloc, b, i);
            if (op.lane != LaneKind::compute) op.waits_for.push_back(last);
        }
        moved[static_cast<size_t>(i)] = static_cast<OpId>(ops.size());
        ops.push_back(std::move(op));
    }
    program.ops = std::move(ops);

    // The new ops carry waits that others need no more.
    Knowledge after(program);
    for (size_t i = 0; i < program.ops.size(); ++i) {
        Op& op = program.ops[i];
        op.waits_for = needed(std::move(op.waits_for), op.lane, after);
        after.finish(static_cast<OpId>(i));
    }
}

} // namespace shardscope
