// SPDX-License-Identifier: Apache-2.0
// Causal attention without stored scores (Dao et al. 2022). Sixteen-bit types go to the kernels for tensor cores where
// rows of heads start on 16 bytes; the kernels here compute in float for any head of up to 256 channels: a warp owns a
// row (a query forward and for dq, a key for dk and dv) and walks over tiles of 32 rows of the other side in shared
// memory, a row per lane. A block's warps share the tiles. Sums run over the tiles in order and over a tile's rows in
// order, whatever the grid.
#include "kernels/cuda/attention_geometry.h"
#include <cassert>

namespace shardscope::kernels::cuda {
namespace {

constexpr int warps = 8, threads = warps * warp_size, tile = warp_size;
constexpr int most_channels = 256, of_lane = most_channels / warp_size; // of one head

// Rows [first, first + tile) of a matrix into shared memory [tile][size + 1]; zero beyond the last.
template <class T>
__device__ void loadRows(float* to, const T* from, int64_t stride, int64_t first, int64_t rows, int64_t size) {
    for (int64_t e = threadIdx.x; e < tile * size; e += threads) {
        const int64_t r = e / size, c = e % size;
        to[r * (size + 1) + c] = first + r < rows ? static_cast<float>(from[(first + r) * stride + c]) : 0.0f;
    }
}

__device__ inline float dotShared(const float* a, const float* b, int64_t size) {
    float sum = 0;
    for (int64_t c = 0; c < size; ++c) sum += a[c] * b[c];
    return sum;
}

// Shared memory of a block: `tiles` tiles and one row per warp for each of `rows` matrices.
int64_t sharedBytes(int64_t size, int tiles, int rows) {
    return static_cast<int64_t>(sizeof(float)) * (size + 1) * (tiles * tile + rows * warps);
}

template <class T> __global__ void forwardKernel(T* out, float* lse, const T* qkv, AttentionGeometry g) {
    SHARDSCOPE_DYNAMIC_SHARED(float, shared);
    const int64_t pitch = g.size + 1;
    float *keys = shared, *values = keys + tile * pitch, *queries = values + tile * pitch;
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int64_t row_tiles = g.tiles(warps);
    const int64_t first_row = blockIdx.x % row_tiles * warps, head = blockIdx.x / row_tiles % g.heads;
    const int64_t sample = blockIdx.x / row_tiles / g.heads, key_head = head / (g.heads / g.key_heads);
    const T* rows = qkv + sample * g.sequence * g.qkv_stride;
    const int64_t i = first_row + warp; // the query
    float* query = queries + warp * pitch;
    for (int64_t c = lane; c < g.size; c += warp_size)
        query[c] = i < g.sequence ? static_cast<float>(rows[i * g.qkv_stride + g.queryColumn(head) + c]) : 0.0f;

    float highest = -INFINITY, sum = 0, result[of_lane] = {};
    const int64_t last = first_row + warps < g.sequence ? first_row + warps : g.sequence;
    for (int64_t j0 = 0; j0 < last; j0 += tile) {
        __syncthreads();
        loadRows(keys, rows + g.keyColumn(key_head), g.qkv_stride, j0, g.sequence, g.size);
        loadRows(values, rows + g.valueColumn(key_head), g.qkv_stride, j0, g.sequence, g.size);
        __syncthreads();
        const bool seen = j0 + lane <= i;
        const float score = seen ? g.scale * dotShared(query, keys + lane * pitch, g.size) : -INFINITY;
        const float tile_highest = warpMax(score), before = highest;
        highest = before < tile_highest ? tile_highest : before;
        if (highest == -INFINITY) continue; // a tile wholly behind the query, for the whole warp
        const float p = seen ? expf(score - highest) : 0.0f, shrink = expf(before - highest);
        sum = sum * shrink + warpSum(p);
        for (int c = 0; c < of_lane; ++c) result[c] *= shrink;
        for (int j = 0; j < tile; ++j) {
            const float of_key = __shfl_sync(whole_warp, p, j);
            for (int c = 0; c < of_lane; ++c)
                if (c * warp_size + lane < g.size) result[c] += of_key * values[j * pitch + c * warp_size + lane];
        }
    }
    if (i >= g.sequence) return;
    T* to = out + (sample * g.sequence + i) * g.out_stride + head * g.size;
    for (int c = 0; c < of_lane; ++c)
        if (c * warp_size + lane < g.size) to[c * warp_size + lane] = T(result[c] / sum);
    if (lane == 0) lse[(sample * g.heads + head) * g.sequence + i] = highest + logf(sum);
}

template <class T>
__global__ void queryGradientKernel(T* dqkv, const T* dout, const T* out, const T* qkv, const float* lse,
                                    AttentionGeometry g) {
    SHARDSCOPE_DYNAMIC_SHARED(float, shared);
    const int64_t pitch = g.size + 1;
    float *keys = shared, *values = keys + tile * pitch, *queries = values + tile * pitch,
          *douts = queries + warps * pitch;
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int64_t row_tiles = g.tiles(warps);
    const int64_t first_row = blockIdx.x % row_tiles * warps, head = blockIdx.x / row_tiles % g.heads;
    const int64_t sample = blockIdx.x / row_tiles / g.heads, key_head = head / (g.heads / g.key_heads);
    const T* rows = qkv + sample * g.sequence * g.qkv_stride;
    const int64_t i = first_row + warp, at = (sample * g.sequence + i) * g.out_stride + head * g.size;
    const bool exists = i < g.sequence;
    float *query = queries + warp * pitch, *gradient = douts + warp * pitch, inner = 0;
    for (int64_t c = lane; c < g.size; c += warp_size) {
        query[c] = exists ? static_cast<float>(rows[i * g.qkv_stride + g.queryColumn(head) + c]) : 0.0f;
        gradient[c] = exists ? static_cast<float>(dout[at + c]) : 0.0f;
        if (exists) inner += gradient[c] * static_cast<float>(out[at + c]);
    }
    inner = warpSum(inner);
    const float log_sum = exists ? lse[(sample * g.heads + head) * g.sequence + i] : 0.0f;

    float result[of_lane] = {};
    const int64_t last = first_row + warps < g.sequence ? first_row + warps : g.sequence;
    for (int64_t j0 = 0; j0 < last; j0 += tile) {
        __syncthreads();
        loadRows(keys, rows + g.keyColumn(key_head), g.qkv_stride, j0, g.sequence, g.size);
        loadRows(values, rows + g.valueColumn(key_head), g.qkv_stride, j0, g.sequence, g.size);
        __syncthreads();
        float dscore = 0;
        if (exists && j0 + lane <= i) {
            const float p = expf(g.scale * dotShared(query, keys + lane * pitch, g.size) - log_sum);
            dscore = g.scale * p * (dotShared(gradient, values + lane * pitch, g.size) - inner);
        }
        for (int j = 0; j < tile; ++j) {
            const float of_key = __shfl_sync(whole_warp, dscore, j);
            for (int c = 0; c < of_lane; ++c)
                if (c * warp_size + lane < g.size) result[c] += of_key * keys[j * pitch + c * warp_size + lane];
        }
    }
    if (!exists) return;
    T* to = dqkv + (sample * g.sequence + i) * g.qkv_stride + g.queryColumn(head);
    for (int c = 0; c < of_lane; ++c)
        if (c * warp_size + lane < g.size) to[c * warp_size + lane] = T(result[c]);
}

template <class T>
__global__ void keyGradientKernel(T* dqkv, const T* dout, const T* out, const T* qkv, const float* lse,
                                  AttentionGeometry g) {
    SHARDSCOPE_DYNAMIC_SHARED(float, shared);
    const int64_t pitch = g.size + 1;
    float *queries = shared, *douts = queries + tile * pitch, *keys = douts + tile * pitch,
          *values = keys + warps * pitch;
    __shared__ float inner[tile], log_sums[tile]; // by query of the tile
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int64_t row_tiles = g.tiles(warps);
    const int64_t first_row = blockIdx.x % row_tiles * warps, key_head = blockIdx.x / row_tiles % g.key_heads;
    const int64_t sample = blockIdx.x / row_tiles / g.key_heads, group = g.heads / g.key_heads;
    const T* rows = qkv + sample * g.sequence * g.qkv_stride;
    const int64_t j = first_row + warp; // the key
    const bool exists = j < g.sequence;
    float *key = keys + warp * pitch, *value = values + warp * pitch;
    for (int64_t c = lane; c < g.size; c += warp_size) {
        key[c] = exists ? static_cast<float>(rows[j * g.qkv_stride + g.keyColumn(key_head) + c]) : 0.0f;
        value[c] = exists ? static_cast<float>(rows[j * g.qkv_stride + g.valueColumn(key_head) + c]) : 0.0f;
    }

    float dkey[of_lane] = {}, dvalue[of_lane] = {};
    for (int64_t head = key_head * group; head < (key_head + 1) * group; ++head)
        for (int64_t i0 = first_row / tile * tile; i0 < g.sequence; i0 += tile) {
            const T* dout_rows = dout + sample * g.sequence * g.out_stride + head * g.size;
            const T* out_rows = out + sample * g.sequence * g.out_stride + head * g.size;
            __syncthreads();
            loadRows(queries, rows + g.queryColumn(head), g.qkv_stride, i0, g.sequence, g.size);
            loadRows(douts, dout_rows, g.out_stride, i0, g.sequence, g.size);
            __syncthreads();
            for (int64_t r = warp; r < tile; r += warps) {
                float sum = 0;
                if (i0 + r < g.sequence)
                    for (int64_t c = lane; c < g.size; c += warp_size)
                        sum += douts[r * pitch + c] * static_cast<float>(out_rows[(i0 + r) * g.out_stride + c]);
                sum = warpSum(sum);
                if (lane == 0) {
                    inner[r] = sum;
                    log_sums[r] = i0 + r < g.sequence ? lse[(sample * g.heads + head) * g.sequence + i0 + r] : INFINITY;
                }
            }
            __syncthreads();
            float p = 0, dscore = 0; // of the lane's query and the warp's key
            if (exists && i0 + lane >= j && i0 + lane < g.sequence) {
                p = expf(g.scale * dotShared(key, queries + lane * pitch, g.size) - log_sums[lane]);
                dscore = g.scale * p * (dotShared(value, douts + lane * pitch, g.size) - inner[lane]);
            }
            for (int i = 0; i < tile; ++i) {
                const float of_dscore = __shfl_sync(whole_warp, dscore, i), of_p = __shfl_sync(whole_warp, p, i);
                for (int c = 0; c < of_lane; ++c)
                    if (c * warp_size + lane < g.size) {
                        dkey[c] += of_dscore * queries[i * pitch + c * warp_size + lane];
                        dvalue[c] += of_p * douts[i * pitch + c * warp_size + lane];
                    }
            }
        }
    if (!exists) return;
    T* to = dqkv + (sample * g.sequence + j) * g.qkv_stride;
    for (int c = 0; c < of_lane; ++c)
        if (const int64_t channel = c * warp_size + lane; channel < g.size) {
            to[g.keyColumn(key_head) + channel] = T(dkey[c]);
            to[g.valueColumn(key_head) + channel] = T(dvalue[c]);
        }
}

template <class... Tensors> bool takesTensorCores(const AttentionGeometry& g, Tensors*... tensors) {
    return tileColumns(g) != 0 && ((reinterpret_cast<uintptr_t>(tensors) % 16 == 0) && ...);
}

} // namespace

template <class T> void attentionForward(T* out, float* lse, const T* qkv, float*, AttentionShape shape) {
    const AttentionGeometry g(shape);
    if constexpr (sizeof(T) == 2)
        if (takesTensorCores(g, out, qkv)) return attentionForwardTiles(out, lse, qkv, g);
    assert(g.size <= most_channels);
    launch("attention_forward", Grid{g.batch * g.heads * g.tiles(warps), threads, sharedBytes(g.size, 2, 1)},
           forwardKernel<T>, out, lse, qkv, g);
}

template <class T>
void attentionBackward(T* dqkv, const T* dout, const T* out, const T* qkv, const float* lse, float* workspace,
                       AttentionShape shape) {
    const AttentionGeometry g(shape);
    if constexpr (sizeof(T) == 2)
        if (takesTensorCores(g, dqkv, dout, out, qkv)) {
            queryGradientTiles(dqkv, workspace, dout, out, qkv, lse, g);
            return keyGradientTiles(dqkv, workspace, dout, qkv, lse, g);
        }
    assert(g.size <= most_channels);
    launch("attention_backward_query", Grid{g.batch * g.heads * g.tiles(warps), threads, sharedBytes(g.size, 2, 2)},
           queryGradientKernel<T>, dqkv, dout, out, qkv, lse, g);
    launch("attention_backward_key", Grid{g.batch * g.key_heads * g.tiles(warps), threads, sharedBytes(g.size, 2, 2)},
           keyGradientKernel<T>, dqkv, dout, out, qkv, lse, g);
}

#define INSTANTIATE(T)                                                                                                 \
    template void attentionForward(T*, float*, const T*, float*, AttentionShape);                                      \
    template void attentionBackward(T*, const T*, const T*, const T*, const float*, float*, AttentionShape);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
