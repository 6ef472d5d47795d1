// SPDX-License-Identifier: Apache-2.0
#include "kernels/adamw_constants.h"
#include "kernels/ops.h"
#include "kernels/random.h"
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

template <class T> void swigluForward(T* out, const T* gate_up, int64_t rows, int64_t ffn) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t i = 0; i < ffn; ++i) {
            const float gate = static_cast<float>(gate_up[r * 2 * ffn + i]);
            const float up = static_cast<float>(gate_up[r * 2 * ffn + ffn + i]);
            out[r * ffn + i] = T(gate / (1.0f + std::exp(-gate)) * up);
        }
}

template <class T> void swigluBackward(T* dgate_up, const T* gate_up, const T* dout, int64_t rows, int64_t ffn) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t i = 0; i < ffn; ++i) {
            const float gate = static_cast<float>(gate_up[r * 2 * ffn + i]);
            const float up = static_cast<float>(gate_up[r * 2 * ffn + ffn + i]);
            const float d = static_cast<float>(dout[r * ffn + i]);
            const float share = 1.0f / (1.0f + std::exp(-gate));
            dgate_up[r * 2 * ffn + i] = T(d * up * share * (1.0f + gate * (1.0f - share)));
            dgate_up[r * 2 * ffn + ffn + i] = T(d * gate * share);
        }
}

template <class T> void dropout(T* out, const T* x, int64_t elements, float p, uint64_t key) {
    const float scale = 1.0f / (1.0f - p);
    for (int64_t i = 0; i < elements; ++i)
        out[i] = dropoutKeeps(key, i, dropoutThreshold(p)) ? T(static_cast<float>(x[i]) * scale) : T(0.0f);
}

template <class T>
void rope(T* qkv, int64_t batch, int64_t sequence, int64_t heads, int64_t kv_heads, int64_t head_dim, float theta,
          bool inverse) {
    const int64_t key_heads = kv_heads ? kv_heads : heads, half = head_dim / 2;
    for (int64_t t = 0; t < batch * sequence; ++t)
        for (int64_t h = 0; h < heads + key_heads; ++h)
            for (int64_t i = 0; i < half; ++i) {
                T* x = qkv + (t * (heads + 2 * key_heads) + h) * head_dim + i;
                const double exponent = -static_cast<double>(i) / static_cast<double>(half);
                const double angle = static_cast<double>(t % sequence) * std::pow(static_cast<double>(theta), exponent);
                const float c = static_cast<float>(std::cos(angle));
                const float s = static_cast<float>(inverse ? -std::sin(angle) : std::sin(angle));
                const float a = static_cast<float>(x[0]), b = static_cast<float>(x[half]);
                x[0] = T(a * c - b * s);
                x[half] = T(b * c + a * s);
            }
}

template <class D, class S> void accumulate(D* sum, const S* x, int64_t elements, bool first) {
    for (int64_t i = 0; i < elements; ++i) {
        const float addend = static_cast<float>(x[i]);
        sum[i] = D(first ? addend : static_cast<float>(sum[i]) + addend);
    }
}

template <class T> double squaredSum(const T* x, int64_t elements) {
    double sum = 0;
    for (int64_t i = 0; i < elements; ++i) {
        const double v = static_cast<double>(static_cast<float>(x[i]));
        sum += v * v;
    }
    return sum;
}

template <class T, class G>
void adamw(T* param, float* master, const G* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
           const AdamWStep& step) {
    const AdamWConstants k = adamwConstants(step);
    for (int64_t i = 0; i < elements; ++i) {
        const float g = static_cast<float>(grad[i]) * k.gradient_scale;
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

#define INSTANTIATE_PAIR(T, S)                                                                                         \
    template void adamw(T*, float*, const S*, float*, float*, int64_t, const AdamWStep&);                              \
    template void accumulate(T*, const S*, int64_t, bool);
#define INSTANTIATE(T)                                                                                                 \
    template void geluForward(T*, const T*, int64_t);                                                                  \
    template void geluBackward(T*, const T*, const T*, int64_t);                                                       \
    template void swigluForward(T*, const T*, int64_t, int64_t);                                                       \
    template void swigluBackward(T*, const T*, const T*, int64_t, int64_t);                                            \
    template void dropout(T*, const T*, int64_t, float, uint64_t);                                                     \
    template void rope(T*, int64_t, int64_t, int64_t, int64_t, int64_t, float, bool);                                  \
    template void residualForward(T*, const T*, const T*, int64_t);                                                    \
    template double squaredSum(const T*, int64_t);                                                                     \
    template void sumRanks(std::span<T* const>, std::span<const T* const>, float, int64_t);                            \
    INSTANTIATE_PAIR(T, float)                                                                                         \
    INSTANTIATE_PAIR(T, bfloat16)                                                                                      \
    INSTANTIATE_PAIR(T, float16)
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::reference
