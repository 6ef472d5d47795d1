// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cpu/compute.h"
#include "core_runtime/planner.h"
#include "core_runtime/random.h"
#include <algorithm>
#include <cassert>
#include <cmath>

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
    case ComputeKind::zero:
        std::fill_n(t(0), d[0], T(0.0f));
        return;
    case ComputeKind::load_batch:
        context.load_batch(context.step, d[2], rank, a.range<int32_t>(0), a.range<int32_t>(1));
        return;
    case ComputeKind::embedding_forward:
        return k::embeddingForward<T>(t(0), n(1), t(2), t(3), d[0], d[1], d[2]);
    case ComputeKind::embedding_backward:
        return k::embeddingBackward<T>(t(0), t(1), t(2), n(3), d[0], d[1], d[2], d[3]);
    case ComputeKind::layernorm_forward:
        return k::layernormForward<T>(t(0), f(1), f(2), t(3), t(4), t(5), d[0], d[1]);
    case ComputeKind::layernorm_backward:
        return k::layernormBackward<T>(t(0), t(1), t(2), t(3), t(4), t(5), t(6), f(7), f(8), d[0], d[1]);
    case ComputeKind::rmsnorm_forward:
        return k::rmsnormForward<T>(t(0), f(1), t(2), t(3), d[0], d[1], op.value);
    case ComputeKind::rmsnorm_backward:
        return k::rmsnormBackward<T>(t(0), t(1), t(2), t(3), t(4), t(5), f(6), d[0], d[1]);
    case ComputeKind::matmul_forward:
        return k::matmulForward<T>(t(0), t(1), t(2), t(3), d[0], d[1], d[2], {d[3], d[4], d[5] != 0});
    case ComputeKind::matmul_backward_input:
        return k::matmulBackwardInput<T>(t(0), t(1), t(2), d[0], d[1], d[2], {d[3], d[4], d[5] != 0});
    case ComputeKind::matmul_backward_weight:
        return k::matmulBackwardWeight<T>(t(0), t(1), t(2), t(3), d[0], d[1], d[2], {d[3], d[4], d[5] != 0});
    case ComputeKind::rope_forward:
    case ComputeKind::rope_backward:
        return k::rope<T>(t(0), d[0], d[1], d[2], d[3], d[4], op.value, op.compute == ComputeKind::rope_backward);
    case ComputeKind::attention_forward:
        return k::attentionForward<T>(t(0), f(1), t(2), f(3), {d[0], d[1], d[2], d[3], d[4]});
    case ComputeKind::attention_backward:
        return k::attentionBackward<T>(t(0), t(1), t(2), t(3), f(4), f(5), {d[0], d[1], d[2], d[3], d[4]});
    case ComputeKind::gelu_forward:
        return k::geluForward<T>(t(0), t(1), d[0]);
    case ComputeKind::gelu_backward:
        return k::geluBackward<T>(t(0), t(1), t(2), d[0]);
    case ComputeKind::swiglu_forward:
        return k::swigluForward<T>(t(0), t(1), d[0], d[1]);
    case ComputeKind::swiglu_backward:
        return k::swigluBackward<T>(t(0), t(1), t(2), d[0], d[1]);
    case ComputeKind::dropout: // samples, elements of each, place, ranks
        for (int64_t b = 0; b < d[0]; ++b) {
            const int64_t sample = (op.micro_batch * d[3] + rank) * d[0] + b;
            k::dropout<T>(t(0) + b * d[1], t(1) + b * d[1], d[1], op.value,
                          dropoutKey(context.seed, context.step, d[2], sample));
        }
        return;
    case ComputeKind::residual_forward:
        return k::residualForward<T>(t(0), t(1), t(2), d[0]);
    case ComputeKind::cross_entropy:
        // The mean over the tokens of all micro-batches of the rank; the mean over ranks is the collective's.
        return k::crossEntropy<T>(f(0), t(1), t(1), n(2),
                                  static_cast<float>(context.loss_scale / static_cast<double>(d[0] * d[2])), d[0],
                                  d[1]);
    case ComputeKind::accumulate:
    case ComputeKind::squared_norm:
    case ComputeKind::norm_total:
    case ComputeKind::clip_scale:
    case ComputeKind::adamw:
        assert(!"runs in runMixed");
    }
}

