// SPDX-License-Identifier: Apache-2.0
// AdamW, accumulation of gradients, their norm, and sums over ranks.
#include "kernels/adamw_constants.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/ops.h"
#include <cassert>

namespace shardscope::kernels::cuda {
namespace {

template <class T> struct RankPointers {
    T* outputs[most_ranks];
    const T* inputs[most_ranks];
    int output_count, input_count;
};

// Each block sums what it strides over; the order depends on the number of blocks alone, which is fixed.
template <class T> __global__ void squaredSumOfBlocks(double* partials, const T* x, int64_t elements) {
    double sum = 0;
    for (int64_t i = globalThread(); i < elements; i += globalThreads()) {
        const double v = static_cast<double>(static_cast<float>(x[i]));
        sum += v * v;
    }
    sum = blockSum(sum);
    if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

__global__ void sumOfPartials(double* total, const double* partials) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < squared_sum_partials; i += blockDim.x) sum += partials[i];
    sum = blockSum(sum);
    if (threadIdx.x == 0) *total = sum;
}

__global__ void sumInOrder(double* total, const double* terms, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += terms[i];
    if (threadIdx.x == 0) *total = sum;
}

__global__ void gradientControlOf(float* control, const double* squared_norms, int64_t count, GradientScaling scaling) {
    double squares = 0;
    for (int64_t i = 0; i < count; ++i) squares += squared_norms[i];
    const double norm = sqrt(squares) / scaling.loss_scale;
    double divisor = scaling.loss_scale;
    if (const double above = (norm + 1e-6) / scaling.clipping; scaling.clipping > 0 && above > 1) divisor *= above;
    if (threadIdx.x != 0) return;
    control[0] = static_cast<float>(1 / divisor);
    control[1] = scaling.skip_on_overflow && !isfinite(squares);
    control[2] = static_cast<float>(norm);
}

template <class T, class G>
__device__ void adamwElement(int64_t i, T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq,
                             const AdamWConstants& k, float gradient_scale) {
    const float g = static_cast<float>(grad[i]) * gradient_scale;
    const float m = exp_avg[i] = k.beta1 * exp_avg[i] + k.rest1 * g;
    const float v = exp_avg_sq[i] = k.beta2 * exp_avg_sq[i] + k.rest2 * g * g;
    const float denominator = sqrtf(v) * k.root_scale + k.epsilon;
    const float before = master ? master[i] : static_cast<float>(param[i]);
    const float after = before * k.decay - k.step_size * (m / denominator);
    if (master) master[i] = after;
    param[i] = T(after);
}

} // namespace

void sumInto(double* total, const double* terms, int64_t count) {
    launch("sum", Grid{1, warp_size}, sumInOrder, total, terms, count);
}

void gradientControl(float* control, const double* squared_norms, int64_t count, const GradientScaling& scaling) {
    launch("gradient_control", Grid{1, warp_size}, gradientControlOf, control, squared_norms, count, scaling);
}

template <class D, class S> void accumulate(D* sum, const S* x, int64_t elements, bool first) {
    forEach("accumulate", elements, [=] __device__(int64_t i) {
        const float addend = static_cast<float>(x[i]);
        sum[i] = D(first ? addend : static_cast<float>(sum[i]) + addend);
    });
}

template <class T> void squaredSumInto(double* total, double* partials, const T* x, int64_t elements) {
    launch("squared_sum", Grid{squared_sum_partials, 256}, squaredSumOfBlocks<T>, partials, x, elements);
    launch("squared_sum_total", Grid{1, 256}, sumOfPartials, total, partials);
}

template <class T, class G>
void adamw(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
           const AdamWStep& step) {
    const AdamWConstants k = adamwConstants(step);
    forEach("adamw", elements, [=] __device__(int64_t i) {
        adamwElement(i, param, master, grad, exp_avg, exp_avg_sq, k, k.gradient_scale);
    });
}

template <class T, class G>
void adamwControlled(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
                     const AdamWStep& step, const float* control) {
    const AdamWConstants k = adamwConstants(step);
    forEach("adamw", elements, [=] __device__(int64_t i) {
        if (control[1] == 0)
            adamwElement(i, param, master, grad, exp_avg, exp_avg_sq, k, control[0]);
        else if (master)
            param[i] = T(master[i]);
    });
}

template <class T>
void sumRanks(std::span<T* const> outputs, std::span<const T* const> inputs, float scale, int64_t elements) {
    assert(std::ssize(inputs) <= most_ranks && std::ssize(outputs) <= most_ranks && !inputs.empty());
    RankPointers<T> at = {};
    for (T* output : outputs) at.outputs[at.output_count++] = output;
    for (const T* input : inputs) at.inputs[at.input_count++] = input;
    forEach("sum_ranks", elements, [=] __device__(int64_t i) {
        float sum = static_cast<float>(at.inputs[0][i]);
        for (int rank = 1; rank < at.input_count; ++rank) sum += static_cast<float>(at.inputs[rank][i]);
        for (int rank = 0; rank < at.output_count; ++rank) at.outputs[rank][i] = T(sum * scale);
    });
}

#define INSTANTIATE_PAIR(T, S)                                                                                         \
    template void adamw(T*, float*, const S*, float*, float*, int64_t, const AdamWStep&);                              \
    template void adamwControlled(T*, float*, const S*, float*, float*, int64_t, const AdamWStep&, const float*);      \
    template void accumulate(T*, const S*, int64_t, bool);
#define INSTANTIATE(T)                                                                                                 \
    template void squaredSumInto(double*, double*, const T*, int64_t);                                                 \
    template void sumRanks(std::span<T* const>, std::span<const T* const>, float, int64_t);                            \
    INSTANTIATE_PAIR(T, float)                                                                                         \
    INSTANTIATE_PAIR(T, bfloat16)                                                                                      \
    INSTANTIATE_PAIR(T, float16)
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
