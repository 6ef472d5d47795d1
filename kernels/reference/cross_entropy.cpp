// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"
#include <algorithm>
#include <cmath>
#include <vector>

namespace shardscope::kernels::reference {

template <class T>
void crossEntropyForward(float* losses, float* lse, const T* logits, const int32_t* targets, int64_t rows,
                         int64_t vocabulary) {
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = logits + r * vocabulary;
        float highest = static_cast<float>(row[0]), sum = 0;
        for (int64_t v = 1; v < vocabulary; ++v) highest = std::max(highest, static_cast<float>(row[v]));
        for (int64_t v = 0; v < vocabulary; ++v) sum += std::exp(static_cast<float>(row[v]) - highest);
        lse[r] = highest + std::log(sum);
        losses[r] = lse[r] - static_cast<float>(row[targets[r]]);
    }
}

template <class T>
void crossEntropyBackward(T* dlogits, const T* logits, const int32_t* targets, const float* lse, float scale,
                          int64_t rows, int64_t vocabulary) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t v = 0; v < vocabulary; ++v) {
            const int64_t i = r * vocabulary + v;
            const float p = std::exp(static_cast<float>(logits[i]) - lse[r]);
            dlogits[i] = T(scale * (v == targets[r] ? p - 1.0f : p));
        }
}

template <class T>
void crossEntropy(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,
                  int64_t vocabulary) {
    std::vector<float> lse(static_cast<size_t>(rows));
    crossEntropyForward(losses, lse.data(), logits, targets, rows, vocabulary);
    crossEntropyBackward(dlogits, logits, targets, lse.data(), scale, rows, vocabulary);
}

#define INSTANTIATE(T)                                                                                                 \
    template void crossEntropyForward(float*, float*, const T*, const int32_t*, int64_t, int64_t);                     \
    template void crossEntropyBackward(T*, const T*, const int32_t*, const float*, float, int64_t, int64_t);           \
    template void crossEntropy(float*, T*, const T*, const int32_t*, float, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::reference
