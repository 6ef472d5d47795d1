// SPDX-License-Identifier: Apache-2.0
// Where gradients go: into the bucket of their parameter, over the ranks, and into what the optimizer reads.
//   stages 0 and 1: summed over micro-batches in the whole bucket, reduced once, with the last micro-batch
//   stages 2 and 3: a short-lived bucket is reduced in every micro-batch, the shards are summed
// So the sum over micro-batches comes before the sum over ranks in the first pair and after it in the second.
#pragma once
#include "core_runtime/planner.h"
#include "core_runtime/program_builder.h"

namespace shardscope {

class ZeroGradients {
public:
    ZeroGradients(Plan&, ProgramBuilder&);

    void beginMicroBatch(int32_t micro_batch);
    // Where the gradient of a parameter is written in this micro-batch.
    Operand gradient(int32_t parameter, Access);
    void ready(int32_t parameter); // its last writer of this micro-batch has been emitted
    void endMicroBatch();
    // After the last micro-batch: the reduced gradients of a segment, of the rank's slice (stage 0: of all of it).
    Operand reduced(const Segment&) const;

private:
    struct BucketState {
        BufferId full = BufferId::none;  // stages 0, 1: the sum so far; 2, 3: of this micro-batch
        BufferId sent = BufferId::none;  // what is reduced; `full`, or a copy in the communication type
        BufferId shard = BufferId::none; // stages 2, 3: reduced, of this micro-batch
        BufferId sum = BufferId::none;   // stages 2, 3: over micro-batches, on the device
        int64_t missing = 0;             // gradients of this micro-batch that are not ready
    };
    void openBucket(int32_t bucket);
    void reduce(int32_t bucket);
    void keepReduced(int32_t bucket); // into `sum` or the host's gradients
    void toHost(int32_t bucket, const Operand& from, int64_t host_offset);
    void finishCollective(OpId);
    void waitForReduction(size_t behind);
    Operand accumulated(int32_t parameter, Access);
    Operand slice(const Segment&) const; // the rank's part of what was reduced, in this micro-batch
    const char* sumKey() const;
    std::string named(const char* what, int32_t bucket) const;
    bool last() const { return m_micro_batch + 1 == m_plan.accumulation(); }
    bool sharded(int stage) const { return m_plan.config.zero.stage >= stage; }

    Plan& m_plan;
    ProgramBuilder& m_build;
    bool m_offload;     // optimizer states and reduced gradients are on the host
    bool m_direct;      // backward ops write into the bucket itself
    bool m_keeps_shard; // stages 2, 3: the reduced shard is what the optimizer reads
    DType m_sent_type, m_sum_type;
    int32_t m_micro_batch = 0;
    std::vector<BucketState> m_buckets;
    std::vector<BufferId> m_temporaries; // by parameter; where !m_direct
    std::vector<int32_t> m_unkept;       // buckets reduced and not yet kept
    std::vector<OpId> m_releases;        // op after which a reduced bucket's memory is not needed, in order
    BufferId m_host = BufferId::none;
    std::array<BufferId, 2> m_host_slots = {BufferId::none, BufferId::none};
    size_t m_next_slot = 0;
};

} // namespace shardscope
