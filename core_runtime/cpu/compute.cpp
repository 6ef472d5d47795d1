// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cpu/compute.h"
#include <cassert>

namespace shardscope {
namespace {

// The operands of one op as typed pointers.
class Arguments {
public:
    Arguments(const StepProgram& program, const Op& op, int64_t rank, const std::vector<std::byte*>& addresses)
        : m_program(program)
        , m_op(op)
        , m_rank(rank)
        , m_addresses(addresses) {}

    template <class T> T* get(size_t i) const {
        const Operand& o = m_op.operands[i];
        if (o.buffer == BufferId::none) return nullptr;
        assert(bytesOf(m_program.buffer(o.buffer).dtype) == static_cast<int64_t>(sizeof(T)));
        return reinterpret_cast<T*>(m_addresses[index(o.buffer)]) + o.offset + m_rank * o.rank_stride;
    }
    template <class T> std::span<T> range(size_t i) const {
        return {get<T>(i), static_cast<size_t>(m_op.operands[i].elements)};
    }

private:
    const StepProgram& m_program;
    const Op& m_op;
    int64_t m_rank;
    const std::vector<std::byte*>& m_addresses;
};

template <class T> void run(const Op& op, int64_t rank, const Arguments& a, const StepContext& context) {
    namespace k = kernels::cpu;
    const auto& d = op.dims;
    const auto t = [&](size_t i) { return a.get<T>(i); };
    const auto f = [&](size_t i) { return a.get<float>(i); };
    const auto n = [&](size_t i) { return a.get<int32_t>(i); };
    switch (op.compute) {
    case ComputeKind::none:
        assert(!"an op without a kernel");
        return;
    case ComputeKind::load_batch:
        context.load_batch(context.step, rank, a.range<int32_t>(0), a.range<int32_t>(1));
        return;
    case ComputeKind::embedding_forward:
        return k::embeddingForward<T>(t(0), n(1), t(2), t(3), d[0], d[1], d[2]);
    case ComputeKind::embedding_backward:
        return k::embeddingBackward<T>(t(0), t(1), t(2), n(3), d[0], d[1], d[2], d[3]);
    case ComputeKind::layernorm_forward:
        return k::layernormForward<T>(t(0), f(1), f(2), t(3), t(4), t(5), d[0], d[1]);
    case ComputeKind::layernorm_backward:
        return k::layernormBackward<T>(t(0), t(1), t(2), t(3), t(4), t(5), t(6), f(7), f(8), d[0], d[1]);
    case ComputeKind::matmul_forward:
        return k::matmulForward<T>(t(0), t(1), t(2), t(3), d[0], d[1], d[2]);
    case ComputeKind::matmul_backward_input:
        return k::matmulBackwardInput<T>(t(0), t(1), t(2), d[0], d[1], d[2]);
    case ComputeKind::matmul_backward_weight:
        return k::matmulBackwardWeight<T>(t(0), t(1), t(2), t(3), d[0], d[1], d[2]);
    case ComputeKind::attention_forward:
        return k::attentionForward<T>(t(0), f(1), t(2), f(3), {d[0], d[1], d[2], d[3]});
    case ComputeKind::attention_backward:
        return k::attentionBackward<T>(t(0), t(1), t(2), t(3), f(4), f(5), {d[0], d[1], d[2], d[3]});
    case ComputeKind::gelu_forward:
        return k::geluForward<T>(t(0), t(1), d[0]);
    case ComputeKind::gelu_backward:
        return k::geluBackward<T>(t(0), t(1), t(2), d[0]);
    case ComputeKind::residual_forward:
        return k::residualForward<T>(t(0), t(1), t(2), d[0]);
    case ComputeKind::cross_entropy_forward:
        return k::crossEntropyForward<T>(f(0), f(1), t(2), n(3), d[0], d[1]);
    case ComputeKind::cross_entropy_backward:
        return k::crossEntropyBackward<T>(t(0), t(0), n(1), f(2), 1.0f / static_cast<float>(d[0]), d[0], d[1]);
    case ComputeKind::adamw:
        return k::adamw<T>(t(0), f(1), t(2), f(3), f(4), d[0], context.adamw);
    }
}

// The element type of an op is that of its first floating-point operand that is not fixed to float by the kernel.
bool isBf16(const StepProgram& program, const Op& op) {
    for (const Operand& o : op.operands)
        if (o.buffer != BufferId::none && program.buffer(o.buffer).dtype == DType::bf16) return true;
    return false;
}

} // namespace

void runCompute(const StepProgram& program, const Op& op, int64_t rank, const std::vector<std::byte*>& addresses,
                const StepContext& context) {
    const Arguments arguments(program, op, rank, addresses);
    if (isBf16(program, op))
        run<bfloat16>(op, rank, arguments, context);
    else
        run<float>(op, rank, arguments, context);
}

} // namespace shardscope
