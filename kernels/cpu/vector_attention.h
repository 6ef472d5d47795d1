// SPDX-License-Identifier: Apache-2.0
// Causal attention of one key/value head and the query heads that share it, one after the other. Queries go in blocks
// of a few dozen rows; a block's scores against all its keys are the only probabilities ever held, and the backward
// pass computes them again from lse. Operands are packed to float with the head size padded to sixteen, and every
// product is one small register-blocked loop.
#pragma once
#include "kernels/cpu/attention_layout.h"
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_table.h"

namespace shardscope::kernels::cpu::SHARDSCOPE_ISA {

// Rows x vectors of one register block: what 32, 16 and 16 registers of 64, 32 and 16 bytes hold.
#if defined(__AVX512F__)
inline constexpr int block_rows = 6, block_vectors = 4;
#elif defined(__AVX__)
inline constexpr int block_rows = 6, block_vectors = 1;
#else
inline constexpr int block_rows = 2, block_vectors = 1;
#endif

// A matrix read one element at a time: element (r, c) is data[r * row + c * column].
struct Strided {
    const float* data;
    int64_t row, column;
};

// c [R, 16 V] = (or +=) a [R, depth] * b [depth, 16 V]; every element sums in the order of depth.
template <int R, int V>
SHARDSCOPE_INLINE void multiplyBlock(float* c, int64_t c_stride, Strided a, const float* b, int64_t b_stride,
                                     int64_t depth, bool add) {
    F16 sum[R][V];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) sum[r][v] = add ? load(c + r * c_stride + v * width) : F16{};
    for (int64_t d = 0; d < depth; ++d) {
        F16 right[V];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) right[v] = load(b + d * b_stride + v * width);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            const F16 left = splat(a.data[r * a.row + d * a.column]);
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) sum[r][v] = mulAdd(left, right[v], sum[r][v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) store(c + r * c_stride + v * width, sum[r][v]);
}

template <int V>
void multiplyColumns(float* c, int64_t c_stride, Strided a, const float* b, int64_t b_stride, int64_t rows,
                     int64_t depth, bool add) {
    int64_t r = 0;
    auto at = [&](int64_t row) { return Strided{a.data + row * a.row, a.row, a.column}; };
    for (; r + block_rows <= rows; r += block_rows)
        multiplyBlock<block_rows, V>(c + r * c_stride, c_stride, at(r), b, b_stride, depth, add);
    for (; r + 2 <= rows; r += 2) multiplyBlock<2, V>(c + r * c_stride, c_stride, at(r), b, b_stride, depth, add);
    for (; r < rows; ++r) multiplyBlock<1, V>(c + r * c_stride, c_stride, at(r), b, b_stride, depth, add);
}

// c [rows, columns] = (or +=) a * b; columns a multiple of sixteen.
SHARDSCOPE_INLINE void multiply(float* c, int64_t c_stride, Strided a, const float* b, int64_t b_stride, int64_t rows,
                                int64_t columns, int64_t depth, bool add) {
    int64_t j = 0;
    for (; j + block_vectors * width <= columns; j += block_vectors * width)
        multiplyColumns<block_vectors>(c + j, c_stride, a, b + j, b_stride, rows, depth, add);
    if constexpr (block_vectors > 2)
        for (; j + 2 * width <= columns; j += 2 * width)
            multiplyColumns<2>(c + j, c_stride, a, b + j, b_stride, rows, depth, add);
    for (; j < columns; j += width) multiplyColumns<1>(c + j, c_stride, a, b + j, b_stride, rows, depth, add);
}

// to [rows, padded] = factor * from [rows, size]
template <class T>
void packRows(float* to, int64_t padded, const T* from, int64_t stride, int64_t rows, int64_t size, float factor) {
    for (int64_t r = 0; r < rows; ++r) {
        forEachVector(0, size, [&](int64_t i, auto lanes) {
            store(to + r * padded + i, load(from + r * stride + i, lanes) * factor);
        });
    }
}

