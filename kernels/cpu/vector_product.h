// SPDX-License-Identifier: Apache-2.0
// The matrix product of the sixteen-bit types (float has oneDNN's), with sums in float: both operands are packed into
// strips as wide as one block of registers (Goto & van de Geijn 2008), widened to float on the way, so that the
// sixteen-bit types cost no pass of their own; what belongs to the result (bias, addition, rounding) happens while a
// block is in the first-level cache. Every element sums over k in order within parts of `product_depth`, and the parts
// in order: its bits depend neither on its neighbours nor on how the product is divided among threads.
#pragma once
#include "kernels/cpu/vector.h"
#include "kernels/cpu/vector_table.h"

namespace shardscope::kernels::cpu::SHARDSCOPE_ISA {

// Rows and vectors of one block: 24 of 32 registers of 64 bytes, 8 of 16 of the smaller ones. Rows divide sixteen.
#if defined(__AVX512F__)
inline constexpr int strip_rows = 8, strip_vectors = 3;
#elif defined(__AVX__)
inline constexpr int strip_rows = 4, strip_vectors = 1;
#else
inline constexpr int strip_rows = 2, strip_vectors = 1;
#endif
inline constexpr int prefetch_steps = 8;
static_assert(strip_vectors * width <= product_columns);

// Lane j of row i becomes lane i of row j.
SHARDSCOPE_INLINE void transposeBlock(F16 (&rows)[16]) {
#if defined(__AVX512F__)
    __m512 a[16], b[16];
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps((__m512)rows[i], (__m512)rows[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps((__m512)rows[i], (__m512)rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int k = 0; k < 2; ++k) {
            const __m512d low = _mm512_castps_pd(a[i + k]), high = _mm512_castps_pd(a[i + 2 + k]);
            b[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            b[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    for (int i = 0; i < 4; ++i) { // quarters of four rows onto each other
        const __m512 low02 = _mm512_shuffle_f32x4(b[i], b[4 + i], 0x88),
                     low13 = _mm512_shuffle_f32x4(b[i], b[4 + i], 0xdd);
        const __m512 high02 = _mm512_shuffle_f32x4(b[8 + i], b[12 + i], 0x88),
                     high13 = _mm512_shuffle_f32x4(b[8 + i], b[12 + i], 0xdd);
        rows[i] = (F16)_mm512_shuffle_f32x4(low02, high02, 0x88);
        rows[8 + i] = (F16)_mm512_shuffle_f32x4(low02, high02, 0xdd);
        rows[4 + i] = (F16)_mm512_shuffle_f32x4(low13, high13, 0x88);
        rows[12 + i] = (F16)_mm512_shuffle_f32x4(low13, high13, 0xdd);
    }
#else
    float m[16][16];
    for (int i = 0; i < 16; ++i) store(m[i], rows[i]);
    for (int j = 0; j < 16; ++j)
        rows[j] = F16{m[0][j], m[1][j], m[2][j],  m[3][j],  m[4][j],  m[5][j],  m[6][j],  m[7][j],
                      m[8][j], m[9][j], m[10][j], m[11][j], m[12][j], m[13][j], m[14][j], m[15][j]};
#endif
}

// put(d, values of up to sixteen neighbours at depth d; missing ones are zero) for every depth. Stored as
// [depth, neighbours] or, transposed, as [neighbours, depth].
template <class T, class Put>
SHARDSCOPE_INLINE void forEachDepth(const T* from, int64_t stride, bool transposed, int64_t neighbours, int64_t depth,
                                    Put put) {
    if (!transposed) {
        if (neighbours >= width)
            for (int64_t d = 0; d < depth; ++d) put(d, load(from + d * stride));
        else
            for (int64_t d = 0; d < depth; ++d) put(d, load(from + d * stride, Part{neighbours}));
        return;
    }
    forEachVector(0, depth, [&](int64_t d, auto lanes) {
        F16 rows[16];
#pragma GCC unroll 16
        for (int64_t i = 0; i < width; ++i) rows[i] = i < neighbours ? load(from + i * stride + d, lanes) : F16{};
        transposeBlock(rows);
        const int64_t count = smaller(width, depth - d);
#pragma GCC unroll 16
        for (int64_t i = 0; i < width; ++i)
            if (i < count) put(d + i, rows[i]);
    });
}

// Strips of strip_rows rows, each [depth, strip_rows].
template <class T>
void packRowStrips(float* to, const T* from, int64_t stride, bool transposed, int64_t rows, int64_t depth) {
    for (int64_t r = 0; r < rows; r += width, to += width * depth)
        forEachDepth(transposed ? from + r : from + r * stride, stride, !transposed, rows - r, depth,
                     [=](int64_t d, F16 values) {
                         for (int64_t s = 0; s < width / strip_rows; ++s)
                             __builtin_memcpy(to + s * strip_rows * depth + d * strip_rows,
                                              reinterpret_cast<const char*>(&values) + s * strip_rows * sizeof(float),
                                              strip_rows * sizeof(float));
                     });
}

// One strip [depth, vectors * 16].
template <class T>
void packColumnStrip(float* to, const T* from, int64_t stride, bool transposed, int64_t columns, int64_t vectors,
                     int64_t depth) {
    for (int64_t v = 0; v < vectors; ++v)
        forEachDepth(transposed ? from + v * width * stride : from + v * width, stride, transposed, columns - v * width,
                     depth, [=](int64_t d, F16 values) { store(to + (d * vectors + v) * width, values); });
}

// What a block of sums becomes: kept for the next part of k, or finished into c.
template <class T> struct BlockResult {
    T* c;
    int64_t ldc;
    float* sums; // of the parts so far
    int64_t ld_sums;
    const T* bias;
    bool first, last, add;
};

template <class T>
void finishBlock(const float* block, int64_t block_stride, const BlockResult<T>& to, int64_t row, int64_t column,
                 int64_t rows, int64_t columns) {
    for (int64_t r = 0; r < rows; ++r) {
        T* c = to.c + (row + r) * to.ldc + column;
        float* kept = to.sums + (row + r) * to.ld_sums + column;
        const float* sums = block + r * block_stride;
        forEachVector(0, columns, [&](int64_t i, auto lanes) {
            F16 sum = load(sums + i, lanes);
            if (!to.first) {
                sum += load(kept + i, lanes);
            } else {
                if (to.add) sum += load(c + i, lanes);
                if (to.bias) sum += load(to.bias + column + i, lanes);
            }
            if (to.last)
                store(c + i, sum, lanes);
            else
                store(kept + i, sum, lanes);
        });
    }
}

// block [strip_rows, V * 16] = rows [depth, strip_rows]^T * columns [depth, V * 16]. The columns come from the
// second-level cache, which a few lines' notice hides.
template <int V>
SHARDSCOPE_INLINE void multiplyStrips(float* block, const float* rows, const float* columns, int64_t depth) {
    F16 sum[strip_rows][V] = {};
    for (int64_t d = 0; d < depth; ++d, rows += strip_rows, columns += V * width) {
        F16 right[V];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) right[v] = load(columns + v * width);
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) __builtin_prefetch(columns + (prefetch_steps * V + v) * width);
#pragma GCC unroll 16
        for (int r = 0; r < strip_rows; ++r) {
            const F16 left = splat(rows[r]);
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) sum[r][v] = mulAdd(left, right[v], sum[r][v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < strip_rows; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) store(block + (r * V + v) * width, sum[r][v]);
}

template <int V, class T>
void multiplyStrip(const BlockResult<T>& to, const float* row_strips, const float* column_strip, int64_t rows,
                   int64_t column, int64_t columns, int64_t depth) {
    alignas(64) float block[strip_rows * V * width];
    for (int64_t r = 0; r < rows; r += strip_rows) {
        multiplyStrips<V>(block, row_strips + r * depth, column_strip, depth);
        finishBlock(block, V * width, to, r, column, smaller(strip_rows, rows - r), columns);
    }
}

// A strip of one vector keeps too few sums in flight, so four vectors go as two and two.
SHARDSCOPE_INLINE int64_t vectorsOfStrip(int64_t left) {
    return strip_vectors == 3 && left == 4 ? 2 : smaller(strip_vectors, left);
}

template <class T>
void product(const Product& p, T* c, const T* a, const T* b, const T* bias, const ProductScratch& scratch) {
    for (int64_t i = 0; i < p.m; i += product_rows) {
        const int64_t rows = smaller(product_rows, p.m - i);
        for (int64_t d = 0; d < p.k; d += product_depth) {
            const int64_t depth = smaller(product_depth, p.k - d);
            packRowStrips(scratch.rows, p.a_transposed ? a + d * p.lda + i : a + i * p.lda + d, p.lda, p.a_transposed,
                          rows, depth);
            BlockResult<T> to = {c + i * p.ldc, p.ldc, scratch.sums, p.n, bias, d == 0, d + depth == p.k, p.add};
            for (int64_t j = 0, vectors = 0; j < p.n; j += vectors * width) {
                vectors = vectorsOfStrip((p.n - j + width - 1) / width);
                const int64_t columns = smaller(vectors * width, p.n - j);
                packColumnStrip(scratch.columns, p.b_transposed ? b + j * p.ldb + d : b + d * p.ldb + j, p.ldb,
                                p.b_transposed, columns, vectors, depth);
                const auto multiply = vectors == 3   ? multiplyStrip<strip_vectors, T>
                                      : vectors == 2 ? multiplyStrip<(strip_vectors > 2 ? 2 : strip_vectors), T>
                                                     : multiplyStrip<1, T>;
                multiply(to, scratch.rows, scratch.columns, rows, j, columns, depth);
            }
        }
    }
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
