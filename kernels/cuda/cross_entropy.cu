// SPDX-License-Identifier: Apache-2.0
// Loss and logit gradient, one block per row of logits. Probabilities are never stored.
#include "kernels/cuda/device.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr int row_threads = 512;

// dlogits may be logits: a row is read whole before the first element of it is written.
template <class T>
__global__ void crossEntropyRow(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale,
                                int64_t vocabulary, int64_t pitch) {
    const int64_t r = blockIdx.x;
    const T* row = logits + r * pitch;
    const int32_t target = targets[r];
    const float of_target = static_cast<float>(row[target]);
    float highest = -INFINITY, sum = 0;
    for (int64_t v = threadIdx.x; v < vocabulary; v += blockDim.x) {
        const float logit = static_cast<float>(row[v]);
        highest = highest < logit ? logit : highest;
    }
    highest = blockMax(highest);
    for (int64_t v = threadIdx.x; v < vocabulary; v += blockDim.x) sum += expf(static_cast<float>(row[v]) - highest);
    const float log_sum = highest + logf(blockSum(sum));
    if (threadIdx.x == 0) losses[r] = log_sum - of_target;
    for (int64_t v = threadIdx.x; v < vocabulary; v += blockDim.x) {
        const float p = expf(static_cast<float>(row[v]) - log_sum);
        dlogits[r * pitch + v] = T(scale * (v == target ? p - 1.0f : p));
    }
}

} // namespace

template <class T>
void crossEntropy(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,
                  int64_t vocabulary, int64_t pitch) {
    launch("cross_entropy", Grid{rows, row_threads}, crossEntropyRow<T>, losses, dlogits, logits, targets, scale,
           vocabulary, pitch);
}

#define INSTANTIATE(T)                                                                                                 \
    template void crossEntropy(float*, T*, const T*, const int32_t*, float, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
