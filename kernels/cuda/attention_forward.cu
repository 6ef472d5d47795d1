// SPDX-License-Identifier: Apache-2.0
// Attention forward on tensor cores. The algorithm is FlashAttention-2's (Dao 2023, arXiv:2307.08691, section 3.1,
// algorithm 1): a block owns 128 queries, walks over tiles of 64 keys and keeps unnormalised results with the highest
// score and the sum of each row in registers (online softmax: Milakov & Gimelshein 2018, arXiv:1805.02867, algorithm
// 3); work is divided among warps by queries (section 3.3), so that they exchange nothing. Keys are taken in order,
// tiles behind the diagonal not at all, and only tiles on it are masked. While a tile is multiplied the next is copied.
#include "kernels/cuda/attention_tiles.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr int m_tiles = 2, warp_rows = m_tiles * 16, rows = tile_warps * warp_rows, keys = 64, n_tiles = keys / 8;

template <int columns> constexpr int sharedBytes() { return (rows + 4 * keys) * TileLayout<columns>::row_bytes; }

// Takes a tile's scores into the softmax of each row: they become weights, `result` and `sum` shrink to their measure.
template <int columns>
__device__ void weigh(float (&scores)[m_tiles][n_tiles][4], float (&result)[m_tiles][columns / 8][4],
                      float (&highest)[m_tiles][2], float (&sum)[m_tiles][2], float to_power) {
    float shrink[m_tiles][2];
    bool grown = false;
    SHARDSCOPE_UNROLL
    for (int m = 0; m < m_tiles; ++m) {
        SHARDSCOPE_UNROLL
        for (int half = 0; half < 2; ++half) {
            float top = highest[m][half];
            SHARDSCOPE_UNROLL
            for (int n = 0; n < n_tiles; ++n)
                top = fmaxf(top, fmaxf(scores[m][n][half * 2], scores[m][n][half * 2 + 1]));
            top = fmaxf(top, __shfl_xor_sync(whole_warp, top, 1)); // a row lies in four lanes
            top = fmaxf(top, __shfl_xor_sync(whole_warp, top, 2));
            shrink[m][half] = powerOfTwo((highest[m][half] - top) * to_power);
            grown |= top != highest[m][half];
            highest[m][half] = top;
            sum[m][half] *= shrink[m][half];
            const float zero = top * to_power;
            SHARDSCOPE_UNROLL
            for (int n = 0; n < n_tiles; ++n) {
                SHARDSCOPE_UNROLL
                for (int r = half * 2; r < half * 2 + 2; ++r) {
                    scores[m][n][r] = powerOfTwo(scores[m][n][r] * to_power - zero);
                    sum[m][half] += scores[m][n][r];
                }
            }
        }
    }
    if (!__any_sync(whole_warp, grown)) return; // all factors are 1
    SHARDSCOPE_UNROLL
    for (int m = 0; m < m_tiles; ++m) {
        SHARDSCOPE_UNROLL
        for (int n = 0; n < columns / 8; ++n) {
            SHARDSCOPE_UNROLL
            for (int r = 0; r < 4; ++r) result[m][n][r] *= shrink[m][r / 2];
        }
    }
}

