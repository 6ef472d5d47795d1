// SPDX-License-Identifier: Apache-2.0
// Layer norm and RMS norm: one block per row for the rows, sums over rows for the weights.
#include "kernels/cuda/columns.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr int row_threads = 256;

struct WeightSums {
    float weight, bias;
    __device__ void operator+=(const WeightSums& o) {
        weight += o.weight;
        bias += o.bias;
    }
};

template <class T>
__global__ void layernormRow(T* out, float* mean, float* rstd, const T* x, const T* weight, const T* bias,
                             int64_t channels) {
    const int64_t r = blockIdx.x;
    const T* row = x + r * channels;
    float sum = 0, squares = 0;
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x) sum += static_cast<float>(row[c]);
    const float m = blockSum(sum) / static_cast<float>(channels);
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x) {
        const float centered = static_cast<float>(row[c]) - m;
        squares += centered * centered;
    }
    const float scale = 1.0f / sqrtf(blockSum(squares) / static_cast<float>(channels) + 1e-5f);
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x)
        out[r * channels + c] =
            T((static_cast<float>(row[c]) - m) * scale * static_cast<float>(weight[c]) + static_cast<float>(bias[c]));
    if (threadIdx.x == 0) {
        mean[r] = m;
        rstd[r] = scale;
    }
}

// `mean` null: RMS norm, which has no mean to take away and no gradient through it.
template <class T>
__global__ void normRowBackward(T* dx, const T* dout, const T* dresidual, const T* x, const T* weight,
                                const float* mean, const float* rstd, int64_t channels) {
    const int64_t r = blockIdx.x, start = r * channels;
    const float m = mean ? mean[r] : 0.0f, scale = rstd[r];
    float sum = 0, sum_normal = 0; // of the gradient of the normalised row, plain and times that row
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x) {
        const float d = static_cast<float>(dout[start + c]) * static_cast<float>(weight[c]);
        sum += d;
        sum_normal += d * (static_cast<float>(x[start + c]) - m) * scale;
    }
    sum = mean ? blockSum(sum) / static_cast<float>(channels) : 0.0f;
    sum_normal = blockSum(sum_normal) / static_cast<float>(channels);
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x) {
        const int64_t i = start + c;
        const float d = static_cast<float>(dout[i]) * static_cast<float>(weight[c]);
        const float normal = (static_cast<float>(x[i]) - m) * scale;
        const float through = scale * (d - sum - normal * sum_normal);
        dx[i] = T((dresidual ? static_cast<float>(dresidual[i]) : 0.0f) + through);
    }
}

template <class T>
__global__ void rmsnormRow(T* out, float* rstd, const T* x, const T* weight, int64_t channels, float epsilon) {
    const int64_t r = blockIdx.x;
    const T* row = x + r * channels;
    float squares = 0;
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x)
        squares += static_cast<float>(row[c]) * static_cast<float>(row[c]);
    const float scale = 1.0f / sqrtf(blockSum(squares) / static_cast<float>(channels) + epsilon);
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x)
        out[r * channels + c] = T(static_cast<float>(row[c]) * scale * static_cast<float>(weight[c]));
    if (threadIdx.x == 0) rstd[r] = scale;
}

// dbias may be null.
template <class T>
void weightGradients(const char* name, T* dweight, T* dbias, const T* dout, const T* x, const float* mean,
                     const float* rstd, int64_t rows, int64_t channels) {
    sumColumns<WeightSums>(
        name, rows, channels,
        [=] __device__(int64_t r, int64_t c, WeightSums & sums) {
            const float d = static_cast<float>(dout[r * channels + c]);
            sums.weight += d * (static_cast<float>(x[r * channels + c]) - (mean ? mean[r] : 0.0f)) * rstd[r];
            sums.bias += d;
        },
        [=] __device__(int64_t c, const WeightSums& sums) {
            dweight[c] = T(sums.weight);
            if (dbias) dbias[c] = T(sums.bias);
        });
}

} // namespace

template <class T>
void layernormForward(T* out, float* mean, float* rstd, const T* x, const T* weight, const T* bias, int64_t rows,
                      int64_t channels) {
    launch("layernorm_forward", Grid{rows, row_threads}, layernormRow<T>, out, mean, rstd, x, weight, bias, channels);
}

// The weights first: dx may be dresidual, and never x or dout.
template <class T>
void layernormBackward(T* dx, T* dweight, T* dbias, const T* dout, const T* dresidual, const T* x, const T* weight,
                       const float* mean, const float* rstd, int64_t rows, int64_t channels) {
    weightGradients("layernorm_backward_weight", dweight, dbias, dout, x, mean, rstd, rows, channels);
    launch("layernorm_backward", Grid{rows, row_threads}, normRowBackward<T>, dx, dout, dresidual, x, weight, mean,
           rstd, channels);
}

template <class T>
void rmsnormForward(T* out, float* rstd, const T* x, const T* weight, int64_t rows, int64_t channels, float epsilon) {
    launch("rmsnorm_forward", Grid{rows, row_threads}, rmsnormRow<T>, out, rstd, x, weight, channels, epsilon);
}

template <class T>
void rmsnormBackward(T* dx, T* dweight, const T* dout, const T* dresidual, const T* x, const T* weight,
                     const float* rstd, int64_t rows, int64_t channels) {
    weightGradients<T>("rmsnorm_backward_weight", dweight, nullptr, dout, x, nullptr, rstd, rows, channels);
    launch("rmsnorm_backward", Grid{rows, row_threads}, normRowBackward<T>, dx, dout, dresidual, x, weight,
           static_cast<const float*>(nullptr), rstd, channels);
}

#define INSTANTIATE(T)                                                                                                 \
    template void layernormForward(T*, float*, float*, const T*, const T*, const T*, int64_t, int64_t);                \
    template void layernormBackward(T*, T*, T*, const T*, const T*, const T*, const T*, const float*, const float*,    \
                                    int64_t, int64_t);                                                                 \
    template void rmsnormForward(T*, float*, const T*, const T*, int64_t, int64_t, float);                             \
    template void rmsnormBackward(T*, T*, const T*, const T*, const T*, const T*, const float*, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
