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
    OpId addCompute(ComputeKind, std::string name, Phase, int32_t layer, std::array<int64_t, 4> dims,
                    std::vector<Operand>, std::string config_key);
    OpId addCollective(OpClass, std::string name, Phase, int32_t layer, int32_t bucket, std::vector<CollectivePiece>,
                       std::string config_key);
    // The next compute op does not start before `op` has ended.
    void blockCompute(OpId op) { m_compute_waits.push_back(op); }
    OpId nextOp() const { return static_cast<OpId>(m_program.ops.size()); }
    Op& op(OpId id) { return m_program.ops[index(id)]; }

private:
    StepProgram& m_program;
    std::vector<OpId> m_compute_waits;
};

} // namespace shardscope