template <class T, int columns>
__global__ void __launch_bounds__(tile_threads, columns <= 64 ? 3 : 2)
    forwardKernel(T* out, float* lse, const T* qkv, AttentionGeometry g) {
    SHARDSCOPE_DYNAMIC_SHARED(SharedLine, shared);
    constexpr int row_bytes = TileLayout<columns>::row_bytes;
    char* const own = reinterpret_cast<char*>(shared);
    const SharedAddress queries_at = sharedAddress(own), keys_at = queries_at + rows * row_bytes,
                        values_at = keys_at + 2 * keys * row_bytes;
    // The last queries, which have most keys, go first.
    const int heads = static_cast<int>(g.batch * g.heads), sequence = static_cast<int>(g.sequence);
    const int place = static_cast<int>(blockIdx.x) % heads, head = place % static_cast<int>(g.heads);
    const int first_row = (static_cast<int>(g.tiles(rows)) - 1 - static_cast<int>(blockIdx.x) / heads) * rows;
    const int64_t sample = place / static_cast<int>(g.heads), key_head = head / static_cast<int>(g.heads / g.key_heads);
    const T* const of_sample = qkv + sample * g.sequence * g.qkv_stride;
    TileCopies<columns, T> copies(of_sample + g.keyColumn(key_head), g.qkv_stride, 0, g); // of keys and values

    const int warp_first = static_cast<int>(threadIdx.x / warp_size) * warp_rows, row = first_row + warp_first;
    const LaneRows<columns> left = leftRows<columns>(queries_at + warp_first * row_bytes),
                            key_lanes = rightRows<columns>(keys_at), value_lanes = leftRows<columns>(values_at);
    auto ask = [&](int key) { // the tile from there on, which is that after the last
        const int stage = key % (2 * keys) * row_bytes;
        copies.template ask<keys>(keys_at + stage, g.qkv_stride);
        copies.template ask<keys>(values_at + stage, g.qkv_stride, g.key_heads * g.size);
        copies.advance(keys, keys * g.qkv_stride);
        commitCopies();
    };
    TileCopies<columns, T>(of_sample + g.queryColumn(head), g.qkv_stride, first_row, g)
        .template ask<rows>(queries_at, g.qkv_stride);
    ask(0);

    const float to_power = g.scale * log2_e;
    float result[m_tiles][columns / 8][4] = {}, highest[m_tiles][2], sum[m_tiles][2] = {};
    SHARDSCOPE_UNROLL
    for (int m = 0; m < m_tiles; ++m) highest[m][0] = highest[m][1] = -INFINITY;
    const int last = first_row + rows < sequence ? first_row + rows : sequence;
    for (int key = 0; key < last; key += keys) {
        awaitCopies<0>();
        __syncthreads(); // for all threads; and nobody reads the other stage any more
        if (key + keys < last) ask(key + keys);
        const int stage_row = key % (2 * keys);
        if (key >= row + warp_rows || row >= sequence) continue; // wholly behind the warp's queries
        float scores[m_tiles][n_tiles][4];
        multiplyByRows<T>(scores, left, 0, key_lanes, stage_row);
        if (key + keys > row + 1)
            forEachElement(scores, [&](float& score, int r, int c) {
                if (key + c > row + r) score = -INFINITY;
            });
        weigh<columns>(scores, result, highest, sum, to_power);
        addWeightedRows<T, columns>(result, scores, value_lanes, stage_row);
    }
    if (row >= sequence) return;

    float* const sums = lse + place * g.sequence + row;
    SHARDSCOPE_UNROLL
    for (int m = 0; m < m_tiles; ++m) {
        SHARDSCOPE_UNROLL
        for (int half = 0; half < 2; ++half) {
            float total = sum[m][half];
            total += __shfl_xor_sync(whole_warp, total, 1);
            total += __shfl_xor_sync(whole_warp, total, 2);
            const int r = m * 16 + half * 8 + laneNumber() / 4;
            if (laneNumber() % 4 == 0 && row + r < sequence) sums[r] = highest[m][half] * g.scale + logf(total);
            const float share = 1.0f / total;
            SHARDSCOPE_UNROLL
            for (int n = 0; n < columns / 8; ++n) {
                result[m][n][half * 2] *= share;
                result[m][n][half * 2 + 1] *= share;
            }
        }
    }
    storeRows<T, columns>(out + (sample * g.sequence + row) * g.out_stride + head * g.size, g.out_stride,
                          sequence - row, g, own + warp_first * row_bytes, result);
}

} // namespace

template <class T> void attentionForwardTiles(T* out, float* lse, const T* qkv, const AttentionGeometry& g) {
    withTileColumns(tileColumns(g), [&]<int columns>() {
        launch("attention_forward", Grid{g.batch * g.heads * g.tiles(rows), tile_threads, sharedBytes<columns>()},
               forwardKernel<T, columns>, out, lse, qkv, g);
    });
}
template void attentionForwardTiles(bfloat16*, float*, const bfloat16*, const AttentionGeometry&);
template void attentionForwardTiles(float16*, float*, const float16*, const AttentionGeometry&);

} // namespace shardscope::kernels::cuda
