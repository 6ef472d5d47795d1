// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw_constants.h"
#include "kernels/ops.h"
#include <cmath>

namespace shardscope::kernels::reference {
namespace {

constexpr float root_2_over_pi = 0.7978845608028654f;
constexpr float cubic = 0.044715f;

} // namespace

template <class T> void geluForward(T* out, const T* x, int64_t elements) {
    for (int64_t i = 0; i < elements; ++i) {
        const float v = static_cast<float>(x[i]);
        out[i] = T(0.5f * v * (1.0f + std::tanh(root_2_over_pi * (v + cubic * v * v * v))));
    }
}

template <class T> void geluBackward(T* dx, const T* x, const T* dout, int64_t elements) {
    for (int64_t i = 0; i < elements; ++i) {
        const float v = static_cast<float>(x[i]);
        const float t = std::tanh(root_2_over_pi * (v + cubic * v * v * v));
        const float slope =
            0.5f * (1.0f + t) + 0.5f * v * (1.0f - t * t) * root_2_over_pi * (1.0f + 3.0f * cubic * v * v);
        dx[i] = T(static_cast<float>(dout[i]) * slope);
    }
}

template <class T> void residualForward(T* out, const T* a, const T* b, int64_t elements) {
    for (int64_t i = 0; i < elements; ++i) out[i] = T(static_cast<float>(a[i]) + static_cast<float>(b[i]));
}

template <class T>
void adamw(T* param, float* master, const T* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
           const AdamWStep& step) {
    const AdamWConstants k = adamwConstants(step);
    for (int64_t i = 0; i < elements; ++i) {
        const float g = static_cast<float>(grad[i]);
        exp_avg[i] = k.beta1 * exp_avg[i] + k.rest1 * g;
        exp_avg_sq[i] = k.beta2 * exp_avg_sq[i] + k.rest2 * g * g;
        const float denominator = std::sqrt(exp_avg_sq[i]) * k.root_scale + k.epsilon;
        const float before = master ? master[i] : static_cast<float>(param[i]);
        const float after = before * k.decay - k.step_size * (exp_avg[i] / denominator);
        if (master) master[i] = after;
        param[i] = T(after);
    }
}

template <class T>
void sumRanks(std::span<T* const> outputs, std::span<const T* const> inputs, float scale, int64_t elements) {
    for (int64_t i = 0; i < elements; ++i) {
        float sum = static_cast<float>(inputs[0][i]);
        for (size_t rank = 1; rank < inputs.size(); ++rank) sum += static_cast<float>(inputs[rank][i]);
        for (T* out : outputs) out[i] = T(sum * scale);
    }
}

#define INSTANTIATE(T)                                                                                                 \
    template void geluForward(T*, const T*, int64_t);                                                                  \
    template void geluBackward(T*, const T*, const T*, int64_t);                                                       \
    template void residualForward(T*, const T*, const T*, int64_t);                                                    \
    template void adamw(T*, float*, const T*, float*, float*, int64_t, const AdamWStep&);                              \
    template void sumRanks(std::span<T* const>, std::span<const T* const>, float, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)

} // namespace shardscope::kernels::reference
