// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/compute.h"
#include "core_runtime/op_arguments.h"
#include "core_runtime/planner.h"
#include "core_runtime/random.h"
#include "kernels/cuda/ops.h"

namespace shardscope::cuda {
namespace {

namespace k = kernels::cuda;
#include "core_runtime/uniform_ops.inc"

// The device may still be reading the batch of an earlier micro-batch: each has a place of its own.
void loadBatch(const Op& op, int64_t rank, const OpArguments& a, const StepContext& context,
               const ComputeScratch& scratch) {
    const int64_t micro_batch = op.dims[2];
    const auto elements = static_cast<size_t>(scratch.batch_elements);
    int32_t* place = scratch.batches + 2 * micro_batch * scratch.batch_elements;
    const std::span<int32_t> ids(place, elements), targets(place + elements, elements);
    context.load_batch(context.step, micro_batch, rank, ids, targets);
    SHARDSCOPE_CUDA_CALL(cudaMemcpyAsync, a.get<int32_t>(0), ids.data(), ids.size_bytes(), cudaMemcpyDefault,
                         scratch.stream);
    SHARDSCOPE_CUDA_CALL(cudaMemcpyAsync, a.get<int32_t>(1), targets.data(), targets.size_bytes(), cudaMemcpyDefault,
                         scratch.stream);
}

void adamw(const Op& op, const OpArguments& a, const StepContext& context) {
    const float* control = a.get<float>(5);
    withType(a.typeOf(0), [&]<class T>(T) {
        withType(a.typeOf(2), [&]<class G>(G) {
            T* param = a.get<T>(0);
            float *master = a.get<float>(1), *exp_avg = a.get<float>(3), *exp_avg_sq = a.get<float>(4);
            const G* gradient = a.get<G>(2);
            if (control)
                k::adamwControlled<T, G>(param, master, gradient, exp_avg, exp_avg_sq, op.dims[0], context.adamw,
                                         control);
            else
                k::adamw<T, G>(param, master, gradient, exp_avg, exp_avg_sq, op.dims[0], context.adamw);
        });
    });
}

} // namespace

void enqueueCompute(const StepProgram& program, const Op& op, int64_t rank, const std::vector<std::byte*>& addresses,
                    const StepContext& context, const ComputeScratch& scratch) {
    static_assert(static_cast<int>(GradientControl::scale) == 0 && static_cast<int>(GradientControl::skip) == 1 &&
                  static_cast<int>(GradientControl::norm) == 2); // the order that gradientControl() writes
    const OpArguments a(program, op, rank, addresses);
    switch (op.compute) {
    case ComputeKind::zero:
        SHARDSCOPE_CUDA_CALL(cudaMemsetAsync, addressOf(program, op.operands[0], rank, addresses), 0,
                             static_cast<size_t>(op.dims[0] * bytesOf(a.typeOf(0))), scratch.stream);
        return;
    case ComputeKind::load_batch:
        return loadBatch(op, rank, a, context, scratch);
    case ComputeKind::accumulate:
        return withType(a.typeOf(0), [&]<class D>(D) {
            withType(a.typeOf(1),
                     [&]<class S>(S) { k::accumulate<D, S>(a.get<D>(0), a.get<S>(1), op.dims[0], op.dims[1] != 0); });
        });
    case ComputeKind::squared_norm:
        return withType(a.typeOf(1), [&]<class T>(T) {
            k::squaredSumInto<T>(a.get<double>(0), scratch.partial_sums, a.get<T>(1), op.dims[0]);
        });
    case ComputeKind::norm_total:
        return k::sumInto(a.get<double>(0), a.get<double>(1), op.dims[0]);
    case ComputeKind::clip_scale:
        return k::gradientControl(a.get<float>(0), a.get<double>(1), op.dims[0],
                                  {.loss_scale = context.loss_scale,
                                   .clipping = context.gradient_clipping,
                                   .skip_on_overflow = context.skip_on_overflow});
    case ComputeKind::adamw:
        if (!context.skip_update) adamw(op, a, context);
        return;
    default:
        withType(elementType(program, op), [&]<class T>(T) { runUniform<T>(op, rank, a, context); });
    }
}

} // namespace shardscope::cuda
