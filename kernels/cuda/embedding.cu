// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/elements.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cuda {
namespace {

// One block per token. The first token of an id sums the gradients of all its occurrences, in token order; the others
// find that an earlier one does and leave.
template <class T>
__global__ void sumByToken(T* dwte, const T* dout, const int32_t* ids, int64_t tokens, int64_t channels) {
    const int64_t first = blockIdx.x;
    const int32_t id = ids[first];
    float earlier = 0;
    for (int64_t t = threadIdx.x; t < first; t += blockDim.x) earlier += ids[t] == id;
    if (blockSum(earlier) > 0) return;
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x) {
        float sum = static_cast<float>(dwte[id * channels + c]);
        for (int64_t t = first; t < tokens; ++t)
            if (ids[t] == id) sum += static_cast<float>(dout[t * channels + c]);
        dwte[id * channels + c] = T(sum);
    }
}

} // namespace

template <class T>
void embeddingForward(T* out, const int32_t* ids, const T* wte, const T* wpe, int64_t batch, int64_t sequence,
                      int64_t channels) {
    forEach("embedding_forward", batch * sequence * channels, [=] __device__(int64_t i) {
        const int64_t token = i / channels, c = i % channels;
        const float position = wpe ? static_cast<float>(wpe[token % sequence * channels + c]) : 0.0f;
        out[i] = T(static_cast<float>(wte[ids[token] * channels + c]) + position);
    });
}

template <class T>
void embeddingBackward(T* dwte, T* dwpe, const T* dout, const int32_t* ids, int64_t batch, int64_t sequence,
                       int64_t channels, int64_t context) {
    const int64_t tokens = batch * sequence;
    launch("embedding_backward", Grid{tokens, 256}, sumByToken<T>, dwte, dout, ids, tokens, channels);
    if (!dwpe) return;
    forEach("position_backward", context * channels, [=] __device__(int64_t i) {
        float sum = 0;
        if (i < sequence * channels)
            for (int64_t b = 0; b < batch; ++b) sum += static_cast<float>(dout[b * sequence * channels + i]);
        dwpe[i] = T(sum);
    });
}

#define INSTANTIATE(T)                                                                                                 \
    template void embeddingForward(T*, const int32_t*, const T*, const T*, int64_t, int64_t, int64_t);                 \
    template void embeddingBackward(T*, T*, const T*, const int32_t*, int64_t, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
