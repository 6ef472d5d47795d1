// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"

namespace shardscope::kernels::reference {
namespace {

// The one place where a sum becomes an element: = or +=, rounded once.
template <class T> void put(T& out, float sum, bool accumulate) {
    out = T(accumulate ? static_cast<float>(out) + sum : sum);
}

} // namespace

template <class T>
void matmulForward(T* out, const T* x, const T* w, const T* bias, int64_t rows, int64_t n, int64_t k,
                   MatmulLayout layout) {
    const int64_t ldx = layout.ldx ? layout.ldx : k, ldo = layout.ldo ? layout.ldo : n;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < n; ++j) {
            float sum = 0;
            for (int64_t i = 0; i < k; ++i)
                sum += static_cast<float>(x[r * ldx + i]) * static_cast<float>(w[j * k + i]);
            if (bias) sum += static_cast<float>(bias[j]);
            put(out[r * ldo + j], sum, layout.accumulate);
        }
}

template <class T>
void matmulBackwardInput(T* dx, const T* dout, const T* w, int64_t rows, int64_t n, int64_t k, MatmulLayout layout) {
    const int64_t ldx = layout.ldx ? layout.ldx : k, ldo = layout.ldo ? layout.ldo : n;
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t i = 0; i < k; ++i) {
            float sum = 0;
            for (int64_t j = 0; j < n; ++j)
                sum += static_cast<float>(dout[r * ldo + j]) * static_cast<float>(w[j * k + i]);
            put(dx[r * ldx + i], sum, layout.accumulate);
        }
}

template <class T>
void matmulBackwardWeight(T* dw, T* dbias, const T* dout, const T* x, int64_t rows, int64_t n, int64_t k,
                          MatmulLayout layout) {
    const int64_t ldx = layout.ldx ? layout.ldx : k, ldo = layout.ldo ? layout.ldo : n;
    for (int64_t j = 0; j < n; ++j) {
        for (int64_t i = 0; dw && i < k; ++i) {
            float sum = 0;
            for (int64_t r = 0; r < rows; ++r)
                sum += static_cast<float>(dout[r * ldo + j]) * static_cast<float>(x[r * ldx + i]);
            put(dw[j * k + i], sum, layout.accumulate);
        }
        if (!dbias) continue;
        float sum = 0;
        for (int64_t r = 0; r < rows; ++r) sum += static_cast<float>(dout[r * ldo + j]);
        put(dbias[j], sum, layout.accumulate);
    }
}

#define INSTANTIATE(T)                                                                                                 \
    template void matmulForward(T*, const T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);            \
    template void matmulBackwardInput(T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);                \
    template void matmulBackwardWeight(T*, T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::reference
