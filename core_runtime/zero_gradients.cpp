// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/zero_gradients.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <cassert>

namespace shardscope {
namespace {

DType dtypeOf(Precision p) {
    return p == Precision::bf16 ? DType::bf16 : p == Precision::fp16 ? DType::f16 : DType::f32;
}

} // namespace

ZeroGradients::ZeroGradients(Plan& plan, ProgramBuilder& build)
    : m_plan(plan)
    , m_build(build)
    , m_offload(plan.config.zero.offload_optimizer.device != OffloadDevice::none)
    , m_temporaries(plan.parameters.size(), BufferId::none) {
    const Config& config = plan.config;
    const DType model = plan.dtype();
    m_sent_type = config.communication_data_type ? dtypeOf(*config.communication_data_type) : model;
    m_sum_type = config.grad_accum_dtype ? dtypeOf(*config.grad_accum_dtype) : sharded(2) ? m_sent_type : model;
    m_direct = sharded(2) ? m_sent_type == model : m_sum_type == model;
    m_keeps_shard = plan.accumulation() == 1 && m_sum_type == m_sent_type && config.zero.reduce_scatter && !m_offload;
    m_buckets.resize(plan.layout.buckets.size());
    if (!m_offload) return;
    m_host = build.addBuffer({.name = "gradients on the host",
                              .dtype = sharded(2) ? m_sum_type : m_sent_type,
                              .elements = plan.layout.shard_elements,
                              .category = MemoryCategory::gradients,
                              .tier = MemoryTier::host,
                              .persistent = true,
                              .config_key = key_offload_optimizer});
    if (!sharded(2) || (plan.accumulation() == 1 && m_sum_type == m_sent_type)) return;
    int64_t largest = 0;
    for (const Bucket& b : plan.layout.buckets) largest = std::max(largest, b.padded_elements / plan.ranks);
    for (size_t k = 0; k < m_host_slots.size(); ++k)
        m_host_slots[k] = build.addBuffer({.name = "gradient shards arriving on the host " + std::to_string(k),
                                           .dtype = m_sent_type,
                                           .elements = largest,
                                           .category = MemoryCategory::comm_buffers,
                                           .tier = MemoryTier::host,
                                           .persistent = true,
                                           .config_key = sumKey()});
}

// Why gradients are copied or added up apart from where the backward ops or the collective wrote them.
const char* ZeroGradients::sumKey() const {
    if (m_plan.accumulation() > 1) return key_accumulation;
    if (m_plan.config.grad_accum_dtype && m_sum_type != m_plan.dtype()) return key_accumulation_type;
    return m_plan.config.zero.reduce_scatter ? key_communication_type : key_reduce_scatter;
}

std::string ZeroGradients::named(const char* what, int32_t bucket) const {
    return std::string(what) + " bucket " + std::to_string(bucket);
}

void ZeroGradients::beginMicroBatch(int32_t micro_batch) {
    m_micro_batch = micro_batch;
    for (size_t b = 0; b < m_buckets.size(); ++b) {
        m_buckets[b].missing = static_cast<int64_t>(m_plan.layout.buckets[b].parameters.size());
        if (sharded(2)) m_buckets[b].full = m_buckets[b].sent = m_buckets[b].shard = BufferId::none;
    }
    std::fill(m_temporaries.begin(), m_temporaries.end(), BufferId::none);
}

// Two buffers, as with DeepSpeed's overlap_comm: one is filled while one is reduced; a third waits for the first.
void ZeroGradients::waitForReduction(size_t behind) {
    if (m_releases.size() >= behind) m_build.blockCompute(m_releases[m_releases.size() - behind]);
}

void ZeroGradients::openBucket(int32_t b) {
    const Bucket& bucket = at(m_plan.layout.buckets, b);
    BufferInfo info{.name = named("gradients of", b),
                    .dtype = sharded(2) ? m_sent_type : m_sum_type,
                    .elements = bucket.padded_elements,
                    .category = sharded(2) ? MemoryCategory::comm_buffers : MemoryCategory::gradients,
                    .config_key = sharded(2) ? key_reduce : key_stage};
    for (int32_t s : bucket.segments) {
        const Segment& segment = at(m_plan.layout.segments, s);
        if (segment.padded_elements > segment.elements)
            info.zeroed.push_back(
                {segment.bucket_offset + segment.elements, segment.padded_elements - segment.elements});
    }
    at(m_buckets, b).full = m_build.addBuffer(std::move(info));
    if (!sharded(2)) return;
    if (!m_plan.config.zero.reduce_scatter) // the slices are still in the buckets
        for (; m_unkept.size() > 1; m_unkept.erase(m_unkept.begin())) keepReduced(m_unkept.front());
    waitForReduction(2);
}

Operand ZeroGradients::accumulated(int32_t parameter, Access access) {
    const ParameterPlace& place = at(m_plan.layout.places, parameter);
    const Segment& segment = at(m_plan.layout.segments, place.segment);
    if (at(m_buckets, segment.bucket).full == BufferId::none) openBucket(segment.bucket);
    return {.buffer = at(m_buckets, segment.bucket).full,
            .offset = segment.bucket_offset + place.offset,
            .elements = at(m_plan.parameters, parameter).elements,
            .access = access};
}

Operand ZeroGradients::gradient(int32_t parameter, Access access) {
    if (m_direct && (m_micro_batch == 0 || sharded(2))) return accumulated(parameter, access);
    BufferId& own = at(m_temporaries, parameter);
    if (own == BufferId::none)
        own = m_build.addBuffer({.name = "gradient of " + at(m_plan.parameters, parameter).name,
                                 .dtype = m_plan.dtype(),
                                 .elements = at(m_plan.parameters, parameter).elements,
                                 .category = MemoryCategory::gradients,
                                 .config_key = sumKey()});
    return m_build.all(own, access);
}

void ZeroGradients::ready(int32_t parameter) {
    const Segment& segment = at(m_plan.layout.segments, at(m_plan.layout.places, parameter).segment);
    if (const BufferId own = at(m_temporaries, parameter); own != BufferId::none) {
        const bool first = m_micro_batch == 0 || sharded(2);
        const ParameterInfo& info = at(m_plan.parameters, parameter);
        m_build.addCompute(
            ComputeKind::accumulate, "add gradient of " + info.name, Phase::backward, info.layer,
            {info.elements, first, 0, 0},
            {accumulated(parameter, first ? Access::write : Access::read_write), m_build.all(own, Access::read)},
            m_plan.accumulation() > 1 ? key_accumulation : key_communication_type);
    }
    if (--at(m_buckets, segment.bucket).missing == 0 && (last() || sharded(2))) reduce(segment.bucket);
}

void ZeroGradients::finishCollective(OpId op) {
    if (!m_plan.config.zero.overlap_comm) m_build.blockCompute(op);
}

void ZeroGradients::reduce(int32_t b) {
    const Bucket& bucket = at(m_plan.layout.buckets, b);
    BucketState& state = at(m_buckets, b);
    state.sent = state.full;
    if (!sharded(2) && m_sent_type != m_sum_type) {
        state.sent = m_build.addBuffer({.name = named("gradients to send of", b),
                                        .dtype = m_sent_type,
                                        .elements = bucket.padded_elements,
                                        .category = MemoryCategory::comm_buffers,
                                        .config_key = key_communication_type});
        m_build.addCompute(ComputeKind::accumulate, named("convert gradients of", b), Phase::backward, -1,
                           {bucket.padded_elements, 1, 0, 0},
                           {m_build.all(state.sent, Access::write), m_build.all(state.full, Access::read)},
                           key_communication_type);
    }
    const bool scatter = sharded(1) && m_plan.config.zero.reduce_scatter;
    if (sharded(2) && scatter)
        state.shard = m_build.addBuffer({.name = named("gradient shard of", b),
                                         .dtype = m_sent_type,
                                         .elements = bucket.padded_elements / m_plan.ranks,
                                         .category = MemoryCategory::gradients,
                                         .config_key = key_stage});
    std::vector<CollectivePiece> pieces;
    for (int32_t s : bucket.segments) {
        const Segment& segment = at(m_plan.layout.segments, s);
        pieces.push_back({.full = state.sent,
                          .full_offset = segment.bucket_offset,
                          .slice_stride = segment.slice_elements,
                          .slice_elements = segment.slice_elements,
                          .shard = state.shard,
                          .shard_offset = state.shard == BufferId::none ? 0 : segment.bucket_shard_offset});
    }
    const OpClass op_class = scatter ? OpClass::reduce_scatter : OpClass::all_reduce;
    const OpId op = m_build.addCollective(op_class, named(toText(op_class).data(), b), Phase::backward, -1, b,
                                          std::move(pieces), key_reduce);
    m_releases.push_back(op);
    finishCollective(op);
    if (m_offload)
        keepReduced(b);
    else if (sharded(2) && !m_keeps_shard)
        m_unkept.push_back(b);
}

Operand ZeroGradients::slice(const Segment& segment) const {
    const BucketState& state = at(m_buckets, segment.bucket);
    if (state.shard != BufferId::none)
        return {.buffer = state.shard, .offset = segment.bucket_shard_offset, .elements = segment.slice_elements};
    if (!sharded(1))
        return {.buffer = state.sent, .offset = segment.bucket_offset, .elements = segment.padded_elements};
    return {.buffer = state.sent,
            .offset = segment.bucket_offset,
            .rank_stride = segment.slice_elements,
            .elements = segment.slice_elements};
}

void ZeroGradients::toHost(int32_t b, const Operand& from, int64_t host_offset) {
    Operand target{.buffer = m_host, .offset = host_offset, .elements = from.elements, .access = Access::write};
    if (m_host_slots[0] == BufferId::none) {
        m_releases.back() = m_build.addCopy(named("download gradients of", b), Phase::backward, -1, b, target, from,
                                            key_offload_optimizer);
        return;
    }
    const Operand slot{.buffer = m_host_slots[m_next_slot++ % m_host_slots.size()], .elements = from.elements};
    m_releases.back() =
        m_build.addCopy(named("download gradients of", b), Phase::backward, -1, b, slot, from, key_offload_optimizer);
    const bool first = m_micro_batch == 0;
    if (!first) target.access = Access::read_write;
    const OpId op = m_build.addCompute(ComputeKind::accumulate, named("add gradients of", b), Phase::backward, -1,
                                       {from.elements, first, 0, 0}, {target, slot}, key_accumulation, LaneKind::host);
    m_build.op(op).bucket = b;
}

void ZeroGradients::keepReduced(int32_t b) {
    const Bucket& bucket = at(m_plan.layout.buckets, b);
    BucketState& state = at(m_buckets, b);
    if (m_offload) {
        const int64_t host_offset = at(m_plan.layout.segments, bucket.segments.front()).shard_offset;
        if (state.shard != BufferId::none) // the segments of a bucket are neighbours in both
            return toHost(b, m_build.all(state.shard, Access::read), host_offset);
        for (int32_t s : bucket.segments)
            toHost(b, slice(at(m_plan.layout.segments, s)), at(m_plan.layout.segments, s).shard_offset);
        return;
    }
    if (state.sum == BufferId::none)
        state.sum = m_build.addBuffer({.name = named("gradient sum of", b),
                                       .dtype = m_sum_type,
                                       .elements = bucket.padded_elements / m_plan.ranks,
                                       .category = MemoryCategory::gradients,
                                       .config_key = sumKey()});
    const bool first = m_micro_batch == 0;
    for (int32_t s : bucket.segments) {
        const Segment& segment = at(m_plan.layout.segments, s);
        const Operand target{.buffer = state.sum,
                             .offset = segment.bucket_shard_offset,
                             .elements = segment.slice_elements,
                             .access = first ? Access::write : Access::read_write};
        const OpId op =
            m_build.addCompute(ComputeKind::accumulate, named("add gradients of", b), Phase::backward, -1,
                               {segment.slice_elements, first, 0, 0}, {target, slice(segment)}, key_accumulation);
        m_build.op(op).bucket = b;
    }
}

void ZeroGradients::endMicroBatch() {
    for (int32_t b : m_unkept) keepReduced(b);
    m_unkept.clear();
}

Operand ZeroGradients::reduced(const Segment& segment) const {
    if (m_offload) return {.buffer = m_host, .offset = segment.shard_offset, .elements = segment.slice_elements};
    if (const BufferId sum = at(m_buckets, segment.bucket).sum; sum != BufferId::none)
        return {.buffer = sum, .offset = segment.bucket_shard_offset, .elements = segment.slice_elements};
    return slice(segment);
}

} // namespace shardscope
