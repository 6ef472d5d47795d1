// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"
#include <cmath>

namespace shardscope::kernels::reference {

template <class T>
void rmsnormForward(T* out, float* rstd, const T* x, const T* weight, int64_t rows, int64_t channels, float epsilon) {
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = x + r * channels;
        float squares = 0;
        for (int64_t c = 0; c < channels; ++c) squares += static_cast<float>(row[c]) * static_cast<float>(row[c]);
        rstd[r] = 1.0f / std::sqrt(squares / static_cast<float>(channels) + epsilon);
        for (int64_t c = 0; c < channels; ++c)
            out[r * channels + c] = T(static_cast<float>(row[c]) * rstd[r] * static_cast<float>(weight[c]));
    }
}

template <class T>
void rmsnormBackward(T* dx, T* dweight, const T* dout, const T* dresidual, const T* x, const T* weight,
                     const float* rstd, int64_t rows, int64_t channels) {
    auto normal = [&](int64_t r, int64_t c) { return static_cast<float>(x[r * channels + c]) * rstd[r]; };
    for (int64_t c = 0; c < channels; ++c) {
        float dw = 0;
        for (int64_t r = 0; r < rows; ++r) dw += static_cast<float>(dout[r * channels + c]) * normal(r, c);
        dweight[c] = T(dw);
    }
    for (int64_t r = 0; r < rows; ++r) {
        float sum = 0; // of the gradient of the normalised row times that row
        for (int64_t c = 0; c < channels; ++c)
            sum += static_cast<float>(dout[r * channels + c]) * static_cast<float>(weight[c]) * normal(r, c);
        sum /= static_cast<float>(channels);
        for (int64_t c = 0; c < channels; ++c) {
            const int64_t i = r * channels + c;
            const float d = static_cast<float>(dout[i]) * static_cast<float>(weight[c]);
            const float through = rstd[r] * (d - normal(r, c) * sum);
            dx[i] = T((dresidual ? static_cast<float>(dresidual[i]) : 0.0f) + through);
        }
    }
}

#define INSTANTIATE(T)                                                                                                 \
    template void rmsnormForward(T*, float*, const T*, const T*, int64_t, int64_t, float);                             \
    template void rmsnormBackward(T*, T*, const T*, const T*, const T*, const T*, const float*, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::reference
