// SPDX-License-Identifier: Apache-2.0
// The sharded optimizer step: global gradient norm and overflow check where something needs them, AdamW on every
// sub-group where its states live (device, host, or NVMe by way of host buffers), and the updated parameters back to
// the ranks that use them (Rajbhandari et al. 2020, section 5.1; ZeRO-Offload, Ren et al. 2021, section 4;
// ZeRO-Infinity, Rajbhandari et al. 2021, section 6).
#pragma once
#include "core_runtime/zero_gradients.h"
#include "core_runtime/zero_parameters.h"

namespace shardscope {

class ZeroOptimizer {
public:
    ZeroOptimizer(Plan&, ProgramBuilder&); // adds the buffers of the states

    // After the last backward op of the step: norm, update, parameters back.
    void emit(const ZeroGradients&, ZeroParameters&);
    // delayed_update: the update with the gradients of the step before, at the start of a step ...
    void emitDelayedUpdate(const ZeroGradients&, ZeroParameters&);
    // ... and at its end the norm of the new gradients, and the parameters back.
    void emitDelayedReturn(const ZeroGradients&);

private:
    struct States { // operands of one segment
        Operand master, exp_avg, exp_avg_sq;
    };
    LaneKind lane() const { return m_offload == OffloadDevice::none ? LaneKind::compute : LaneKind::host; }
    MemoryTier tier() const { return m_offload == OffloadDevice::none ? MemoryTier::device : MemoryTier::host; }
    const char* normKey() const; // what asks for the norm of the gradients
    void emitNorm(const ZeroGradients&);
    int64_t readAhead() const;
    void readGroup(size_t group);
    void writeGroup(size_t group);
    void update(size_t group, const ZeroGradients&, ZeroParameters&);
    States statesOf(const Segment&, const SubGroup&, int64_t offset_in_group, size_t group) const;
    Operand target(const Segment&, ZeroParameters&); // what the update writes as the new parameter
    void afterSegment(const Segment&, const Operand& written);
    void upload(const Segment&);
    void gatherReady(size_t groups_done);
    std::vector<std::vector<CollectivePiece>> gatherGroups() const;
    void gatherSmall();
    bool sharded(int stage) const { return m_plan.config.zero.stage >= stage; }

    Plan& m_plan;
    ProgramBuilder& m_build;
    OffloadDevice m_offload;
    std::vector<BufferId> m_group_slots; // NVMe: host copies of a sub-group's states, used in turn
    std::vector<Operand> m_unit_slots;   // NVMe parameters: by unit, the slot being filled
    std::vector<int64_t> m_unit_missing; // segments of the unit not yet updated
    std::vector<std::vector<CollectivePiece>> m_gathers;
    size_t m_next_gather = 0;
};

} // namespace shardscope
