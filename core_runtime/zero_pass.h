// SPDX-License-Identifier: Apache-2.0
// What ZeRO adds to a model's step (Rajbhandari et al. 2020, section 5): where the current values of a parameter are,
// where its gradient goes, which collectives run when, and the sharded optimizer step. The model's emission asks; it
// knows no stages.
//   stage 0: gradients all-reduced, everything replicated
//   stage 1: gradients reduce-scattered in place, optimizer states sharded, parameters all-gathered after the step
//   stage 2: gradients reduce-scattered out of a short-lived bucket buffer into a shard
//   stage 3: parameters sharded too; units gathered before use and released after, ahead of time by the prefetch limit
#pragma once
#include "core_runtime/planner.h"
#include "core_runtime/program_builder.h"

namespace shardscope {

class ZeroPass {
public:
    ZeroPass(Plan&, ProgramBuilder&);

    // The order in which layers will need their parameters in this step, one entry per use; set once before emission.
    void setUses(std::vector<int32_t> layers, size_t first_backward_use);
    // Starts the next use: its unit is gathered when emission goes on, following ones as far as the prefetch limit
    // allows.
    void beginUse(int32_t layer);
    // The values of a parameter within the use of its layer (the latest one begun).
    Operand parameter(int32_t parameter) const;
    Operand gradient(int32_t parameter, Access);
    void gradientReady(int32_t parameter); // its last writer has been emitted
    void optimizerStep();

private:
    struct Use {
        int32_t layer;
        int32_t unit; // -1: all parameters of the layer stay gathered
        Phase phase;
        BufferId buffer = BufferId::none;
        OpId gather = OpId::none;
    };
    void gather(Use&, bool ahead);
    void finishCollective(OpId); // overlap off: the next compute op waits
    void openBucket(int32_t bucket);
    void reduce(int32_t bucket);
    void update(int32_t bucket);
    std::vector<std::vector<CollectivePiece>> gatherGroups() const;
    bool sharded(int stage) const { return m_plan.config.zero.stage >= stage; }

    Plan& m_plan;
    ProgramBuilder& m_build;
    DType m_dtype;
    BufferId m_exp_avg, m_exp_avg_sq;
    std::vector<BufferId> m_gradient_buffers, m_gradient_shards; // by bucket
    std::vector<int64_t> m_gradients_missing;                    // by bucket
    std::vector<OpId> m_reductions;                              // in order
    std::vector<Use> m_uses;
    size_t m_next_use = 0, m_next_gather = 0;
};

} // namespace shardscope
