// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace shardscope::kernels::reference {
namespace {

// One query head of one sample and the key/value head it uses: rows of q, k, v inside qkv.
template <class T> struct Head {
    T* q;
    T* k;
    T* v;
    int64_t stride;
};

template <class T> Head<T> headOf(T* qkv, AttentionShape s, int64_t b, int64_t h) {
    const int64_t size = s.headSize(), shared_by = s.heads / s.keyHeads();
    T* row = qkv + b * s.sequence * s.qkvChannels();
    T* k = row + s.channels + h / shared_by * size;
    return {row + h * size, k, k + s.keyHeads() * size, s.qkvChannels()};
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

// Adds to dk and dv [sequence, head size], which the query heads of a group share.
template <class T>
void backwardHead(T* dq_out, std::vector<float>& dk, std::vector<float>& dv, const T* dout, const T* out,
                  Head<const T> in, const float* lse, AttentionShape s) {
    const int64_t size = s.channels / s.heads;
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    std::vector<float> dq(static_cast<size_t>(s.sequence * size));
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
        for (int64_t c = 0; c < size; ++c) dq_out[i * in.stride + c] = T(dq[i * size + c]);
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
    const int64_t size = s.headSize(), shared_by = s.heads / s.keyHeads();
    for (int64_t b = 0; b < s.batch; ++b)
        for (int64_t first = 0; first < s.heads; first += shared_by) {
            std::vector<float> dk(static_cast<size_t>(s.sequence * size)), dv(dk.size());
            for (int64_t h = first; h < first + shared_by; ++h) {
                const int64_t offset = b * s.sequence * s.channels + h * size;
                backwardHead<T>(headOf(dqkv, s, b, h).q, dk, dv, dout + offset, out + offset, headOf(qkv, s, b, h),
                                lse + (b * s.heads + h) * s.sequence, s);
            }
            const Head<T> gradient = headOf(dqkv, s, b, first);
            for (int64_t i = 0; i < s.sequence; ++i)
                for (int64_t c = 0; c < size; ++c) {
                    gradient.k[i * gradient.stride + c] = T(dk[i * size + c]);
                    gradient.v[i * gradient.stride + c] = T(dv[i * size + c]);
                }
        }
}

#define INSTANTIATE(T)                                                                                                 \
    template void attentionForward(T*, float*, const T*, float*, AttentionShape);                                      \
    template void attentionBackward(T*, const T*, const T*, const T*, const float*, float*, AttentionShape);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::reference
