// SPDX-License-Identifier: Apache-2.0
// Where the heads of an attention lie, for all of its kernels, and the kernels for tensor cores, which hold for heads
// that `tileColumns` knows. `inner` is scratch of a float for each query of each head, in the order of lse.
#pragma once
#include "kernels/cuda/device.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cuda {

constexpr float log2_e = 1.44269504088896341f;

struct AttentionGeometry {
    int64_t batch, sequence, heads, key_heads, size, qkv_stride, out_stride;
    float scale;

    explicit AttentionGeometry(const AttentionShape& s)
        : batch(s.batch)
        , sequence(s.sequence)
        , heads(s.heads)
        , key_heads(s.keyHeads())
        , size(s.headSize())
        , qkv_stride(s.qkvChannels())
        , out_stride(s.channels)
        , scale(1.0f / sqrtf(static_cast<float>(s.headSize()))) {}
    __host__ __device__ int64_t tiles(int64_t rows) const { return (sequence + rows - 1) / rows; } // of a sequence
    // Columns of one token's row in qkv.
    __device__ int64_t queryColumn(int64_t head) const { return head * size; }
    __device__ int64_t keyColumn(int64_t key_head) const { return (heads + key_head) * size; }
    __device__ int64_t valueColumn(int64_t key_head) const { return (heads + key_heads + key_head) * size; }
};

// The columns that a head takes in a tile, zeros behind its own; 0: not for tensor cores.
inline int tileColumns(const AttentionGeometry& g) {
    if (g.size % 8 != 0 || g.size > 128 || g.size == 0) return 0; // rows of a head start on 16 bytes
    return static_cast<int>((g.size + 31) / 32 * 32);
}

// For T = bfloat16 and float16; tensors start on 16 bytes.
template <class T> void attentionForwardTiles(T* out, float* lse, const T* qkv, const AttentionGeometry&);
// The gradient of the queries; also writes `inner`, the product of each query's dout and out.
template <class T>
void queryGradientTiles(T* dqkv, float* inner, const T* dout, const T* out, const T* qkv, const float* lse,
                        const AttentionGeometry&);
// The gradients of keys and values, from `inner`.
template <class T>
void keyGradientTiles(T* dqkv, const float* inner, const T* dout, const T* qkv, const float* lse,
                      const AttentionGeometry&);

// call<columns>() for the columns of a tile.
template <class Call> void withTileColumns(int columns, Call call) {
    switch (columns) {
    case 32:
        return call.template operator()<32>();
    case 64:
        return call.template operator()<64>();
    case 96:
        return call.template operator()<96>();
    default:
        return call.template operator()<128>();
    }
}

} // namespace shardscope::kernels::cuda
