// SPDX-License-Identifier: Apache-2.0
// Loss and logit gradient, one block per row of logits. Probabilities are never stored.
#include "kernels/cuda/elements.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr int row_threads = 512;

// dlogits may be logits: a row is read whole before the first element of it is written. Each output may be null.
template <class T>
__global__ void crossEntropyRow(float* losses, float* lse, T* dlogits, const T* logits, const int32_t* targets,
                                float scale, int64_t vocabulary) {
    const int64_t r = blockIdx.x;
    const T* row = logits + r * vocabulary;
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
    if (threadIdx.x == 0) {
        losses[r] = log_sum - of_target;
        if (lse) lse[r] = log_sum;
    }
    if (!dlogits) return;
    for (int64_t v = threadIdx.x; v < vocabulary; v += blockDim.x) {
        const float p = expf(static_cast<float>(row[v]) - log_sum);
        dlogits[r * vocabulary + v] = T(scale * (v == target ? p - 1.0f : p));
    }
}

} // namespace

template <class T>
void crossEntropyForward(float* losses, float* lse, const T* logits, const int32_t* targets, int64_t rows,
                         int64_t vocabulary) {
    launch("cross_entropy_forward", Grid{rows, row_threads}, crossEntropyRow<T>, losses, lse, static_cast<T*>(nullptr),
           logits, targets, 0.0f, vocabulary);
}

template <class T>
void crossEntropyBackward(T* dlogits, const T* logits, const int32_t* targets, const float* lse, float scale,
                          int64_t rows, int64_t vocabulary) {
    forEach("cross_entropy_backward", rows * vocabulary, [=] __device__(int64_t i) {
        const int64_t r = i / vocabulary;
        const float p = expf(static_cast<float>(logits[i]) - lse[r]);
        dlogits[i] = T(scale * (i % vocabulary == targets[r] ? p - 1.0f : p));
    });
}

template <class T>
void crossEntropy(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,
                  int64_t vocabulary) {
    launch("cross_entropy", Grid{rows, row_threads}, crossEntropyRow<T>, losses, static_cast<float*>(nullptr), dlogits,
           logits, targets, scale, vocabulary);
}

#define INSTANTIATE(T)                                                                                                 \
    template void crossEntropyForward(float*, float*, const T*, const int32_t*, int64_t, int64_t);                     \
    template void crossEntropyBackward(T*, const T*, const int32_t*, const float*, float, int64_t, int64_t);           \
    template void crossEntropy(float*, T*, const T*, const int32_t*, float, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
