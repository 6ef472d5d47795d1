// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"
#include <cmath>

namespace shardscope::kernels::reference {

template <class T>
void layernormForward(T* out, float* mean, float* rstd, const T* x, const T* weight, const T* bias, int64_t rows,
                      int64_t channels) {
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = x + r * channels;
        float sum = 0;
        for (int64_t c = 0; c < channels; ++c) sum += static_cast<float>(row[c]);
        mean[r] = sum / static_cast<float>(channels);
        float squares = 0;
        for (int64_t c = 0; c < channels; ++c) {
            const float centered = static_cast<float>(row[c]) - mean[r];
            squares += centered * centered;
        }
        rstd[r] = 1.0f / std::sqrt(squares / static_cast<float>(channels) + 1e-5f);
        for (int64_t c = 0; c < channels; ++c) {
            const float normal = (static_cast<float>(row[c]) - mean[r]) * rstd[r];
            out[r * channels + c] = T(normal * static_cast<float>(weight[c]) + static_cast<float>(bias[c]));
        }
    }
}

template <class T>
void layernormBackward(T* dx, T* dweight, T* dbias, const T* dout, const T* dresidual, const T* x, const T* weight,
                       const float* mean, const float* rstd, int64_t rows, int64_t channels) {
    auto normal = [&](int64_t r, int64_t c) { return (static_cast<float>(x[r * channels + c]) - mean[r]) * rstd[r]; };
    for (int64_t c = 0; c < channels; ++c) {
        float dw = 0, db = 0;
        for (int64_t r = 0; r < rows; ++r) {
            const float d = static_cast<float>(dout[r * channels + c]);
            dw += d * normal(r, c);
            db += d;
        }
        dweight[c] = T(dw);
        dbias[c] = T(db);
    }
    for (int64_t r = 0; r < rows; ++r) {
        float sum = 0, sum_normal = 0; // of the gradient of the normalised row, plain and times that row
        for (int64_t c = 0; c < channels; ++c) {
            const float d = static_cast<float>(dout[r * channels + c]) * static_cast<float>(weight[c]);
            sum += d;
            sum_normal += d * normal(r, c);
        }
        sum /= static_cast<float>(channels);
        sum_normal /= static_cast<float>(channels);
        for (int64_t c = 0; c < channels; ++c) {
            const int64_t i = r * channels + c;
            const float d = static_cast<float>(dout[i]) * static_cast<float>(weight[c]);
            const float through = rstd[r] * (d - sum - normal(r, c) * sum_normal);
            dx[i] = T((dresidual ? static_cast<float>(dresidual[i]) : 0.0f) + through);
        }
    }
}

#define INSTANTIATE(T)                                                                                                 \
    template void layernormForward(T*, float*, float*, const T*, const T*, const T*, int64_t, int64_t);                \
    template void layernormBackward(T*, T*, T*, const T*, const T*, const T*, const T*, const float*, const float*,    \
                                    int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::reference
