// SPDX-License-Identifier: Apache-2.0
// The gradient of attention's queries on tensor cores (Dao 2023, arXiv:2307.08691, section 3.1, algorithm 2), by a
// kernel of its own: FlashAttention-2 adds to dq from the blocks of all keys, in the order in which they happen to
// come; here a block owns 128 queries, computes the weights again from lse and adds over the keys in order, which costs
// two more products but gives the same bits whatever the grid. Before that it computes each query's product of dout and
// out
// ("D" in the paper), which the gradients of keys and values need too.
#include "kernels/cuda/attention_tiles.h"

namespace shardscope::kernels::cuda {
namespace {

constexpr int m_tiles = 2, warp_rows = m_tiles * 16, rows = tile_warps * warp_rows;

// Tiles of 64 keys where the registers suffice for two products of them.
template <int columns> constexpr int keysOf() { return columns <= 64 ? 64 : 32; }
template <int columns> constexpr int sharedBytes() {
    return (2 * rows + 4 * keysOf<columns>()) * TileLayout<columns>::row_bytes + rows * 4;
}

// inner[r] = product of row r of dout and out, for the `existing` first rows of a warp, else 0; by neighbouring lanes.
template <class T, int columns>
__device__ void innerProducts(float* inner, const T* dout, const T* out, int existing, const AttentionGeometry& g) {
    constexpr int lanes = columns == 32 ? 4 : columns == 64 ? 8 : 16;
    const int piece = laneNumber() % lanes;
    SHARDSCOPE_UNROLL
    for (int first = 0; first < warp_rows; first += warp_size / lanes) {
        const int row = first + laneNumber() / lanes;
        float sum = 0;
        if (row < existing && piece * 8 < static_cast<int>(g.size)) {
            const int64_t at = row * g.out_stride + piece * 8;
            const Piece a = *reinterpret_cast<const Piece*>(dout + at), b = *reinterpret_cast<const Piece*>(out + at);
            SHARDSCOPE_UNROLL
            for (int i = 0; i < 4; ++i) {
                float a_low, a_high, b_low, b_high;
                widen(T(), a.pairs[i], a_low, a_high);
                widen(T(), b.pairs[i], b_low, b_high);
                sum += a_low * b_low;
                sum += a_high * b_high;
            }
        }
        SHARDSCOPE_UNROLL
        for (int distance = lanes / 2; distance > 0; distance /= 2) sum += __shfl_xor_sync(whole_warp, sum, distance);
        if (piece == 0) inner[row] = sum;
    }
    __syncwarp();
}

template <class T, int columns>
__global__ void __launch_bounds__(tile_threads, 2)
    queryGradientKernel(T* dqkv, float* inner, const T* dout, const T* out, const T* qkv, const float* lse,
                        AttentionGeometry g) {
    SHARDSCOPE_DYNAMIC_SHARED(SharedLine, shared);
    constexpr int row_bytes = TileLayout<columns>::row_bytes, keys = keysOf<columns>(), n_tiles = keys / 8;
    char* const own = reinterpret_cast<char*>(shared);
    const SharedAddress queries_at = sharedAddress(own), douts_at = queries_at + rows * row_bytes,
                        keys_at = douts_at + rows * row_bytes, values_at = keys_at + 2 * keys * row_bytes;
    // The last queries, which have most keys, go first.
    const int heads = static_cast<int>(g.batch * g.heads), sequence = static_cast<int>(g.sequence);
    const int place = static_cast<int>(blockIdx.x) % heads, head = place % static_cast<int>(g.heads);
    const int first_row = (static_cast<int>(g.tiles(rows)) - 1 - static_cast<int>(blockIdx.x) / heads) * rows;
    const int64_t sample = place / static_cast<int>(g.heads), key_head = head / static_cast<int>(g.heads / g.key_heads);
    const T* const of_sample = qkv + sample * g.sequence * g.qkv_stride;
    TileCopies<columns, T> copies(of_sample + g.keyColumn(key_head), g.qkv_stride, 0, g); // of keys and values
    const int64_t out_head = sample * g.sequence * g.out_stride + head * g.size;

    const int warp_first = static_cast<int>(threadIdx.x / warp_size) * warp_rows, row = first_row + warp_first;
    const LaneRows<columns> query_lanes = leftRows<columns>(queries_at + warp_first * row_bytes),
                            dout_lanes = leftRows<columns>(douts_at + warp_first * row_bytes),
                            key_lanes = rightRows<columns>(keys_at), value_lanes = rightRows<columns>(values_at),
                            key_sums = leftRows<columns>(keys_at);
    auto ask = [&](int key) { // the tile from there on, which is that after the last
        const int stage = key % (2 * keys) * row_bytes;
        copies.template ask<keys>(keys_at + stage, g.qkv_stride);
        copies.template ask<keys>(values_at + stage, g.qkv_stride, g.key_heads * g.size);
        copies.advance(keys, keys * g.qkv_stride);
        commitCopies();
    };
    TileCopies<columns, T>(of_sample + g.queryColumn(head), g.qkv_stride, first_row, g)
        .template ask<rows>(queries_at, g.qkv_stride);
    TileCopies<columns, T>(dout + out_head, g.out_stride, first_row, g).template ask<rows>(douts_at, g.out_stride);
    ask(0);

    float of_row[m_tiles][2], log_sum[m_tiles][2]; // inner, and lse as a power of two
    {
        float* const warp_inner = reinterpret_cast<float*>(own + (2 * rows + 4 * keys) * row_bytes) + warp_first;
        const int64_t at = out_head + row * g.out_stride, of_head = place * g.sequence + row;
        innerProducts<T, columns>(warp_inner, dout + at, out + at, sequence - row, g);
        if (row + laneNumber() < sequence) inner[of_head + laneNumber()] = warp_inner[laneNumber()];
        SHARDSCOPE_UNROLL
        for (int m = 0; m < m_tiles; ++m) {
            SHARDSCOPE_UNROLL
            for (int half = 0; half < 2; ++half) {
                const int r = m * 16 + half * 8 + laneNumber() / 4;
                of_row[m][half] = warp_inner[r];
                log_sum[m][half] = row + r < sequence ? lse[of_head + r] * log2_e : 0.0f;
            }
        }
    }

    const float to_power = g.scale * log2_e;
    float result[m_tiles][columns / 8][4] = {};
    const int last = first_row + rows < sequence ? first_row + rows : sequence;
    for (int key = 0; key < last; key += keys) {
        awaitCopies<0>();
        __syncthreads(); // for all threads; and nobody reads the other stage any more
        if (key + keys < last) ask(key + keys);
        const int stage_row = key % (2 * keys);
        if (key >= row + warp_rows || row >= sequence) continue; // wholly behind the warp's queries
        float scores[m_tiles][n_tiles][4], dweights[m_tiles][n_tiles][4];
        multiplyByRows<T>(scores, query_lanes, 0, key_lanes, stage_row);
        multiplyByRows<T>(dweights, dout_lanes, 0, value_lanes, stage_row);
        if (key + keys > row + 1)
            forEachElement(scores, [&](float& score, int r, int c) {
                if (key + c > row + r) score = -INFINITY;
            });
        SHARDSCOPE_UNROLL
        for (int m = 0; m < m_tiles; ++m) {
            SHARDSCOPE_UNROLL
            for (int n = 0; n < n_tiles; ++n) {
                SHARDSCOPE_UNROLL
                for (int r = 0; r < 4; ++r) {
                    const float weight = powerOfTwo(scores[m][n][r] * to_power - log_sum[m][r / 2]);
                    scores[m][n][r] = weight * (dweights[m][n][r] - of_row[m][r / 2]); // now their gradients
                }
            }
        }
        addWeightedRows<T, columns>(result, scores, key_sums, stage_row);
    }
    if (row >= sequence) return;
    forEachElement(result, [&](float& value, int, int) { value *= g.scale; });
    storeRows<T, columns>(dqkv + (sample * g.sequence + row) * g.qkv_stride + g.queryColumn(head), g.qkv_stride,
                          sequence - row, g, own + warp_first * row_bytes, result);
}

} // namespace

template <class T>
void queryGradientTiles(T* dqkv, float* inner, const T* dout, const T* out, const T* qkv, const float* lse,
                        const AttentionGeometry& g) {
    withTileColumns(tileColumns(g), [&]<int columns>() {
        launch("attention_backward_query",
               Grid{g.batch * g.heads * g.tiles(rows), tile_threads, sharedBytes<columns>()},
               queryGradientKernel<T, columns>, dqkv, inner, dout, out, qkv, lse, g);
    });
}
#define INSTANTIATE(T)                                                                                                 \
    template void queryGradientTiles(T*, float*, const T*, const T*, const T*, const float*, const AttentionGeometry&);
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