void normTotal(double* total, const double* terms, int64_t count) {
    *total = 0;
    for (int64_t i = 0; i < count; ++i) *total += terms[i];
}

// One norm over all gradients; the factor of clipping is DeepSpeed's, with the loss scale of this step's backward pass.
void clipScale(float* control, const double* totals, int64_t count, const StepContext& context) {
    double squares = 0;
    normTotal(&squares, totals, count);
    const double norm = std::sqrt(squares) / context.loss_scale;
    double divisor = context.loss_scale;
    if (context.gradient_clipping > 0) divisor *= std::max(1.0, (norm + 1e-6) / context.gradient_clipping);
    auto set = [&](GradientControl which, double value) {
        control[static_cast<size_t>(which)] = static_cast<float>(value);
    };
    set(GradientControl::scale, 1 / divisor);
    set(GradientControl::skip, context.skip_on_overflow && !std::isfinite(squares));
    set(GradientControl::norm, norm);
}

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

// Ops whose operands may be of different types. False: not one of them.
bool runMixed(const StepProgram& program, const Op& op, const Arguments& a, const StepContext& context) {
    namespace k = kernels::cpu;
    auto typeOf = [&](size_t i) { return program.buffer(op.operands[i].buffer).dtype; };
    switch (op.compute) {
    case ComputeKind::accumulate:
        withType(typeOf(0), [&]<class D>(D) {
            withType(typeOf(1),
                     [&]<class S>(S) { k::accumulate<D, S>(a.get<D>(0), a.get<S>(1), op.dims[0], op.dims[1] != 0); });
        });
        return true;
    case ComputeKind::squared_norm:
        withType(typeOf(1), [&]<class T>(T) { *a.get<double>(0) = k::squaredSum<T>(a.get<T>(1), op.dims[0]); });
        return true;
    case ComputeKind::norm_total:
        normTotal(a.get<double>(0), a.get<double>(1), op.dims[0]);
        return true;
    case ComputeKind::clip_scale:
        clipScale(a.get<float>(0), a.get<double>(1), op.dims[0], context);
        return true;
    case ComputeKind::adamw: {
        const float* control = a.get<float>(5);
        if (context.skip_update) return true;
        if (control && control[static_cast<size_t>(GradientControl::skip)] != 0) {
            // The place written may be a temporary that is copied on to where the parameters are kept.
            const float* master = a.get<float>(1);
            withType(typeOf(0), [&]<class T>(T) {
                if (master) std::transform(master, master + op.dims[0], a.get<T>(0), [](float v) { return T(v); });
            });
            return true;
        }
        kernels::AdamWStep step = context.adamw;
        if (control) step.gradient_scale = control[static_cast<size_t>(GradientControl::scale)];
        withType(typeOf(0), [&]<class T>(T) {
            withType(typeOf(2), [&]<class G>(G) {
                k::adamw<T, G>(a.get<T>(0), a.get<float>(1), a.get<G>(2), a.get<float>(3), a.get<float>(4), op.dims[0],
                               step);
            });
        });
        return true;
    }
    default:
        return false;
    }
}

// The element type of an op is the 16-bit one if it has such an operand: floats beside it are fixed by the kernel.
DType typeOf(const StepProgram& program, const Op& op) {
    for (const Operand& o : op.operands)
        if (o.buffer != BufferId::none)
            if (const DType dtype = program.buffer(o.buffer).dtype; bytesOf(dtype) == 2) return dtype;
    return DType::f32;
}

} // namespace

void runCompute(const StepProgram& program, const Op& op, int64_t rank, const std::vector<std::byte*>& addresses,
                const StepContext& context) {
    const Arguments arguments(program, op, rank, addresses);
    if (runMixed(program, op, arguments, context)) return;
    withType(typeOf(program, op), [&]<class T>(T) { run<T>(op, rank, arguments, context); });
}

} // namespace shardscope
