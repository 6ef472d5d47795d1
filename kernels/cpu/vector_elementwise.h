// SPDX-License-Identifier: Apache-2.0
// Ops whose elements know nothing of each other: the result for an element is the same wherever it stands in a range.
#pragma once
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_table.h"

namespace shardscope::kernels::cpu::SHARDSCOPE_ISA {

inline constexpr float root_2_over_pi = 0.7978845608028654f;
inline constexpr float cubic = 0.044715f;

// (1 + tanh u) / 2 = 1 / (1 + e^-2u) with u = sqrt(2/pi) (x + cubic x^3): one exponential, no cancellation for x < 0.
SHARDSCOPE_INLINE F16 geluGate(F16 x) {
    const F16 u = x * (cubic * (x * x) + 1.0f);
    return 1.0f / (exponential(u * (-2.0f * root_2_over_pi)) + 1.0f);
}

template <class T> void geluForward(T* out, const T* x, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) {
        const F16 v = load(x + i, lanes);
        store(out + i, v * geluGate(v), lanes);
    });
}

template <class T> void geluBackward(T* dx, const T* x, const T* dout, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) {
        const F16 v = load(x + i, lanes);
        const F16 gate = geluGate(v);
        const F16 du = 2.0f * root_2_over_pi * (3.0f * cubic * (v * v) + 1.0f);
        const F16 slope = gate + v * du * (gate * (1.0f - gate));
        store(dx + i, load(dout + i, lanes) * slope, lanes);
    });
}

template <class T> void residualForward(T* out, const T* a, const T* b, int64_t elements) {
    forEachVector(0, elements,
                  [=](int64_t i, auto lanes) { store(out + i, load(a + i, lanes) + load(b + i, lanes), lanes); });
}

template <class T>
void adamw(T* param, float* master, const T* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
           const AdamWConstants& constants) {
    const AdamWConstants k = constants; // a copy: stores through float* cannot touch it
    auto update = [=](int64_t i, auto lanes, auto* weights) {
        const F16 g = load(grad + i, lanes);
        const F16 m = k.beta1 * load(exp_avg + i, lanes) + k.rest1 * g;
        const F16 v = k.beta2 * load(exp_avg_sq + i, lanes) + k.rest2 * g * g;
        const F16 denominator = squareRoot(v) * k.root_scale + k.epsilon;
        const F16 after = load(weights + i, lanes) * k.decay - k.step_size * (m / denominator);
        store(exp_avg + i, m, lanes);
        store(exp_avg_sq + i, v, lanes);
        return after;
    };
    if (master)
        forEachVector(0, elements, [=](int64_t i, auto lanes) {
            const F16 after = update(i, lanes, master);
            store(master + i, after, lanes);
            store(param + i, after, lanes);
        });
    else
        forEachVector(0, elements, [=](int64_t i, auto lanes) { store(param + i, update(i, lanes, param), lanes); });
}

template <class T>
void sumRanks(T* const* outputs, int64_t output_count, const T* const* inputs, int64_t input_count, float scale,
              int64_t first, int64_t last) {
    forEachVector(first, last, [=](int64_t i, auto lanes) {
        F16 sum = load(inputs[0] + i, lanes);
        for (int64_t rank = 1; rank < input_count; ++rank) sum += load(inputs[rank] + i, lanes);
        sum *= scale;
        for (int64_t rank = 0; rank < output_count; ++rank) store(outputs[rank] + i, sum, lanes);
    });
}

template <class T> void addRow(float* sum, const T* row, int64_t elements) {
    forEachVector(0, elements,
                  [=](int64_t i, auto lanes) { store(sum + i, load(sum + i, lanes) + load(row + i, lanes), lanes); });
}

template <class T> void toFloat(float* out, const T* in, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) { store(out + i, load(in + i, lanes), lanes); });
}

template <class T> void fromFloat(T* out, const float* in, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) { store(out + i, load(in + i, lanes), lanes); });
}

SHARDSCOPE_INLINE void exponentialOf(float* out, const float* x, int64_t elements) {
    forEachVector(0, elements, [=](int64_t i, auto lanes) { store(out + i, exponential(load(x + i, lanes)), lanes); });
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
