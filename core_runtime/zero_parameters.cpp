// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/zero_parameters.h"
#include "core_runtime/zero_keys.h"
#include <algorithm>
#include <cassert>

namespace shardscope {

ZeroParameters::ZeroParameters(Plan& plan, ProgramBuilder& build)
    : m_plan(plan)
    , m_build(build) {
    const Layout& layout = plan.layout;
    const bool sharded = plan.config.zero.stage >= 3;
    for (const GatherUnit& unit : layout.units)
        plan.unit_buffers.push_back(unit.stays_gathered
                                        ? build.addBuffer({.name = sharded ? "gathered small parameters" : "parameters",
                                                           .dtype = plan.dtype(),
                                                           .elements = unit.padded_elements,
                                                           .category = MemoryCategory::parameters,
                                                           .persistent = true,
                                                           .config_key = sharded ? key_persistence : key_stage})
                                        : BufferId::none);
    if (!sharded) return;
    const OffloadParamConfig& offload = plan.config.zero.offload_param;
    if (offload.device == OffloadDevice::none) {
        const BufferId flat = build.addBuffer({.name = "parameter shard",
                                               .dtype = plan.dtype(),
                                               .elements = layout.shard_elements,
                                               .category = MemoryCategory::parameters,
                                               .persistent = true,
                                               .config_key = key_stage});
        plan.unit_stores.assign(layout.units.size(), {.buffer = flat});
        return;
    }
    // max_in_cpu elements stay on the host, the units behind them go to NVMe.
    int64_t in_cpu = 0, largest_stored = 0;
    for (const GatherUnit& unit : layout.units) {
        const int64_t elements = unit.padded_elements / plan.ranks;
        const bool host =
            offload.device == OffloadDevice::cpu || unit.stays_gathered || in_cpu + elements <= offload.max_in_cpu;
        (host ? in_cpu : largest_stored) = host ? in_cpu + elements : std::max(largest_stored, elements);
        plan.unit_stores.push_back({.buffer = build.addBuffer({.name = unit.name + " shard",
                                                               .dtype = plan.dtype(),
                                                               .elements = elements,
                                                               .category = MemoryCategory::parameters,
                                                               .tier = host ? MemoryTier::host : MemoryTier::nvme,
                                                               .persistent = true,
                                                               .config_key = key_offload_param}),
                                    .by_unit = true});
    }
    const int64_t slots = std::min(offload.buffer_count, std::ssize(layout.units)); // more would never be used
    for (int64_t k = 0; k < slots && largest_stored > 0; ++k)
        m_slots.push_back(build.addBuffer({.name = "parameter swap buffer " + std::to_string(k),
                                           .dtype = plan.dtype(),
                                           .elements = largest_stored,
                                           .category = MemoryCategory::comm_buffers,
                                           .tier = MemoryTier::host,
                                           .persistent = true,
                                           .config_key = key_param_buffers}));
}

void ZeroParameters::setUses(const std::vector<LayerUse>& uses) {
    const auto& units = m_plan.layout.units;
    for (const LayerUse& use : uses) {
        int32_t unit = -1;
        for (size_t u = 0; u < units.size(); ++u)
            if (!units[u].stays_gathered && units[u].layer == use.layer && units[u].tile == use.tile)
                unit = static_cast<int32_t>(u);
        m_uses.push_back({.layer = use.layer, .tile = use.tile, .unit = unit, .phase = use.phase});
    }
    // A unit that is used again within the reuse distance is not released in between.
    for (size_t later = 0; later < m_uses.size(); ++later) {
        if (m_uses[later].unit < 0) continue;
        int64_t distance = 0;
        for (size_t earlier = later; earlier-- > 0 && distance < m_plan.config.zero.stage3_max_reuse_distance;) {
            if (m_uses[earlier].unit == m_uses[later].unit) {
                m_uses[later].reuses = static_cast<int64_t>(earlier);
                break;
            }
            if (m_uses[earlier].unit >= 0) distance += at(units, m_uses[earlier].unit).elements;
        }
    }
}

Operand ZeroParameters::swapSlot(int64_t elements, Access access) {
    assert(!m_slots.empty());
    const BufferId slot = m_slots[m_next_slot++ % m_slots.size()];
    return {.buffer = slot, .elements = elements, .access = access};
}

// The shard of a unit that lives off the device, brought there.
BufferId ZeroParameters::stage(int32_t u, Phase phase, int32_t layer) {
    const GatherUnit& unit = at(m_plan.layout.units, u);
    Operand from = m_build.all(at(m_plan.unit_stores, u).buffer, Access::read);
    if (m_plan.program.buffer(from.buffer).tier == MemoryTier::nvme) {
        const Operand slot = swapSlot(from.elements, Access::write);
        m_build.addCopy("read " + unit.name, phase, layer, -1, slot, from, key_offload_param);
        from = slot;
        from.access = Access::read;
    }
    const BufferId staging =
        m_build.addBuffer({.name = unit.name + " shard on the device, " + std::string(toText(phase)),
                           .dtype = m_plan.dtype(),
                           .elements = from.elements,
                           .category = MemoryCategory::comm_buffers,
                           .config_key = key_offload_param});
    m_build.addCopy("upload " + unit.name, phase, layer, -1, m_build.all(staging, Access::write), from,
                    key_offload_param);
    return staging;
}

CollectivePiece ZeroParameters::shardPiece(const Segment& segment, BufferId staging) const {
    const UnitStore& store = at(m_plan.unit_stores, segment.unit);
    return {.slice_stride = segment.slice_elements,
            .slice_elements = segment.slice_elements,
            .shard = staging == BufferId::none ? store.buffer : staging,
            .shard_offset = m_plan.storeOffset(segment)};
}

void ZeroParameters::gather(Use& use, bool ahead) {
    const GatherUnit& unit = at(m_plan.layout.units, use.unit);
    const bool offloaded = m_plan.config.zero.offload_param.device != OffloadDevice::none;
    const BufferId staging = offloaded ? stage(use.unit, use.phase, use.layer) : BufferId::none;
    use.buffer = m_build.addBuffer({.name = unit.name + " gathered, " + std::string(toText(use.phase)),
                                    .dtype = m_plan.dtype(),
                                    .elements = unit.padded_elements,
                                    .category = MemoryCategory::parameters,
                                    .config_key = ahead ? key_prefetch : key_stage});
    std::vector<CollectivePiece> pieces;
    for (int32_t s : unit.segments) {
        const Segment& segment = at(m_plan.layout.segments, s);
        CollectivePiece piece = shardPiece(segment, staging);
        piece.full = use.buffer;
        piece.full_offset = segment.unit_offset;
        pieces.push_back(piece);
    }
    const OpId op = m_build.addCollective(OpClass::all_gather, "all_gather " + unit.name, use.phase, use.layer, -1,
                                          std::move(pieces), ahead ? key_prefetch : key_stage);
    if (!m_plan.config.zero.overlap_comm) m_build.blockCompute(op);
}

// Elements gathered at present: what use `now` and later ones need and have already.
int64_t ZeroParameters::liveElements(size_t now) const {
    int64_t live = 0;
    std::vector<int32_t> counted;
    // What is not gathered yet is live only as an earlier use that still serves.
    const size_t end = m_plan.config.zero.stage3_max_reuse_distance > 0 ? m_uses.size() : m_next_gather;
    for (size_t i = now; i < end; ++i) {
        const Use& use = m_uses[i];
        const bool kept = use.reuses >= 0 && static_cast<size_t>(use.reuses) <= now;
        if (use.unit < 0 || (use.buffer == BufferId::none && !kept)) continue;
        if (std::find(counted.begin(), counted.end(), use.unit) != counted.end()) continue;
        counted.push_back(use.unit);
        live += at(m_plan.layout.units, use.unit).elements;
    }
    return live;
}

void ZeroParameters::beginUse([[maybe_unused]] int32_t layer, [[maybe_unused]] int32_t tile) {
    assert(m_next_use < m_uses.size() && m_uses[m_next_use].layer == layer && m_uses[m_next_use].tile == tile);
    const size_t now = m_next_use++;
    auto provide = [&](size_t i, bool ahead) { // true: something was gathered
        Use& use = m_uses[i];
        if (use.unit < 0 || use.buffer != BufferId::none) return false;
        if (use.reuses >= 0 && m_uses[static_cast<size_t>(use.reuses)].buffer != BufferId::none) {
            use.buffer = m_uses[static_cast<size_t>(use.reuses)].buffer;
            return false;
        }
        gather(use, ahead);
        return true;
    };
    provide(now, false);
    m_next_gather = std::max(m_next_gather, now + 1);
    const ZeroConfig& zero = m_plan.config.zero;
    if (!zero.overlap_comm || zero.stage < 3) return; // gathering ahead would hide nothing and cost memory
    int64_t ahead = 0;
    for (size_t i = now + 1; i < m_next_gather; ++i)
        if (m_uses[i].unit >= 0 && m_uses[i].reuses < 0) ahead += at(m_plan.layout.units, m_uses[i].unit).elements;
    int64_t live = liveElements(now);
    while (m_next_gather < m_uses.size() && ahead < zero.stage3_prefetch_bucket_size &&
           live < zero.stage3_max_live_parameters) {
        const Use& next = m_uses[m_next_gather];
        if (provide(m_next_gather++, true)) {
            ahead += at(m_plan.layout.units, next.unit).elements;
            live += at(m_plan.layout.units, next.unit).elements;
        }
    }
}

Operand ZeroParameters::parameter(int32_t parameter) const {
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

} // namespace shardscope