// to [size, padded rows] = transposed from [rows, padded size]; missing rows are zero. `from` is packed: the rows of
// qkv lie whole pages apart and would evict each other from the cache.
SHARDSCOPE_INLINE void transpose(float* to, int64_t padded_rows, const float* from, int64_t stride, int64_t rows,
                                 int64_t size) {
    int64_t r = 0;
    for (; r + width <= rows; r += width)
        for (int64_t c = 0; c < size; ++c) {
            const float* f = from + r * stride + c;
            const int64_t s = stride;
            store(to + c * padded_rows + r,
                  F16{f[0], f[s], f[2 * s], f[3 * s], f[4 * s], f[5 * s], f[6 * s], f[7 * s], f[8 * s], f[9 * s],
                      f[10 * s], f[11 * s], f[12 * s], f[13 * s], f[14 * s], f[15 * s]});
        }
    for (; r < padded_rows; ++r)
        for (int64_t c = 0; c < size; ++c) to[c * padded_rows + r] = r < rows ? from[r * stride + c] : 0.0f;
}

template <class T>
void unpackRows(T* to, int64_t stride, const float* from, int64_t padded, int64_t rows, int64_t size) {
    for (int64_t r = 0; r < rows; ++r)
        forEachVector(0, size,
                      [&](int64_t i, auto lanes) { store(to + r * stride + i, load(from + r * padded + i), lanes); });
}

template <class T>
void attentionForwardGroup(T* out, float* lse, const T* q, const T* k, const T* v, float* scratch,
                           const AttentionLayout& at) {
    const AttentionShape& shape = at.shape;
    const int64_t stride = at.qkv_stride;
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(at.size));
    float *keys_t = scratch + at.keys_t, *values = scratch + at.values, *queries = scratch + at.queries,
          *scores = scratch + at.scores, *result = scratch + at.result, *row_sums = scratch + at.sums;
    float* keys = scratch + at.dkeys; // unused in this direction
    packRows(keys, at.padded, k, stride, shape.sequence, at.size, 1.0f);
    transpose(keys_t, at.padded_sequence, keys, at.padded, shape.sequence, at.size);
    packRows(values, at.padded, v, stride, shape.sequence, at.size, 1.0f);
    for (int64_t member = 0; member < at.group; ++member, out += at.size, q += at.size, lse += shape.sequence)
        for (int64_t first = 0; first < shape.sequence; first += AttentionLayout::block) {
            const int64_t rows = smaller(AttentionLayout::block, shape.sequence - first);
            const int64_t seen_by_last = first + rows;
            packRows(queries, at.padded, q + first * stride, stride, rows, at.size, scale);
            multiply(scores, at.padded_sequence, {queries, at.padded, 1}, keys_t, at.padded_sequence, rows,
                     paddedTo16(seen_by_last), at.size, false);
            for (int64_t r = 0; r < rows; ++r) {
                float* row = scores + r * at.padded_sequence;
                const int64_t seen = first + r + 1;
                F16 high = splat(-__builtin_inff());
                forEachVector(0, seen, [&](int64_t i, auto lanes) {
                    high = maxOf(high, keep(load(row + i, lanes), -__builtin_inff(), lanes));
                });
                const float highest = maxLanes(high);
                F16 sums = {};
                forEachVector(0, seen, [&](int64_t i, auto lanes) {
                    const F16 p = keep(exponential(load(row + i, lanes) - highest), 0.0f, lanes);
                    sums += p;
                    store(row + i, p);
                });
                for (int64_t i = paddedTo16(seen); i < seen_by_last; ++i) row[i] = 0.0f;
                const float sum = sumLanes(sums);
                lse[first + r] = highest + __builtin_logf(sum);
                row_sums[r] = sum;
            }
            multiply(result, at.padded, {scores, at.padded_sequence, 1}, values, at.padded, rows, at.padded,
                     seen_by_last, false);
            for (int64_t r = 0; r < rows; ++r) {
                T* out_row = out + (first + r) * shape.channels;
                const float share = 1.0f / row_sums[r];
                forEachVector(0, at.size, [&](int64_t i, auto lanes) {
                    store(out_row + i, load(result + r * at.padded + i) * share, lanes);
                });
            }
        }
}

