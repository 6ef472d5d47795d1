// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace shardscope::kernels::reference {
namespace {

// One head of one sample: rows of q, k, v (or their gradients) inside qkv [B, S, 3C] and of out [B, S, C].
template <class T> struct Head {
    T* q;
    T* k;
    T* v;
    int64_t stride; // 3C
};

template <class T> Head<T> headOf(T* qkv, AttentionShape s, int64_t b, int64_t h) {
    T* q = qkv + b * s.sequence * 3 * s.channels + h * (s.channels / s.heads);
    return {q, q + s.channels, q + 2 * s.channels, 3 * s.channels};
}

template <class T> float dot(const T* a, const T* b, int64_t n) {
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<float>(a[i]) * static_cast<float>(b[i]);
    return sum;
}

template <class T> void forwardHead(T* out, float* lse, Head<const T> in, AttentionShape s) {
    const int64_t size = s.channels / s.heads;
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    std::vector<float> score(static_cast<size_t>(s.sequence)), row(static_cast<size_t>(size));
    for (int64_t i = 0; i < s.sequence; ++i) {
        float highest = -std::numeric_limits<float>::infinity(), sum = 0;
        for (int64_t j = 0; j <= i; ++j) {
            score[j] = scale * dot(in.q + i * in.stride, in.k + j * in.stride, size);
            highest = std::max(highest, score[j]);
        }
        std::fill(row.begin(), row.end(), 0.0f);
        for (int64_t j = 0; j <= i; ++j) {
            const float p = std::exp(score[j] - highest);
            sum += p;
            for (int64_t c = 0; c < size; ++c) row[c] += p * static_cast<float>(in.v[j * in.stride + c]);
        }
        for (int64_t c = 0; c < size; ++c) out[i * s.channels + c] = T(row[c] / sum);
        lse[i] = highest + std::log(sum);
    }
}

template <class T>
void backwardHead(Head<T> gradient, const T* dout, const T* out, Head<const T> in, const float* lse, AttentionShape s) {
    const int64_t size = s.channels / s.heads;
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    const auto elements = static_cast<size_t>(s.sequence * size);
    std::vector<float> dq(elements), dk(elements), dv(elements);
    for (int64_t i = 0; i < s.sequence; ++i) {
        const float inner = dot(dout + i * s.channels, out + i * s.channels, size);
        for (int64_t j = 0; j <= i; ++j) {
            const float p = std::exp(scale * dot(in.q + i * in.stride, in.k + j * in.stride, size) - lse[i]);
            const float dp = dot(dout + i * s.channels, in.v + j * in.stride, size);
            const float dscore = scale * p * (dp - inner);
            for (int64_t c = 0; c < size; ++c) {
                dq[i * size + c] += dscore * static_cast<float>(in.k[j * in.stride + c]);
                dk[j * size + c] += dscore * static_cast<float>(in.q[i * in.stride + c]);
                dv[j * size + c] += p * static_cast<float>(dout[i * s.channels + c]);
            }
        }
    }
    for (int64_t i = 0; i < s.sequence; ++i)
        for (int64_t c = 0; c < size; ++c) {
            gradient.q[i * gradient.stride + c] = T(dq[i * size + c]);
            gradient.k[i * gradient.stride + c] = T(dk[i * size + c]);
            gradient.v[i * gradient.stride + c] = T(dv[i * size + c]);
        }
}

} // namespace

template <class T> void attentionForward(T* out, float* lse, const T* qkv, float*, AttentionShape s) {
    for (int64_t b = 0; b < s.batch; ++b)
        for (int64_t h = 0; h < s.heads; ++h)
            forwardHead<T>(out + b * s.sequence * s.channels + h * (s.channels / s.heads),
                           lse + (b * s.heads + h) * s.sequence, headOf(qkv, s, b, h), s);
}

template <class T>
void attentionBackward(T* dqkv, const T* dout, const T* out, const T* qkv, const float* lse, float*, AttentionShape s) {
    for (int64_t b = 0; b < s.batch; ++b)
        for (int64_t h = 0; h < s.heads; ++h) {
            const int64_t offset = b * s.sequence * s.channels + h * (s.channels / s.heads);
            backwardHead<T>(headOf(dqkv, s, b, h), dout + offset, out + offset, headOf(qkv, s, b, h),
                            lse + (b * s.heads + h) * s.sequence, s);
        }
}

#define INSTANTIATE(T)                                                                                                 \
    template void attentionForward(T*, float*, const T*, float*, AttentionShape);                                      \
    template void attentionBackward(T*, const T*, const T*, const T*, const float*, float*, AttentionShape);
INSTANTIATE(float)
INSTANTIATE(bfloat16)

} // namespace shardscope::kernels::reference
