// SPDX-License-Identifier: Apache-2.0
// The operands of a compute op as typed pointers, and its element type; shared by the backends.
#pragma once
#include "core_runtime/step_program.h"
#include <cassert>
#include <span>

namespace shardscope {

// The operands of one op as typed pointers.
class OpArguments {
public:
    OpArguments(const StepProgram& program, const Op& op, int64_t rank, const std::vector<std::byte*>& addresses)
        : m_program(program)
        , m_op(op)
        , m_rank(rank)
        , m_addresses(addresses) {}

    template <class T> T* get(size_t i) const {
        const Operand& o = m_op.operands[i];
        if (o.buffer == BufferId::none) return nullptr;
        assert(bytesOf(m_program.buffer(o.buffer).dtype) == static_cast<int64_t>(sizeof(T)));
        return reinterpret_cast<T*>(addressOf(m_program, o, m_rank, m_addresses));
    }
    template <class T> std::span<T> range(size_t i) const {
        return {get<T>(i), static_cast<size_t>(m_op.operands[i].elements)};
    }

    DType typeOf(size_t i) const { return m_program.buffer(m_op.operands[i].buffer).dtype; }

private:
    const StepProgram& m_program;
    const Op& m_op;
    int64_t m_rank;
    const std::vector<std::byte*>& m_addresses;
};

template <class Visit> void withType(DType dtype, Visit visit) {
    switch (dtype) {
    case DType::bf16:
        return visit(bfloat16());
    case DType::f16:
        return visit(float16());
    case DType::f32:
        return visit(float());
    case DType::i32:
    case DType::f64:
        assert(!"no element type of parameters or gradients");
    }
}

// The element type of an op is the 16-bit one if it has such an operand: floats beside it are fixed by the kernel.
inline DType elementType(const StepProgram& program, const Op& op) {
    for (const Operand& o : op.operands)
        if (o.buffer != BufferId::none)
            if (const DType dtype = program.buffer(o.buffer).dtype; bytesOf(dtype) == 2) return dtype;
    return DType::f32;
}

} // namespace shardscope