// dq of one query head; dkeys and dvalues are written by the first head of a group and added to by the others.
template <class T>
void attentionBackwardMember(T* dq, const T* dout, const T* out, const T* q, const float* lse, float* scratch,
                             const AttentionLayout& at, bool add) {
    const AttentionShape& shape = at.shape;
    const int64_t stride = at.qkv_stride, sequence = shape.sequence, wide = at.padded_sequence;
    const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(at.size));
    float *keys_t = scratch + at.keys_t, *values_t = scratch + at.values_t, *keys = scratch + at.keys,
          *queries = scratch + at.queries, *douts = scratch + at.douts, *scores = scratch + at.scores,
          *dscores = scratch + at.dscores, *result = scratch + at.result, *dkeys = scratch + at.dkeys,
          *dvalues = scratch + at.dvalues;
    for (int64_t first = 0; first < sequence; first += AttentionLayout::block) {
        const int64_t rows = smaller(AttentionLayout::block, sequence - first);
        const int64_t seen_by_last = first + rows, columns = paddedTo16(seen_by_last);
        packRows(queries, at.padded, q + first * stride, stride, rows, at.size, scale);
        packRows(douts, at.padded, dout + first * shape.channels, shape.channels, rows, at.size, 1.0f);
        multiply(scores, wide, {queries, at.padded, 1}, keys_t, wide, rows, columns, at.size, false);
        multiply(dscores, wide, {douts, at.padded, 1}, values_t, wide, rows, columns, at.size, false);
        for (int64_t r = 0; r < rows; ++r) {
            const T* out_row = out + (first + r) * shape.channels;
            float *p_row = scores + r * wide, *d_row = dscores + r * wide;
            F16 products = {};
            forEachVector(0, at.size, [&](int64_t i, auto lanes) {
                products += load(out_row + i, lanes) * load(douts + r * at.padded + i, lanes);
            });
            const float inner = sumLanes(products), shift = lse[first + r];
            const int64_t seen = first + r + 1;
            forEachVector(0, seen, [&](int64_t i, auto lanes) {
                const F16 p = keep(exponential(load(p_row + i) - shift), 0.0f, lanes);
                store(d_row + i, keep(p * (load(d_row + i) - inner), 0.0f, lanes));
                store(p_row + i, p);
            });
            for (int64_t i = paddedTo16(seen); i < columns; ++i) p_row[i] = d_row[i] = 0.0f;
        }
        multiply(result, at.padded, {dscores, wide, 1}, keys, at.padded, rows, at.padded, seen_by_last, false);
        for (int64_t r = 0; r < rows; ++r)
            forEachVector(0, at.size, [&](int64_t i, auto lanes) {
                store(dq + (first + r) * stride + i, load(result + r * at.padded + i) * scale, lanes);
            });
        // Rows of dkeys and dvalues that this block is the first to reach are written, the earlier ones added to.
        const Strided dscores_t = {dscores, 1, wide}, scores_t = {scores, 1, wide};
        multiply(dkeys, at.padded, dscores_t, queries, at.padded, first, at.padded, rows, true);
        multiply(dvalues, at.padded, scores_t, douts, at.padded, first, at.padded, rows, true);
        multiply(dkeys + first * at.padded, at.padded, {dscores + first, 1, wide}, queries, at.padded, rows, at.padded,
                 rows, add);
        multiply(dvalues + first * at.padded, at.padded, {scores + first, 1, wide}, douts, at.padded, rows, at.padded,
                 rows, add);
    }
}

template <class T>
void attentionBackwardGroup(T* dq, T* dk, T* dv, const T* dout, const T* out, const T* q, const T* k, const T* v,
                            const float* lse, float* scratch, const AttentionLayout& at) {
    const int64_t stride = at.qkv_stride, sequence = at.shape.sequence;
    float *keys = scratch + at.keys, *dkeys = scratch + at.dkeys, *dvalues = scratch + at.dvalues;
    packRows(dvalues, at.padded, v, stride, sequence, at.size, 1.0f); // only to be transposed
    transpose(scratch + at.values_t, at.padded_sequence, dvalues, at.padded, sequence, at.size);
    packRows(keys, at.padded, k, stride, sequence, at.size, 1.0f);
    transpose(scratch + at.keys_t, at.padded_sequence, keys, at.padded, sequence, at.size);
    for (int64_t member = 0; member < at.group; ++member) {
        const int64_t at_head = member * at.size;
        attentionBackwardMember(dq + at_head, dout + at_head, out + at_head, q + at_head, lse + member * sequence,
                                scratch, at, member > 0);
    }
    unpackRows(dk, stride, dkeys, at.padded, sequence, at.size);
    unpackRows(dv, stride, dvalues, at.padded, sequence, at.size);
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
