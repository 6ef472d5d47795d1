// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/zero_pass.h"
#include <algorithm>
#include <cassert>

namespace shardscope {
namespace {

constexpr const char* key_stage = "zero_optimization.stage";
constexpr const char* key_reduce = "zero_optimization.reduce_bucket_size";
constexpr const char* key_allgather = "zero_optimization.allgather_bucket_size";
constexpr const char* key_prefetch = "zero_optimization.stage3_prefetch_bucket_size";
constexpr const char* key_persistence = "zero_optimization.stage3_param_persistence_threshold";

template <class T> T& at(std::vector<T>& v, int32_t i) { return v[static_cast<size_t>(i)]; }
template <class T> const T& at(const std::vector<T>& v, int32_t i) { return v[static_cast<size_t>(i)]; }

} // namespace

ZeroPass::ZeroPass(Plan& plan, ProgramBuilder& build)
    : m_plan(plan)
    , m_build(build)
    , m_dtype(plan.config.bf16_enabled ? DType::bf16 : DType::f32) {
    const Layout& layout = plan.layout;
    for (const GatherUnit& unit : layout.units)
        plan.unit_buffers.push_back(
            unit.stays_gathered ? build.addBuffer({.name = sharded(3) ? "gathered small parameters" : "parameters",
                                                   .dtype = m_dtype,
                                                   .elements = unit.padded_elements,
                                                   .category = MemoryCategory::parameters,
                                                   .persistent = true})
                                : BufferId::none);
    if (sharded(3))
        plan.parameter_shard = build.addBuffer({.name = "parameter shard",
                                                .dtype = m_dtype,
                                                .elements = layout.shard_elements,
                                                .category = MemoryCategory::parameters,
                                                .persistent = true});
    const int64_t states = plan.shards_optimizer() ? layout.shard_elements : layout.padded_elements;
    auto state = [&](const char* name, MemoryCategory category) {
        return build.addBuffer(
            {.name = name, .dtype = DType::f32, .elements = states, .category = category, .persistent = true});
    };
    if (plan.config.bf16_enabled) plan.master = state("master weights", MemoryCategory::master_weights);
    m_exp_avg = state("exp_avg", MemoryCategory::optimizer);
    m_exp_avg_sq = state("exp_avg_sq", MemoryCategory::optimizer);

    m_gradient_buffers.resize(layout.buckets.size(), BufferId::none);
    m_gradient_shards.resize(layout.buckets.size(), BufferId::none);
    for (const Bucket& b : layout.buckets) m_gradients_missing.push_back(static_cast<int64_t>(b.parameters.size()));
}

void ZeroPass::setUses(std::vector<int32_t> layers, size_t first_backward_use) {
    for (size_t i = 0; i < layers.size(); ++i) {
        int32_t unit = -1;
        for (size_t u = 0; u < m_plan.layout.units.size(); ++u)
            if (!m_plan.layout.units[u].stays_gathered && m_plan.layout.units[u].layer == layers[i])
                unit = static_cast<int32_t>(u);
        m_uses.push_back(
            {.layer = layers[i], .unit = unit, .phase = i < first_backward_use ? Phase::forward : Phase::backward});
    }
}

void ZeroPass::gather(Use& use, bool ahead) {
    const GatherUnit& unit = at(m_plan.layout.units, use.unit);
    use.buffer = m_build.addBuffer({.name = unit.name + " gathered, " + std::string(toText(use.phase)),
                                    .dtype = m_dtype,
                                    .elements = unit.padded_elements,
                                    .category = MemoryCategory::parameters});
    std::vector<CollectivePiece> pieces;
    for (int32_t s : unit.segments) {
        const Segment& segment = at(m_plan.layout.segments, s);
        pieces.push_back({.full = use.buffer,
                          .full_offset = segment.unit_offset,
                          .slice_stride = segment.slice_elements,
                          .slice_elements = segment.slice_elements,
                          .shard = m_plan.parameter_shard,
                          .shard_offset = segment.shard_offset});
    }
    use.gather = m_build.addCollective(OpClass::all_gather, "all_gather " + unit.name, use.phase, use.layer, -1,
                                       std::move(pieces), ahead ? key_prefetch : key_stage);
    finishCollective(use.gather);
}

void ZeroPass::beginUse([[maybe_unused]] int32_t layer) {
    assert(m_next_use < m_uses.size() && m_uses[m_next_use].layer == layer);
    const size_t now = m_next_use++;
    if (m_uses[now].unit >= 0 && m_uses[now].gather == OpId::none) gather(m_uses[now], false);
    m_next_gather = std::max(m_next_gather, now + 1);
    if (!m_plan.config.zero.overlap_comm) return; // gathering ahead would hide nothing and cost memory
    int64_t ahead = 0;
    for (size_t i = now + 1; i < m_next_gather; ++i)
        if (m_uses[i].unit >= 0) ahead += at(m_plan.layout.units, m_uses[i].unit).elements;
    while (m_next_gather < m_uses.size() && ahead < m_plan.config.zero.stage3_prefetch_bucket_size) {
        Use& next = m_uses[m_next_gather++];
        if (next.unit < 0) continue;
        gather(next, true);
        ahead += at(m_plan.layout.units, next.unit).elements;
    }
}

Operand ZeroPass::parameter(int32_t parameter) const {
    const ParameterPlace& place = at(m_plan.layout.places, parameter);
    const Segment& segment = at(m_plan.layout.segments, place.segment);
    BufferId buffer = at(m_plan.unit_buffers, segment.unit);
    for (size_t i = m_next_use; buffer == BufferId::none && i-- > 0;)
        if (m_uses[i].unit == segment.unit) buffer = m_uses[i].buffer;
    assert(buffer != BufferId::none);
    return {.buffer = buffer,
            .offset = segment.unit_offset + place.offset,
            .elements = at(m_plan.parameters, parameter).elements,
            .access = Access::read};
}

void ZeroPass::finishCollective(OpId op) {
    if (!m_plan.config.zero.overlap_comm) m_build.blockCompute(op);
}

void ZeroPass::openBucket(int32_t b) {
    const Bucket& bucket = at(m_plan.layout.buckets, b);
    BufferInfo info{.name = "gradients of bucket " + std::to_string(b),
                    .dtype = m_dtype,
                    .elements = bucket.padded_elements,
                    .category = sharded(2) ? MemoryCategory::comm_buffers : MemoryCategory::gradients};
    for (int32_t s : bucket.segments) {
        const Segment& segment = at(m_plan.layout.segments, s);
        if (segment.padded_elements > segment.elements)
            info.zeroed.push_back(
                {segment.bucket_offset + segment.elements, segment.padded_elements - segment.elements});
    }
    at(m_gradient_buffers, b) = m_build.addBuffer(std::move(info));
    // Two buffers, as with DeepSpeed's overlap_comm: one is filled while one is reduced; a third waits for the first.
    if (sharded(2) && m_reductions.size() >= 2) m_build.blockCompute(m_reductions[m_reductions.size() - 2]);
}

Operand ZeroPass::gradient(int32_t parameter, Access access) {
    const ParameterPlace& place = at(m_plan.layout.places, parameter);
    const Segment& segment = at(m_plan.layout.segments, place.segment);
    if (at(m_gradient_buffers, segment.bucket) == BufferId::none) openBucket(segment.bucket);
    return {.buffer = at(m_gradient_buffers, segment.bucket),
            .offset = segment.bucket_offset + place.offset,
            .elements = at(m_plan.parameters, parameter).elements,
            .access = access};
}

void ZeroPass::gradientReady(int32_t parameter) {
    const int32_t bucket = at(m_plan.layout.segments, at(m_plan.layout.places, parameter).segment).bucket;
    if (--at(m_gradients_missing, bucket) == 0) reduce(bucket);
}

void ZeroPass::reduce(int32_t b) {
    const Bucket& bucket = at(m_plan.layout.buckets, b);
    if (sharded(2))
        at(m_gradient_shards, b) = m_build.addBuffer({.name = "gradient shard of bucket " + std::to_string(b),
                                                      .dtype = m_dtype,
                                                      .elements = bucket.padded_elements / m_plan.ranks,
                                                      .category = MemoryCategory::gradients});
    std::vector<CollectivePiece> pieces;
    for (int32_t s : bucket.segments) {
        const Segment& segment = at(m_plan.layout.segments, s);
        pieces.push_back({.full = at(m_gradient_buffers, b),
                          .full_offset = segment.bucket_offset,
                          .slice_stride = segment.slice_elements,
                          .slice_elements = segment.slice_elements,
                          .shard = at(m_gradient_shards, b),
                          .shard_offset = sharded(2) ? segment.bucket_shard_offset : 0});
    }
    const OpClass op_class = sharded(1) ? OpClass::reduce_scatter : OpClass::all_reduce;
    const OpId op = m_build.addCollective(op_class, std::string(toText(op_class)) + " bucket " + std::to_string(b),
                                          Phase::backward, -1, b, std::move(pieces), key_reduce);
    m_reductions.push_back(op);
    finishCollective(op);
}

void ZeroPass::update(int32_t b) {
    const Layout& layout = m_plan.layout;
    const Bucket& bucket = at(layout.buckets, b);
    for (int32_t s : bucket.segments) {
        const Segment& segment = at(layout.segments, s);
        const bool own_slice = sharded(1);
        const int64_t elements = own_slice ? segment.slice_elements : segment.padded_elements;
        const int64_t stride = own_slice ? segment.slice_elements : 0;
        const int64_t state_offset = own_slice ? segment.shard_offset : segment.unit_offset;
        auto state = [&](BufferId buffer) {
            return Operand{
                .buffer = buffer, .offset = state_offset, .elements = elements, .access = Access::read_write};
        };
        Operand parameter{.buffer = sharded(3) ? m_plan.parameter_shard : at(m_plan.unit_buffers, segment.unit),
                          .offset = sharded(3) ? segment.shard_offset : segment.unit_offset,
                          .rank_stride = sharded(3) ? 0 : stride,
                          .elements = elements,
                          .access = m_plan.config.bf16_enabled ? Access::write : Access::read_write};
        Operand gradient{.buffer = sharded(2) ? at(m_gradient_shards, b) : at(m_gradient_buffers, b),
                         .offset = sharded(2) ? segment.bucket_shard_offset : segment.bucket_offset,
                         .rank_stride = sharded(2) ? 0 : stride,
                         .elements = elements,
                         .access = Access::read};
        const OpId op = m_build.addCompute(
            ComputeKind::adamw, "adamw bucket " + std::to_string(b), Phase::optimizer, -1, {elements, 0, 0, 0},
            {parameter, state(m_plan.master), gradient, state(m_exp_avg), state(m_exp_avg_sq)}, "optimizer.type");
        m_build.op(op).bucket = b;
    }
}

// Pieces to gather after the update, grouped so that one collective has at most allgather_bucket_size elements. Small
// neighbours travel together, a large segment is cut across its slices.
std::vector<std::vector<CollectivePiece>> ZeroPass::gatherGroups() const {
    const int64_t limit = std::max(m_plan.config.zero.allgather_bucket_size, m_plan.ranks);
    std::vector<std::vector<CollectivePiece>> groups;
    int64_t filled = limit;
    for (const Segment& segment : m_plan.layout.segments) {
        const int64_t step = std::max<int64_t>(limit / m_plan.ranks, 1);
        for (int64_t first = 0; first < segment.slice_elements; first += step) {
            const int64_t elements = std::min(step, segment.slice_elements - first);
            if (filled + elements * m_plan.ranks > limit) {
                groups.emplace_back();
                filled = 0;
            }
            groups.back().push_back({.full = at(m_plan.unit_buffers, segment.unit),
                                     .full_offset = segment.unit_offset + first,
                                     .slice_stride = segment.slice_elements,
                                     .slice_elements = elements});
            filled += elements * m_plan.ranks;
        }
    }
    return groups;
}

void ZeroPass::optimizerStep() {
    const Layout& layout = m_plan.layout;
    if (sharded(3)) {
        for (size_t b = 0; b < layout.buckets.size(); ++b) update(static_cast<int32_t>(b));
        for (size_t u = 0; u < layout.units.size(); ++u) {
            if (!layout.units[u].stays_gathered) continue;
            std::vector<CollectivePiece> pieces;
            for (int32_t s : layout.units[u].segments) {
                const Segment& segment = at(layout.segments, s);
                pieces.push_back({.full = m_plan.unit_buffers[u],
                                  .full_offset = segment.unit_offset,
                                  .slice_stride = segment.slice_elements,
                                  .slice_elements = segment.slice_elements,
                                  .shard = m_plan.parameter_shard,
                                  .shard_offset = segment.shard_offset});
            }
            finishCollective(m_build.addCollective(OpClass::all_gather, "all_gather small parameters", Phase::optimizer,
                                                   -1, -1, std::move(pieces), key_persistence));
        }
        return;
    }
    if (!sharded(1)) {
        for (size_t b = 0; b < layout.buckets.size(); ++b) update(static_cast<int32_t>(b));
        return;
    }
    // Stages 1 and 2: a group of parameters is gathered as soon as the last bucket in it has been updated.
    const std::vector<std::vector<CollectivePiece>> groups = gatherGroups();
    size_t next_group = 0;
    for (size_t b = 0; b < layout.buckets.size(); ++b) {
        update(static_cast<int32_t>(b));
        const int64_t updated_end = [&] {
            const Segment& last = at(layout.segments, layout.buckets[b].segments.back());
            return last.unit_offset + last.padded_elements;
        }();
        while (next_group < groups.size() && groups[next_group].back().full_offset < updated_end) {
            const std::string name = "all_gather parameters " + std::to_string(next_group);
            finishCollective(m_build.addCollective(OpClass::all_gather, name, Phase::optimizer, -1, -1,
                                                   groups[next_group], key_allgather));
            ++next_group;
        }
    }
    assert(next_group == groups.size());
}

} // namespace shardscope
