// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cpu/compute.h"
#include "core_runtime/op_arguments.h"
#include "core_runtime/planner.h"
#include "core_runtime/random.h"
#include <algorithm>
#include <cassert>
#include <cmath>

namespace shardscope {
namespace {

namespace k = kernels::cpu;
#include "core_runtime/uniform_ops.inc"

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

// Ops of no or of several element types. False: not one of them.
bool runMixed(const Op& op, int64_t rank, const OpArguments& a, const StepContext& context) {
    switch (op.compute) {
    case ComputeKind::none:
        assert(!"an op without a kernel");
        return true;
    case ComputeKind::zero:
        withType(a.typeOf(0), [&]<class T>(T) { std::fill_n(a.get<T>(0), op.dims[0], T(0.0f)); });
        return true;
    case ComputeKind::load_batch:
        context.load_batch(context.step, op.dims[2], rank, a.range<int32_t>(0), a.range<int32_t>(1));
        return true;
    case ComputeKind::accumulate:
        withType(a.typeOf(0), [&]<class D>(D) {
            withType(a.typeOf(1),
                     [&]<class S>(S) { k::accumulate<D, S>(a.get<D>(0), a.get<S>(1), op.dims[0], op.dims[1] != 0); });
        });
        return true;
    case ComputeKind::squared_norm:
        withType(a.typeOf(1), [&]<class T>(T) { *a.get<double>(0) = k::squaredSum<T>(a.get<T>(1), op.dims[0]); });
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
            withType(a.typeOf(0), [&]<class T>(T) {
                if (master) std::transform(master, master + op.dims[0], a.get<T>(0), [](float v) { return T(v); });
            });
            return true;
        }
        kernels::AdamWStep step = context.adamw;
        if (control) step.gradient_scale = control[static_cast<size_t>(GradientControl::scale)];
        withType(a.typeOf(0), [&]<class T>(T) {
            withType(a.typeOf(2), [&]<class G>(G) {
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

} // namespace

void runCompute(const StepProgram& program, const Op& op, int64_t rank, const std::vector<std::byte*>& addresses,
                const StepContext& context) {
    const OpArguments arguments(program, op, rank, addresses);
    if (runMixed(op, rank, arguments, context)) return;
    withType(elementType(program, op), [&]<class T>(T) { runUniform<T>(op, rank, arguments, context); });
}

} // namespace shardscope
