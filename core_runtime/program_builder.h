// SPDX-License-Identifier: Apache-2.0
// Appends buffers and ops to a step program. The only state beyond the program: ops that the next compute op must wait
// for.
#pragma once
#include "core_runtime/step_program.h"

namespace shardscope {

class ProgramBuilder {
public:
    explicit ProgramBuilder(StepProgram& program)
        : m_program(program) {}

    BufferId addBuffer(BufferInfo info);
    // An operand over a whole buffer.
    Operand all(BufferId, Access) const;
    OpId addCompute(ComputeKind, std::string name, Phase, int32_t layer, OpDims dims, std::vector<Operand>,
                    std::string config_key, LaneKind lane = LaneKind::compute);
    OpId addCollective(OpClass, std::string name, Phase, int32_t layer, int32_t bucket, std::vector<CollectivePiece>,
                       std::string config_key);
    // `to` and `from` have the same elements and dtype; the lane follows from their tiers.
    OpId addCopy(std::string name, Phase, int32_t layer, int32_t bucket, Operand to, Operand from,
                 std::string config_key);
    // Ops from now on belong to this micro-batch; their names say so where a step has several.
    void setMicroBatch(int32_t micro_batch, int64_t of) {
        m_micro_batch = micro_batch;
        m_suffix = of > 1 ? ", micro-batch " + std::to_string(micro_batch) : "";
    }
    // The next compute op does not start before `op` has ended.
    void blockCompute(OpId op) { m_compute_waits.push_back(op); }
    OpId nextOp() const { return static_cast<OpId>(m_program.ops.size()); }
    Op& op(OpId id) { return m_program.ops[index(id)]; }

private:
    OpId append(Op);

    StepProgram& m_program;
    int32_t m_micro_batch = 0;
    std::string m_suffix;
    std::vector<OpId> m_compute_waits;
};

} // namespace shardscope
