// SPDX-License-Identifier: Apache-2.0
// The fast ops that work on rows or heads, but for the matrix products: picks the vector code for this processor and
// divides the work among threads.
#include "kernels/ops.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/vector_table.h"
#include <algorithm>
#include <cassert>
#include <numeric>
#include <vector>

namespace shardscope::kernels {
namespace {

constexpr int64_t attention_lanes = 8; // key/value heads in work at a time; each has its part of the workspace

int64_t attentionLanes(const AttentionShape& s) { return std::min(attention_lanes, s.batch * s.keyHeads()); }

} // namespace

int64_t attentionWorkspaceElements(AttentionShape shape) {
    const int64_t queries = shape.batch * shape.heads * shape.sequence; // a float each on a GPU
    return std::max(attentionLanes(shape) * cpu::attentionLayout(shape).total, queries);
}

namespace cpu {
namespace {

template <class T> const VectorKernels<T>& vectors() { return vectorTable().of<T>(); }

// Where one key/value head and its query heads lie: offsets of elements in [B, S, C], in qkv and in lse.
struct HeadGroup {
    int64_t out, q, k, v, lse;
};
HeadGroup headGroup(const AttentionLayout& at, int64_t i) {
    const AttentionShape& s = at.shape;
    const int64_t key_heads = s.keyHeads(), row = i / key_heads * s.sequence, head = i % key_heads;
    const int64_t column = head * at.group * at.size, token = row * at.qkv_stride;
    const int64_t key = token + s.channels + head * at.size;
    return {row * s.channels + column, token + column, key, key + key_heads * at.size, i * at.group * s.sequence};
}

// body(place, scratch) for every key/value head of every sample.
template <class Body> void forEachHeadGroup(const AttentionLayout& at, float* workspace, const Body& body) {
    const AttentionShape& s = at.shape;
    const int64_t groups = s.batch * s.keyHeads();
    const int64_t lanes = threadsPerOp() == 1 ? 1 : std::min<int64_t>(attentionLanes(s), 2 * threadsPerOp());
    parallelParts(lanes, [&](int64_t lane) {
        for (int64_t i = groups * lane / lanes; i < groups * (lane + 1) / lanes; ++i)
            body(headGroup(at, i), workspace + lane * at.total);
    });
}

} // namespace

template <class T>
void embeddingForward(T* out, const int32_t* ids, const T* wte, const T* wpe, int64_t batch, int64_t sequence,
                      int64_t channels) {
    parallelRanges(batch * sequence, rowGrain(channels), [=](int64_t first, int64_t last) {
        for (int64_t t = first; t < last; ++t)
            if (wpe)
                vectors<T>().residualForward(out + t * channels, wte + ids[t] * channels, wpe + t % sequence * channels,
                                             channels);
            else
                std::copy_n(wte + ids[t] * channels, channels, out + t * channels);
    });
}

template <class T>
void embeddingBackward(T* dwte, T* dwpe, const T* dout, const int32_t* ids, int64_t batch, int64_t sequence,
                       int64_t channels, int64_t context) {
    const VectorKernels<T>& v = vectors<T>();
    thread_local std::vector<int32_t> order; // tokens by id, equal ids in token order
    thread_local std::vector<float> sum;
    order.resize(static_cast<size_t>(batch * sequence));
    sum.resize(static_cast<size_t>(channels));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [=](int32_t a, int32_t b) { return ids[a] != ids[b] ? ids[a] < ids[b] : a < b; });
    for (size_t i = 0; i < order.size();) {
        const int32_t id = ids[order[i]];
        v.toFloat(sum.data(), dwte + id * channels, channels);
        for (; i < order.size() && ids[order[i]] == id; ++i) v.addRow(sum.data(), dout + order[i] * channels, channels);
        v.fromFloat(dwte + id * channels, sum.data(), channels);
    }
    for (int64_t s = 0; dwpe && s < context; ++s) {
        std::fill(sum.begin(), sum.end(), 0.0f);
        if (s < sequence)
            for (int64_t b = 0; b < batch; ++b) v.addRow(sum.data(), dout + (b * sequence + s) * channels, channels);
        v.fromFloat(dwpe + s * channels, sum.data(), channels);
    }
}

template <class T>
void layernormForward(T* out, float* mean, float* rstd, const T* x, const T* weight, const T* bias, int64_t rows,
                      int64_t channels) {
    parallelRanges(rows, rowGrain(channels), [=](int64_t first, int64_t last) {
        vectors<T>().layernormForward(out + first * channels, mean + first, rstd + first, x + first * channels, weight,
                                      bias, last - first, channels);
    });
}

template <class T>
void layernormBackward(T* dx, T* dweight, T* dbias, const T* dout, const T* dresidual, const T* x, const T* weight,
                       const float* mean, const float* rstd, int64_t rows, int64_t channels) {
    parallelRanges(channels, std::max<int64_t>(64, rowGrain(rows)), [=](int64_t first, int64_t last) {
        vectors<T>().layernormBackwardWeight(dweight, dbias, dout, x, mean, rstd, rows, channels, first, last);
    });
    parallelRanges(rows, rowGrain(channels), [=](int64_t first, int64_t last) {
        const int64_t at = first * channels;
        vectors<T>().layernormBackwardInput(dx + at, dout + at, dresidual ? dresidual + at : nullptr, x + at, weight,
                                            mean + first, rstd + first, last - first, channels);
    });
}

template <class T>
void rmsnormForward(T* out, float* rstd, const T* x, const T* weight, int64_t rows, int64_t channels, float epsilon) {
    parallelRanges(rows, rowGrain(channels), [=](int64_t first, int64_t last) {
        vectors<T>().rmsnormForward(out + first * channels, rstd + first, x + first * channels, weight, last - first,
                                    channels, epsilon);
    });
}

template <class T>
void rmsnormBackward(T* dx, T* dweight, const T* dout, const T* dresidual, const T* x, const T* weight,
                     const float* rstd, int64_t rows, int64_t channels) {
    parallelRanges(channels, std::max<int64_t>(64, rowGrain(rows)), [=](int64_t first, int64_t last) {
        vectors<T>().rmsnormBackwardWeight(dweight, dout, x, rstd, rows, channels, first, last);
    });
    parallelRanges(rows, rowGrain(channels), [=](int64_t first, int64_t last) {
        const int64_t at = first * channels;
        vectors<T>().rmsnormBackwardInput(dx + at, dout + at, dresidual ? dresidual + at : nullptr, x + at, weight,
                                          rstd + first, last - first, channels);
    });
}

template <class T> void attentionForward(T* out, float* lse, const T* qkv, float* workspace, AttentionShape shape) {
    assert(shape.channels % shape.heads == 0 && shape.heads % shape.keyHeads() == 0);
    const AttentionLayout at = attentionLayout(shape);
    forEachHeadGroup(at, workspace, [&](const HeadGroup& head, float* scratch) {
        vectors<T>().attentionForwardGroup(out + head.out, lse + head.lse, qkv + head.q, qkv + head.k, qkv + head.v,
                                           scratch, at);
    });
}

template <class T>
void attentionBackward(T* dqkv, const T* dout, const T* out, const T* qkv, const float* lse, float* workspace,
                       AttentionShape shape) {
    assert(shape.channels % shape.heads == 0 && shape.heads % shape.keyHeads() == 0);
    const AttentionLayout at = attentionLayout(shape);
    forEachHeadGroup(at, workspace, [&](const HeadGroup& head, float* scratch) {
        vectors<T>().attentionBackwardGroup(dqkv + head.q, dqkv + head.k, dqkv + head.v, dout + head.out,
                                            out + head.out, qkv + head.q, qkv + head.k, qkv + head.v, lse + head.lse,
                                            scratch, at);
    });
}

template <class T>
void crossEntropy(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,
                  int64_t vocabulary, int64_t pitch) {
    parallelRanges(rows, rowGrain(vocabulary), [=](int64_t first, int64_t last) {
        thread_local std::vector<float> exponentials;
        exponentials.resize(static_cast<size_t>(vocabulary));
        const int64_t at = first * pitch;
        vectors<T>().crossEntropy(losses + first, dlogits + at, logits + at, targets + first, scale, last - first,
                                  vocabulary, pitch, exponentials.data());
    });
}

#define INSTANTIATE(T)                                                                                                 \
    template void embeddingForward(T*, const int32_t*, const T*, const T*, int64_t, int64_t, int64_t);                 \
    template void embeddingBackward(T*, T*, const T*, const int32_t*, int64_t, int64_t, int64_t, int64_t);             \
    template void layernormForward(T*, float*, float*, const T*, const T*, const T*, int64_t, int64_t);                \
    template void layernormBackward(T*, T*, T*, const T*, const T*, const T*, const T*, const float*, const float*,    \
                                    int64_t, int64_t);                                                                 \
    template void rmsnormForward(T*, float*, const T*, const T*, int64_t, int64_t, float);                             \
    template void rmsnormBackward(T*, T*, const T*, const T*, const T*, const T*, const float*, int64_t, int64_t);     \
    template void attentionForward(T*, float*, const T*, float*, AttentionShape);                                      \
    template void attentionBackward(T*, const T*, const T*, const T*, const float*, float*, AttentionShape);           \
    template void crossEntropy(float*, T*, const T*, const int32_t*, float, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace cpu
} // namespace shardscope::kernels
