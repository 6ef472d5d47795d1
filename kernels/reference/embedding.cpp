// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"
#include <algorithm>

namespace shardscope::kernels::reference {

template <class T>
void embeddingForward(T* out, const int32_t* ids, const T* wte, const T* wpe, int64_t batch, int64_t sequence,
                      int64_t channels) {
    for (int64_t t = 0; t < batch * sequence; ++t)
        for (int64_t c = 0; c < channels; ++c)
            out[t * channels + c] = T(static_cast<float>(wte[ids[t] * channels + c]) +
                                      (wpe ? static_cast<float>(wpe[t % sequence * channels + c]) : 0.0f));
}

template <class T>
void embeddingBackward(T* dwte, T* dwpe, const T* dout, const int32_t* ids, int64_t batch, int64_t sequence,
                       int64_t channels, int64_t context) {
    const int64_t tokens = batch * sequence;
    for (int64_t first = 0; first < tokens; ++first) {
        if (std::find(ids, ids + first, ids[first]) != ids + first) continue; // summed with an earlier token
        T* row = dwte + ids[first] * channels;
        for (int64_t c = 0; c < channels; ++c) {
            float sum = static_cast<float>(row[c]);
            for (int64_t t = first; t < tokens; ++t)
                if (ids[t] == ids[first]) sum += static_cast<float>(dout[t * channels + c]);
            row[c] = T(sum);
        }
    }
    for (int64_t s = 0; dwpe && s < context; ++s)
        for (int64_t c = 0; c < channels; ++c) {
            float sum = 0;
            if (s < sequence)
                for (int64_t b = 0; b < batch; ++b) sum += static_cast<float>(dout[(b * sequence + s) * channels + c]);
            dwpe[s * channels + c] = T(sum);
        }
}

#define INSTANTIATE(T)                                                                                                 \
    template void embeddingForward(T*, const int32_t*, const T*, const T*, int64_t, int64_t, int64_t);                 \
    template void embeddingBackward(T*, T*, const T*, const int32_t*, int64_t, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::reference
