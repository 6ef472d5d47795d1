// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"

namespace shardscope::kernels::reference {

template <class T>
void matmulForward(T* out, const T* x, const T* w, const T* bias, int64_t rows, int64_t n, int64_t k) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < n; ++j) {
            float sum = 0;
            for (int64_t i = 0; i < k; ++i) sum += static_cast<float>(x[r * k + i]) * static_cast<float>(w[j * k + i]);
            if (bias) sum += static_cast<float>(bias[j]);
            out[r * n + j] = T(sum);
        }
}

template <class T> void matmulBackwardInput(T* dx, const T* dout, const T* w, int64_t rows, int64_t n, int64_t k) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t i = 0; i < k; ++i) {
            float sum = 0;
            for (int64_t j = 0; j < n; ++j)
                sum += static_cast<float>(dout[r * n + j]) * static_cast<float>(w[j * k + i]);
            dx[r * k + i] = T(sum);
        }
}

template <class T>
void matmulBackwardWeight(T* dw, T* dbias, const T* dout, const T* x, int64_t rows, int64_t n, int64_t k) {
    for (int64_t j = 0; j < n; ++j) {
        for (int64_t i = 0; i < k; ++i) {
            float sum = 0;
            for (int64_t r = 0; r < rows; ++r)
                sum += static_cast<float>(dout[r * n + j]) * static_cast<float>(x[r * k + i]);
            dw[j * k + i] = T(sum);
        }
        if (!dbias) continue;
        float sum = 0;
        for (int64_t r = 0; r < rows; ++r) sum += static_cast<float>(dout[r * n + j]);
        dbias[j] = T(sum);
    }
}

#define INSTANTIATE(T)                                                                                                 \
    template void matmulForward(T*, const T*, const T*, const T*, int64_t, int64_t, int64_t);                          \
    template void matmulBackwardInput(T*, const T*, const T*, int64_t, int64_t, int64_t);                              \
    template void matmulBackwardWeight(T*, T*, const T*, const T*, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)

} // namespace shardscope::kernels::reference
