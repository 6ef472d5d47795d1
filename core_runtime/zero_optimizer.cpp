// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/zero_optimizer.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <cassert>

namespace shardscope {
namespace {

// Sub-groups in the order of their update: bucket by bucket, at stage 3 unit by unit until a group has sub_group_size
// elements of a rank's shard (DeepSpeed's rule: the last one may overshoot, nothing is split).
std::vector<SubGroup> makeSubGroups(const Plan& plan) {
    std::vector<SubGroup> groups;
    auto append = [&](int32_t s) {
        const Segment& segment = at(plan.layout.segments, s);
        groups.back().segments.push_back(s);
        groups.back().elements += plan.shards_optimizer() ? segment.slice_elements : segment.padded_elements;
    };
    if (plan.config.zero.stage < 3) {
        for (const Bucket& bucket : plan.layout.buckets) {
            groups.emplace_back();
            for (int32_t s : bucket.segments) append(s);
        }
        return groups;
    }
    for (const GatherUnit& unit : plan.layout.units)
        for (int32_t s : unit.segments) {
            if (groups.empty() || groups.back().elements >= plan.config.zero.sub_group_size) groups.emplace_back();
            append(s);
        }
    return groups;
}

} // namespace

ZeroOptimizer::ZeroOptimizer(Plan& plan, ProgramBuilder& build)
    : m_plan(plan)
    , m_build(build)
    , m_offload(plan.config.zero.offload_optimizer.device)
    , m_unit_slots(plan.layout.units.size()) {
    for (const GatherUnit& unit : plan.layout.units)
        m_unit_missing.push_back(static_cast<int64_t>(unit.segments.size()));
    plan.sub_groups = makeSubGroups(plan);
    const Layout& layout = plan.layout;
    auto state = [&](const char* name, MemoryCategory category, const char* key) {
        return build.addBuffer({.name = name,
                                .dtype = DType::f32,
                                .elements = sharded(1) ? layout.shard_elements : layout.padded_elements,
                                .category = category,
                                .tier = tier(),
                                .persistent = true,
                                .config_key = key});
    };
    if (m_offload != OffloadDevice::nvme) {
        if (plan.dtype() != DType::f32 || m_offload != OffloadDevice::none ||
            plan.config.zero.offload_param.device != OffloadDevice::none)
            plan.master = state("master weights", MemoryCategory::master_weights,
                                plan.config.bf16_enabled           ? key_bf16
                                : plan.config.fp16.enabled         ? key_fp16
                                : m_offload != OffloadDevice::none ? key_offload_optimizer
                                                                   : key_offload_param);
        plan.exp_avg = state("exp_avg", MemoryCategory::optimizer, key_optimizer);
        plan.exp_avg_sq = state("exp_avg_sq", MemoryCategory::optimizer, key_optimizer);
    } else {
        int64_t largest = 0;
        for (size_t g = 0; g < plan.sub_groups.size(); ++g) {
            SubGroup& group = plan.sub_groups[g];
            largest = std::max(largest, group.elements);
            group.swap = build.addBuffer({.name = "optimizer states of sub-group " + std::to_string(g),
                                          .dtype = DType::f32,
                                          .elements = 3 * group.elements,
                                          .category = MemoryCategory::optimizer,
                                          .tier = MemoryTier::nvme,
                                          .persistent = true,
                                          .config_key = key_offload_optimizer});
        }
        const OffloadOptimizerConfig& offload = plan.config.zero.offload_optimizer;
        for (int64_t k = 0; k < 1 + readAhead() + offload.pipeline_write; ++k)
            m_group_slots.push_back(build.addBuffer({.name = "optimizer swap buffer " + std::to_string(k),
                                                     .dtype = DType::f32,
                                                     .elements = 3 * largest,
                                                     .category = MemoryCategory::optimizer,
                                                     .tier = MemoryTier::host,
                                                     .persistent = true,
                                                     .config_key = k == 0             ? key_sub_group
                                                                   : k <= readAhead() ? key_pipeline_read
                                                                                      : key_pipeline_write}));
    }
    if (m_offload != OffloadDevice::none && plan.config.zero.offload_param.device == OffloadDevice::none)
        m_plan.staging = build.addBuffer({.name = "updated parameters on the host",
                                          .dtype = plan.dtype(),
                                          .elements = layout.shard_elements,
                                          .category = MemoryCategory::comm_buffers,
                                          .tier = MemoryTier::host,
                                          .persistent = true,
                                          .config_key = key_offload_optimizer});
    if (plan.config.gradient_clipping > 0 || plan.config.fp16.enabled)
        plan.control = build.addBuffer({.name = "gradient scale and norm",
                                        .dtype = DType::f32,
                                        .elements = static_cast<int64_t>(GradientControl::count),
                                        .category = MemoryCategory::workspace,
                                        .tier = tier(),
                                        .persistent = true,
                                        .config_key = normKey()});
    if (sharded(1) && !sharded(3)) m_gathers = gatherGroups();
}

const char* ZeroOptimizer::normKey() const { return m_plan.config.gradient_clipping > 0 ? key_clipping : key_fp16; }

// Squares are summed in double: within a segment in an order that nothing changes, over segments in order, over ranks
// in rank order.
void ZeroOptimizer::emitNorm(const ZeroGradients& gradients) {
    if (m_plan.control == BufferId::none) return;
    const auto segments = static_cast<int64_t>(m_plan.layout.segments.size());
    const int64_t parts = sharded(1) ? m_plan.ranks : 1;
    auto doubles = [&](const char* name, int64_t elements, MemoryTier where) {
        return m_build.addBuffer({.name = name,
                                  .dtype = DType::f64,
                                  .elements = elements,
                                  .category = MemoryCategory::workspace,
                                  .tier = where,
                                  .config_key = normKey()});
    };
    const BufferId terms = doubles("squared norms", segments, tier());
    for (const SubGroup& group : m_plan.sub_groups)
        for (int32_t s : group.segments) {
            const Segment& segment = at(m_plan.layout.segments, s);
            const Operand gradient = gradients.reduced(segment);
            const OpId op = m_build.addCompute(
                ComputeKind::squared_norm, "squared norm of bucket " + std::to_string(segment.bucket), Phase::optimizer,
                -1, {gradient.elements, 0, 0, 0},
                {Operand{.buffer = terms, .offset = s, .elements = 1, .access = Access::write}, gradient}, key_clipping,
                lane());
            m_build.op(op).bucket = segment.bucket;
        }
    BufferId totals = doubles("squared norms of the ranks", parts, MemoryTier::device);
    Operand own{.buffer = totals, .rank_stride = parts > 1, .elements = 1, .access = Access::write};
    const Operand on_device = own;
    if (tier() == MemoryTier::host)
        own = m_build.all(doubles("squared norm of the rank, on the host", 1, MemoryTier::host), Access::write);
    m_build.addCompute(ComputeKind::norm_total, "squared norm of the rank", Phase::optimizer, -1, {segments, 0, 0, 0},
                       {own, m_build.all(terms, Access::read)}, key_clipping, lane());
    if (tier() == MemoryTier::host)
        m_build.addCopy("upload squared norm", Phase::optimizer, -1, -1, on_device, own, key_clipping);
    if (sharded(1))
        m_build.addCollective(OpClass::all_gather, "all_gather squared norms", Phase::optimizer, -1, -1,
                              {{.full = totals, .slice_stride = 1, .slice_elements = 1}}, key_clipping);
    if (tier() == MemoryTier::host) {
        const BufferId host = doubles("squared norms of the ranks, on the host", parts, MemoryTier::host);
        m_build.addCopy("download squared norms", Phase::optimizer, -1, -1, m_build.all(host, Access::write),
                        m_build.all(totals, Access::read), key_clipping);
        totals = host;
    }
    m_build.addCompute(ComputeKind::clip_scale, "gradient scale", Phase::optimizer, -1, {parts, 0, 0, 0},
                       {m_build.all(m_plan.control, Access::write), m_build.all(totals, Access::read)}, key_clipping,
                       lane());
}

// Sub-groups on their way from NVMe while one is updated. Adam has four buffers per sub-group.
int64_t ZeroOptimizer::readAhead() const {
    const OffloadOptimizerConfig& offload = m_plan.config.zero.offload_optimizer;
    const int64_t wanted = std::max<int64_t>(1, offload.buffer_count / 4);
    return offload.pipeline_read ? std::min(wanted, std::ssize(m_plan.sub_groups)) : 0;
}

void ZeroOptimizer::readGroup(size_t g) {
    const SubGroup& group = m_plan.sub_groups[g];
    const Operand slot{.buffer = m_group_slots[g % m_group_slots.size()], .elements = 3 * group.elements};
    m_build.addCopy("read optimizer states " + std::to_string(g), Phase::optimizer, -1, -1, slot,
                    m_build.all(group.swap, Access::read), key_offload_optimizer);
}

void ZeroOptimizer::writeGroup(size_t g) {
    const SubGroup& group = m_plan.sub_groups[g];
    const Operand slot{.buffer = m_group_slots[g % m_group_slots.size()], .elements = 3 * group.elements};
    m_build.addCopy("write optimizer states " + std::to_string(g), Phase::optimizer, -1, -1,
                    m_build.all(group.swap, Access::write), slot, key_offload_optimizer);
}

ZeroOptimizer::States ZeroOptimizer::statesOf(const Segment& segment, const SubGroup& group, int64_t offset_in_group,
                                              size_t g) const {
    const int64_t elements = sharded(1) ? segment.slice_elements : segment.padded_elements;
    auto part = [&](BufferId buffer, int64_t offset) {
        return Operand{.buffer = buffer, .offset = offset, .elements = elements, .access = Access::read_write};
    };
    if (m_offload == OffloadDevice::nvme) {
        const BufferId slot = m_group_slots[g % m_group_slots.size()];
        return {part(slot, offset_in_group), part(slot, group.elements + offset_in_group),
                part(slot, 2 * group.elements + offset_in_group)};
    }
    const int64_t offset = m_plan.stateOffset(segment);
    return {part(m_plan.master, offset), part(m_plan.exp_avg, offset), part(m_plan.exp_avg_sq, offset)};
}

Operand ZeroOptimizer::target(const Segment& segment, ZeroParameters& parameters) {
    const int64_t elements = sharded(1) ? segment.slice_elements : segment.padded_elements;
    const bool own_master = m_plan.master != BufferId::none || m_offload == OffloadDevice::nvme;
    const Access access = own_master ? Access::write : Access::read_write;
    if (m_plan.staging != BufferId::none)
        return {.buffer = m_plan.staging, .offset = segment.shard_offset, .elements = elements, .access = access};
    if (!sharded(3))
        return {.buffer = at(m_plan.unit_buffers, segment.unit),
                .offset = segment.unit_offset,
                .rank_stride = sharded(1) ? segment.slice_elements : 0,
                .elements = elements,
                .access = access};
    const BufferId store = at(m_plan.unit_stores, segment.unit).buffer;
    const MemoryTier stored = m_plan.program.buffer(store).tier;
    if (stored == MemoryTier::nvme && at(m_unit_slots, segment.unit).buffer == BufferId::none)
        at(m_unit_slots, segment.unit) = parameters.swapSlot(m_plan.program.buffer(store).elements, Access::write);
    if (stored != MemoryTier::device && lane() == LaneKind::compute)
        return m_build.all(m_build.addBuffer({.name = "updated parameters of bucket " + std::to_string(segment.bucket),
                                              .dtype = m_plan.dtype(),
                                              .elements = elements,
                                              .category = MemoryCategory::comm_buffers,
                                              .config_key = key_offload_param}),
                           access);
    return {.buffer = stored == MemoryTier::nvme ? at(m_unit_slots, segment.unit).buffer : store,
            .offset = m_plan.storeOffset(segment),
            .elements = elements,
            .access = access};
}

// Where the update did not write the place itself: on to it.
void ZeroOptimizer::afterSegment(const Segment& segment, const Operand& written) {
    if (!sharded(3) || m_plan.staging != BufferId::none) return;
    const BufferId store = at(m_plan.unit_stores, segment.unit).buffer;
    const MemoryTier stored = m_plan.program.buffer(store).tier;
    if (stored == MemoryTier::device) return;
    if (lane() == LaneKind::compute) {
        const Operand to{.buffer = stored == MemoryTier::nvme ? at(m_unit_slots, segment.unit).buffer : store,
                         .offset = m_plan.storeOffset(segment),
                         .elements = written.elements};
        m_build.addCopy("download parameters of bucket " + std::to_string(segment.bucket), Phase::optimizer, -1,
                        segment.bucket, to, written, key_offload_param);
    }
    if (--at(m_unit_missing, segment.unit) == 0 && stored == MemoryTier::nvme)
        m_build.addCopy("write " + at(m_plan.layout.units, segment.unit).name, Phase::optimizer, -1, -1,
                        m_build.all(store, Access::write), at(m_unit_slots, segment.unit), key_offload_param);
}

void ZeroOptimizer::upload(const Segment& segment) {
    const Operand from{.buffer = m_plan.staging, .offset = segment.shard_offset, .elements = segment.slice_elements};
    const Operand to = sharded(3) ? Operand{.buffer = at(m_plan.unit_stores, segment.unit).buffer,
                                            .offset = m_plan.storeOffset(segment),
                                            .elements = segment.slice_elements}
                                  : Operand{.buffer = at(m_plan.unit_buffers, segment.unit),
                                            .offset = segment.unit_offset,
                                            .rank_stride = segment.slice_elements,
                                            .elements = segment.slice_elements};
    m_build.addCopy("upload parameters of bucket " + std::to_string(segment.bucket), Phase::optimizer, -1,
                    segment.bucket, to, from, key_offload_optimizer);
}

void ZeroOptimizer::update(size_t g, const ZeroGradients& gradients, ZeroParameters& parameters) {
    const SubGroup& group = m_plan.sub_groups[g];
    int64_t offset = 0;
    for (int32_t s : group.segments) {
        const Segment& segment = at(m_plan.layout.segments, s);
        const Operand parameter = target(segment, parameters);
        const States states = statesOf(segment, group, offset, g);
        Operand control;
        if (m_plan.control != BufferId::none) control = m_build.all(m_plan.control, Access::read);
        const std::string of =
            sharded(3) ? at(m_plan.layout.units, segment.unit).name : "bucket " + std::to_string(segment.bucket);
        const OpId op = m_build.addCompute(
            ComputeKind::adamw, "adamw " + of, Phase::optimizer, -1, {parameter.elements, 0, 0, 0},
            {parameter, states.master, gradients.reduced(segment), states.exp_avg, states.exp_avg_sq, control},
            key_optimizer, lane());
        m_build.op(op).bucket = segment.bucket;
        afterSegment(segment, parameter);
        offset += parameter.elements;
    }
}

// Pieces to gather after the update, grouped so that one collective has at most allgather_bucket_size elements. Small
// neighbours travel together, a large segment is cut across its slices.
std::vector<std::vector<CollectivePiece>> ZeroOptimizer::gatherGroups() const {
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

// Stages 1 and 2: a group of parameters is gathered as soon as the last bucket in it has been updated.
void ZeroOptimizer::gatherReady(size_t groups_done) {
    if (m_gathers.empty()) return;
    const Segment& last = at(m_plan.layout.segments, m_plan.sub_groups[groups_done - 1].segments.back());
    const int64_t updated_end = last.unit_offset + last.padded_elements;
    for (; m_next_gather < m_gathers.size() && m_gathers[m_next_gather].back().full_offset < updated_end;
         ++m_next_gather) {
        const OpId op =
            m_build.addCollective(OpClass::all_gather, "all_gather parameters " + std::to_string(m_next_gather),
                                  Phase::optimizer, -1, -1, m_gathers[m_next_gather], key_allgather);
        if (!m_plan.config.zero.overlap_comm) m_build.blockCompute(op);
    }
}

// Stage 3: parameters below the persistence threshold are whole on every rank again.
void ZeroOptimizer::gatherSmall() {
    if (!sharded(3)) return;
    for (size_t u = 0; u < m_plan.layout.units.size(); ++u) {
        const GatherUnit& unit = m_plan.layout.units[u];
        if (!unit.stays_gathered) continue;
        BufferId source = m_plan.unit_stores[u].buffer;
        if (m_plan.program.buffer(source).tier == MemoryTier::host) {
            const Operand from = m_build.all(source, Access::read);
            source = m_build.addBuffer({.name = unit.name + " shard on the device",
                                        .dtype = m_plan.dtype(),
                                        .elements = from.elements,
                                        .category = MemoryCategory::comm_buffers,
                                        .config_key = key_offload_param});
            m_build.addCopy("upload " + unit.name, Phase::optimizer, -1, -1, m_build.all(source, Access::write), from,
                            key_offload_param);
        }
        std::vector<CollectivePiece> pieces;
        for (int32_t s : unit.segments) {
            const Segment& segment = at(m_plan.layout.segments, s);
            pieces.push_back({.full = m_plan.unit_buffers[u],
                              .full_offset = segment.unit_offset,
                              .slice_stride = segment.slice_elements,
                              .slice_elements = segment.slice_elements,
                              .shard = source,
                              .shard_offset = m_plan.storeOffset(segment)});
        }
        m_build.addCollective(OpClass::all_gather, "all_gather " + unit.name, Phase::optimizer, -1, -1,
                              std::move(pieces), key_persistence);
    }
}

void ZeroOptimizer::emit(const ZeroGradients& gradients, ZeroParameters& parameters) {
    emitNorm(gradients);
    const bool nvme = m_offload == OffloadDevice::nvme;
    const auto ahead = static_cast<size_t>(readAhead());
    const bool write_late = m_plan.config.zero.offload_optimizer.pipeline_write;
    const size_t groups = m_plan.sub_groups.size();
    for (size_t g = 0; nvme && g < std::min(ahead, groups); ++g) readGroup(g);
    for (size_t g = 0; g < groups; ++g) {
        if (nvme && g + ahead < groups) readGroup(g + ahead);
        if (nvme && write_late && g > 0) writeGroup(g - 1);
        update(g, gradients, parameters);
        if (nvme && !write_late) writeGroup(g);
        if (m_plan.staging != BufferId::none)
            for (int32_t s : m_plan.sub_groups[g].segments) upload(at(m_plan.layout.segments, s));
        gatherReady(g + 1);
    }
    if (nvme && write_late) writeGroup(groups - 1);
    gatherSmall();
}

void ZeroOptimizer::emitDelayedUpdate(const ZeroGradients& gradients, ZeroParameters& parameters) {
    for (size_t g = 0; g < m_plan.sub_groups.size(); ++g) update(g, gradients, parameters);
}

void ZeroOptimizer::emitDelayedReturn(const ZeroGradients& gradients) {
    emitNorm(gradients);
    for (size_t g = 0; g < m_plan.sub_groups.size(); ++g) {
        for (int32_t s : m_plan.sub_groups[g].segments) upload(at(m_plan.layout.segments, s));
        gatherReady(g + 1);
    }
    gatherSmall();
}

} // namespace shardscope
