// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"
#include <algorithm>
#include <cmath>

namespace shardscope::kernels::reference {

template <class T>
void crossEntropy(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,
                  int64_t vocabulary, int64_t pitch) {
    for (int64_t r = 0; r < rows; ++r) {
        const T* row = logits + r * pitch;
        float highest = static_cast<float>(row[0]), sum = 0;
        for (int64_t v = 1; v < vocabulary; ++v) highest = std::max(highest, static_cast<float>(row[v]));
        for (int64_t v = 0; v < vocabulary; ++v) sum += std::exp(static_cast<float>(row[v]) - highest);
        const float log_sum = highest + std::log(sum);
        losses[r] = log_sum - static_cast<float>(row[targets[r]]);
        for (int64_t v = 0; v < vocabulary; ++v) {
            const float p = std::exp(static_cast<float>(row[v]) - log_sum);
            dlogits[r * pitch + v] = T(scale * (v == targets[r] ? p - 1.0f : p));
        }
    }
}

#define INSTANTIATE(T)                                                                                                 \
    template void crossEntropy(float*, T*, const T*, const int32_t*, float, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::reference
