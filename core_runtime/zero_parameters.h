// SPDX-License-Identifier: Apache-2.0
// Where the current values of a parameter are. Stages 0-2 hold the whole model; stage 3 gathers units before use and
// releases them after, ahead of time as far as the prefetch limit allows, from shards on the device, the host or NVMe
// (Rajbhandari et al. 2020, section 5.3; 2021, sections 5 and 6).
#pragma once
#include "core_runtime/planner.h"
#include "core_runtime/program_builder.h"

namespace shardscope {

class ZeroParameters {
public:
    ZeroParameters(Plan&, ProgramBuilder&); // adds the buffers that hold parameters

    // The order in which layers will need their parameters in this step, one entry per use, with its phase; set once.
    struct LayerUse {
        int32_t layer;
        Phase phase;
        int32_t tile = -1; // one tile of the layer; -1: what is not tiled
    };
    void setUses(const std::vector<LayerUse>&);
    // Starts the next use: its unit is gathered when emission goes on, following ones as far as limits allow.
    void beginUse(int32_t layer, int32_t tile = -1);
    // The values of a parameter within the use of its layer (the latest one begun).
    Operand parameter(int32_t parameter) const;

    // Host memory for `elements` of parameters on their way to or from NVMe; slots are used in turn.
    Operand swapSlot(int64_t elements, Access);

private:
    struct Use {
        int32_t layer, tile;
        int32_t unit; // -1: all parameters of the layer stay gathered
        Phase phase;
        int64_t reuses = -1; // the earlier use whose gathered buffer still serves
        BufferId buffer = BufferId::none;
        bool begun = false;
    };
    void gather(Use&, bool ahead);
    CollectivePiece shardPiece(const Segment&, BufferId staging) const;
    BufferId stage(int32_t unit, Phase, int32_t layer);
    int64_t liveElements(size_t now) const;

    Plan& m_plan;
    ProgramBuilder& m_build;
    std::vector<BufferId> m_slots;
    size_t m_next_slot = 0;
    std::vector<Use> m_uses;
    size_t m_next_use = 0, m_next_gather = 0;
};

} // namespace shardscope
