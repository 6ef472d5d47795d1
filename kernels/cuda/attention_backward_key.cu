// SPDX-License-Identifier: Apache-2.0
// The gradients of attention's keys and values on tensor cores (Dao 2023, arXiv:2307.08691, section 3.1, algorithm 2,
// without its dq). A block owns the keys of one key head, walks over the queries of all heads of its group, head after
// head, and adds in this order. It computes the transpose of scores and weights, keys by queries: their fragments are
// then the left sides of the products for dk and dv, and nothing but what is copied goes through shared memory.
#include "kernels/cuda/attention_tiles.h"

namespace shardscope::kernels::cuda {
namespace {

// Rows of a warp and queries of a tile: as many as two sums of [rows][columns] leave registers for.
template <int columns> struct Tiles {
    static constexpr int m_tiles = columns <= 64 ? 2 : 1, warp_rows = m_tiles * 16, rows = tile_warps * warp_rows;
    static constexpr int queries = columns <= 64 ? 32 : 64, n_tiles = queries / 8;
    static constexpr int shared_bytes = (2 * rows + 4 * queries) * TileLayout<columns>::row_bytes + 4 * queries * 4;
};

template <class T, int columns>
__global__ void __launch_bounds__(tile_threads, 2)
    keyGradientKernel(T* dqkv, const float* inner, const T* dout, const T* qkv, const float* lse, AttentionGeometry g) {
    SHARDSCOPE_DYNAMIC_SHARED(SharedLine, shared);
    using Of = Tiles<columns>;
    constexpr int row_bytes = TileLayout<columns>::row_bytes, queries = Of::queries, n_tiles = Of::n_tiles;
    constexpr int m_tiles = Of::m_tiles, rows = Of::rows;
    char* const own = reinterpret_cast<char*>(shared);
    const SharedAddress keys_at = sharedAddress(own), values_at = keys_at + rows * row_bytes,
                        queries_at = values_at + rows * row_bytes, douts_at = queries_at + 2 * queries * row_bytes,
                        sums_at = douts_at + 2 * queries * row_bytes;
    const float* const of_queries = reinterpret_cast<const float*>(own + (2 * rows + 4 * queries) * row_bytes);
    // The first keys, which most queries see, go first.
    const int key_heads = static_cast<int>(g.batch * g.key_heads), sequence = static_cast<int>(g.sequence);
    const int place = static_cast<int>(blockIdx.x) % key_heads, group = static_cast<int>(g.heads / g.key_heads);
    const int first_row = static_cast<int>(blockIdx.x) / key_heads * rows;
    const int key_head = place % static_cast<int>(g.key_heads);
    const int64_t sample = place / static_cast<int>(g.key_heads);
    const T* const of_sample = qkv + sample * g.sequence * g.qkv_stride;
    const T* const dout_of_sample = dout + sample * g.sequence * g.out_stride;

    const int warp_first = static_cast<int>(threadIdx.x / warp_size) * Of::warp_rows, row = first_row + warp_first;
    const LaneRows<columns> key_lanes = leftRows<columns>(keys_at + warp_first * row_bytes),
                            value_lanes = leftRows<columns>(values_at + warp_first * row_bytes),
                            query_lanes = rightRows<columns>(queries_at), dout_lanes = rightRows<columns>(douts_at),
                            query_sums = leftRows<columns>(queries_at), dout_sums = leftRows<columns>(douts_at);
    int head = key_head * group, query = first_row, stage = 0; // of the tile that is multiplied
    const int end = head + group;
    TileCopies<columns, T> query_copies(of_sample + g.queryColumn(head), g.qkv_stride, first_row, g),
        dout_copies(dout_of_sample + head * g.size, g.out_stride, first_row, g);
    // The queries after the last, with their lse and inner product, into a stage.
    auto ask = [&](int of_head, int first, int to_stage) {
        query_copies.template ask<queries>(queries_at + to_stage * queries * row_bytes, g.qkv_stride);
        dout_copies.template ask<queries>(douts_at + to_stage * queries * row_bytes, g.out_stride);
        if (const int q = static_cast<int>(threadIdx.x); q < 2 * queries) {
            const int at = first + q % queries;
            copyWord(sums_at + (to_stage * 2 * queries + q) * 4,
                     (q < queries ? lse : inner) + (sample * g.heads + of_head) * g.sequence + at,
                     at < sequence ? 4 : 0);
        }
        // On to the next; after the last of a head, to the first of the next head.
        const bool more = first + queries < sequence;
        const int rows_on = more ? queries : first_row - first;
        query_copies.advance(rows_on, rows_on * g.qkv_stride + (more ? 0 : g.size));
        dout_copies.advance(rows_on, rows_on * g.out_stride + (more ? 0 : g.size));
        commitCopies();
    };
    TileCopies<columns, T>(of_sample + g.keyColumn(key_head), g.qkv_stride, first_row, g)
        .template ask<rows>(keys_at, g.qkv_stride);
    TileCopies<columns, T>(of_sample + g.valueColumn(key_head), g.qkv_stride, first_row, g)
        .template ask<rows>(values_at, g.qkv_stride);
    ask(head, query, stage);

    const float to_power = g.scale * log2_e;
    float dkeys[m_tiles][columns / 8][4] = {}, dvalues[m_tiles][columns / 8][4] = {};
    while (head < end) {
        awaitCopies<0>();
        __syncthreads(); // for all threads; and nobody reads the other stage any more
        const bool more = query + queries < sequence;
        const int next_head = more ? head : head + 1, next_query = more ? query + queries : first_row;
        if (next_head < end) ask(next_head, next_query, 1 - stage);
        if (query + queries > row && row < sequence) { // else wholly before the warp's keys
            const int stage_row = stage * queries;
            const float* const of_column = of_queries + stage * 2 * queries + laneNumber() % 4 * 2;
            float weights[m_tiles][n_tiles][4], dscores[m_tiles][n_tiles][4];
            multiplyByRows<T>(weights, key_lanes, 0, query_lanes, stage_row);
            SHARDSCOPE_UNROLL
            for (int n = 0; n < n_tiles; ++n) {
                SHARDSCOPE_UNROLL
                for (int c = 0; c < 2; ++c) {
                    const float log_sum = of_column[n * 8 + c] * log2_e;
                    SHARDSCOPE_UNROLL
                    for (int m = 0; m < m_tiles; ++m) {
                        SHARDSCOPE_UNROLL
                        for (int r = c; r < 4; r += 2)
                            weights[m][n][r] = powerOfTwo(weights[m][n][r] * to_power - log_sum);
                    }
                }
            }
            if (query < row + Of::warp_rows - 1)
                forEachElement(weights, [&](float& weight, int r, int c) {
                    if (query + c < row + r) weight = 0;
                });
            addWeightedRows<T, columns>(dvalues, weights, dout_sums, stage_row);
            multiplyByRows<T>(dscores, value_lanes, 0, dout_lanes, stage_row);
            SHARDSCOPE_UNROLL
            for (int n = 0; n < n_tiles; ++n) {
                SHARDSCOPE_UNROLL
                for (int c = 0; c < 2; ++c) {
                    const float of_query = of_column[queries + n * 8 + c];
                    SHARDSCOPE_UNROLL
                    for (int m = 0; m < m_tiles; ++m) {
                        SHARDSCOPE_UNROLL
                        for (int r = c; r < 4; r += 2)
                            dscores[m][n][r] = weights[m][n][r] * (dscores[m][n][r] - of_query);
                    }
                }
            }
            addWeightedRows<T, columns>(dkeys, dscores, query_sums, stage_row);
        }
        head = next_head;
        query = next_query;
        stage = 1 - stage;
    }
    if (row >= sequence) return;
    forEachElement(dkeys, [&](float& value, int, int) { value *= g.scale; });
    T* const to = dqkv + (sample * g.sequence + row) * g.qkv_stride;
    storeRows<T, columns>(to + g.keyColumn(key_head), g.qkv_stride, sequence - row, g, own + warp_first * row_bytes,
                          dkeys);
    storeRows<T, columns>(to + g.valueColumn(key_head), g.qkv_stride, sequence - row, g,
                          own + (rows + warp_first) * row_bytes, dvalues);
}

} // namespace

template <class T>
void keyGradientTiles(T* dqkv, const float* inner, const T* dout, const T* qkv, const float* lse,
                      const AttentionGeometry& g) {
    withTileColumns(tileColumns(g), [&]<int columns>() {
        launch("attention_backward_key",
               Grid{g.batch * g.key_heads * g.tiles(Tiles<columns>::rows), tile_threads, Tiles<columns>::shared_bytes},
               keyGradientKernel<T, columns>, dqkv, inner, dout, qkv, lse, g);
    });
}
#define INSTANTIATE(T)                                                                                                 \
    template void keyGradientTiles(T*, const float*, const T*, const T*, const float*, const AttentionGeometry&);
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
