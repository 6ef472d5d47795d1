// SPDX-License-Identifier: Apache-2.0
// Activations, residuals, dropout and rotary positions: one thread per element, striding.
#include "kernels/cuda/elements.h"
#include "kernels/ops.h"
#include "kernels/random.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr float root_2_over_pi = 0.7978845608028654f;
constexpr float cubic = 0.044715f;

} // namespace

template <class T> void geluForward(T* out, const T* x, int64_t elements) {
    forEach("gelu_forward", elements, [=] __device__(int64_t i) {
        const float v = static_cast<float>(x[i]);
        out[i] = T(0.5f * v * (1.0f + tanhf(root_2_over_pi * (v + cubic * v * v * v))));
    });
}

template <class T> void geluBackward(T* dx, const T* x, const T* dout, int64_t elements) {
    forEach("gelu_backward", elements, [=] __device__(int64_t i) {
        const float v = static_cast<float>(x[i]);
        const float t = tanhf(root_2_over_pi * (v + cubic * v * v * v));
        const float slope =
            0.5f * (1.0f + t) + 0.5f * v * (1.0f - t * t) * root_2_over_pi * (1.0f + 3.0f * cubic * v * v);
        dx[i] = T(static_cast<float>(dout[i]) * slope);
    });
}

template <class T> void residualForward(T* out, const T* a, const T* b, int64_t elements) {
    forEach("residual_forward", elements,
            [=] __device__(int64_t i) { out[i] = T(static_cast<float>(a[i]) + static_cast<float>(b[i])); });
}

template <class T> void swigluForward(T* out, const T* gate_up, int64_t rows, int64_t ffn) {
    forEach("swiglu_forward", rows * ffn, [=] __device__(int64_t i) {
        const T* row = gate_up + i / ffn * 2 * ffn + i % ffn;
        const float gate = static_cast<float>(row[0]), up = static_cast<float>(row[ffn]);
        out[i] = T(gate / (1.0f + expf(-gate)) * up);
    });
}

template <class T> void swigluBackward(T* dgate_up, const T* gate_up, const T* dout, int64_t rows, int64_t ffn) {
    forEach("swiglu_backward", rows * ffn, [=] __device__(int64_t i) {
        const int64_t at = i / ffn * 2 * ffn + i % ffn;
        const float gate = static_cast<float>(gate_up[at]), up = static_cast<float>(gate_up[at + ffn]);
        const float d = static_cast<float>(dout[i]);
        const float share = 1.0f / (1.0f + expf(-gate));
        dgate_up[at] = T(d * up * share * (1.0f + gate * (1.0f - share)));
        dgate_up[at + ffn] = T(d * gate * share);
    });
}

template <class T> void dropout(T* out, const T* x, int64_t elements, float p, uint64_t key) {
    const float scale = 1.0f / (1.0f - p);
    const uint32_t threshold = dropoutThreshold(p);
    forEach("dropout", elements, [=] __device__(int64_t i) {
        out[i] = dropoutKeeps(key, i, threshold) ? T(static_cast<float>(x[i]) * scale) : T(0.0f);
    });
}

template <class T>
void rope(T* qkv, int64_t batch, int64_t sequence, int64_t heads, int64_t kv_heads, int64_t head_dim, float theta,
          bool inverse) {
    const int64_t key_heads = kv_heads ? kv_heads : heads, half = head_dim / 2, turned = heads + key_heads;
    forEach("rope", batch * sequence * turned * half, [=] __device__(int64_t i) {
        const int64_t pair = i % half, head = i / half % turned, token = i / half / turned;
        T* x = qkv + (token * (heads + 2 * key_heads) + head) * head_dim + pair;
        const double exponent = -static_cast<double>(pair) / static_cast<double>(half);
        const double angle = static_cast<double>(token % sequence) * pow(static_cast<double>(theta), exponent);
        const float c = static_cast<float>(cos(angle));
        const float s = static_cast<float>(inverse ? -sin(angle) : sin(angle));
        const float a = static_cast<float>(x[0]), b = static_cast<float>(x[half]);
        x[0] = T(a * c - b * s);
        x[half] = T(b * c + a * s);
    });
}

#define INSTANTIATE(T)                                                                                                 \
    template void geluForward(T*, const T*, int64_t);                                                                  \
    template void geluBackward(T*, const T*, const T*, int64_t);                                                       \
    template void residualForward(T*, const T*, const T*, int64_t);                                                    \
    template void swigluForward(T*, const T*, int64_t, int64_t);                                                       \
    template void swigluBackward(T*, const T*, const T*, int64_t, int64_t);                                            \
    template void dropout(T*, const T*, int64_t, float, uint64_t);                                                     \
    template void rope(T*, int64_t, int64_t, int64_t, int64_t, int64_t, float, bool);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
