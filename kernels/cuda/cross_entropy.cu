// SPDX-License-Identifier: Apache-2.0
// Loss and logit gradient, one block per row of logits. Probabilities are never stored. Where a block may have as much
// shared memory as a row takes, the row is read once.
#include "kernels/cuda/fast_math.h"
#include "kernels/cuda/pack.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr int row_threads = 512, under_way = 4; // packs that a thread asks for before it looks at the first

template <class T> struct CrossEntropy {
    float* losses;
    T* dlogits;
    const T* logits;
    const int32_t* targets;
    float scale;
    int64_t vocabulary, pitch;
    bool aligned; // rows begin where packs may
};

// The highest of some numbers and the sum of exponentials relative to it.
template <class T> struct LogSum {
    float highest = -INFINITY, sum = 0;
    template <int n> __device__ void add(const float (&x)[n]) {
        float of_these = highest;
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) of_these = of_these < x[k] ? x[k] : of_these;
        if (of_these > highest) {
            sum *= exponential<T>(highest - of_these);
            highest = of_these;
        }
        if (highest == -INFINITY) return; // nothing to add so far
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) sum += exponential<T>(x[k] - highest);
    }
};

// dlogits may be logits: a row is read whole before the first element of it is written. `keeps`: in shared memory.
template <class T, bool keeps> __global__ void __launch_bounds__(row_threads) crossEntropyRow(CrossEntropy<T> a) {
    constexpr int n = pack_elements<T>;
    SHARDSCOPE_DYNAMIC_SHARED(Pack<float>, kept_memory);
    auto* kept = reinterpret_cast<Pack<T>*>(kept_memory); // a thread reads what it has written itself
    const int64_t r = blockIdx.x, packs = (a.vocabulary + n - 1) / n;
    const T* row = a.logits + r * a.pitch;
    const int32_t target = a.targets[r];
    const float of_target = toFloat(row[target]);
    const T nothing = rounded<T>(-INFINITY);

    const int64_t full = a.aligned ? a.vocabulary / n : 0; // packs that one access takes
    LogSum<T> own;
    const auto take = [&](int64_t i, const Pack<T>& pack) {
        if constexpr (keeps) kept[i] = pack;
        float x[n];
        widen(x, pack);
        own.add(x);
    };
    int64_t i = threadIdx.x;
    for (; i + (under_way - 1) * row_threads < full; i += under_way * row_threads) {
        Pack<T> loaded[under_way];
        SHARDSCOPE_UNROLL
        for (int u = 0; u < under_way; ++u) loaded[u] = loadPack<n>(row + (i + u * row_threads) * n);
        SHARDSCOPE_UNROLL
        for (int u = 0; u < under_way; ++u) take(i + u * row_threads, loaded[u]);
    }
    for (; i < packs; i += row_threads) take(i, loadSome<n>(row + i * n, a.vocabulary - i * n, i < full, nothing));
    const float highest = blockMax(own.highest);
    const float sum = blockSum(own.highest == -INFINITY ? 0.0f : own.sum * exponential<T>(own.highest - highest));
    const float log_sum = highest + logf(sum);
    if (threadIdx.x == 0) a.losses[r] = log_sum - of_target;

    for (i = threadIdx.x; i < packs; i += row_threads) {
        const int64_t v = i * n, left = a.vocabulary - v;
        float x[n];
        if constexpr (keeps)
            widen(x, kept[i]);
        else
            widen(x, loadSome<n>(row + v, left, i < full, nothing));
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) x[k] = exponential<T>(x[k] - log_sum);
        if (target >= v && target < v + n) {
            SHARDSCOPE_UNROLL
            for (int k = 0; k < n; ++k)
                if (v + k == target) x[k] -= 1.0f;
        }
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) x[k] *= a.scale;
        storeSome(a.dlogits + r * a.pitch + v, roundedPack<T>(x), left, i < full);
    }
}

} // namespace

template <class T>
void crossEntropy(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,
                  int64_t vocabulary, int64_t pitch) {
    constexpr int n = pack_elements<T>;
    const bool aligned = pitch % n == 0 && startsPack<n>(dlogits, logits);
    const CrossEntropy<T> arguments{losses, dlogits, logits, targets, scale, vocabulary, pitch, aligned};
    const int64_t kept_bytes = (vocabulary + n - 1) / n * access_bytes;
    if (kept_bytes <= deviceLimits().shared_bytes - shared_of_reductions)
        launch("cross_entropy", Grid{rows, row_threads, kept_bytes}, crossEntropyRow<T, true>, arguments);
    else
        launch("cross_entropy", Grid{rows, row_threads}, crossEntropyRow<T, false>, arguments);
}

#define INSTANTIATE(T)                                                                                                 \
    template void crossEntropy(float*, T*, const T*, const int32_t*, float, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
