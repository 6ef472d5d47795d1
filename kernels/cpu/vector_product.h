// SPDX-License-Identifier: Apache-2.0
// The matrix product on one thread, with sums in float: both operands are packed into strips as wide as one block of
// registers (Goto & van de Geijn 2008), either widened to float on the way, so that the sixteen-bit types cost no pass
// of their own, or as pairs of bf16, where the processor multiplies those; what belongs to the result (bias, addition,
// rounding) happens while a block is in the first-level cache. Every element sums over k in order within parts of k,
// and the parts in order: its bits depend neither on its neighbours nor on how the product is divided among threads.
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
inline constexpr int64_t line_bytes = 64;
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

// How an operand stands in its strips: a step of a strip has one lane of 32 bits for each of its rows or columns. Here
// a lane is a float, of one depth of k.
template <class T> struct OneDepth {
    using Element = T;
    static constexpr int64_t depth = 1;
    // One step of sixteen neighbours whose elements of one depth lie side by side.
    template <class Lanes> SHARDSCOPE_INLINE F16 across(const T* from, int64_t, bool, Lanes lanes) {
        return load(from, lanes);
    }
    // Sixteen steps of one neighbour whose depths lie side by side, of which `left` exist.
    SHARDSCOPE_INLINE F16 along(const T* from, int64_t left) {
        return left >= width ? load(from) : load(from, Part{left});
    }
    SHARDSCOPE_INLINE F16 multiplyAdd(F16 left, F16 right, F16 sum) { return mulAdd(left, right, sum); }
    template <class Lanes> SHARDSCOPE_INLINE void put(T* to, F16 v, Lanes lanes) { store(to, v, lanes); }
};

#if defined(__AVX512BF16__)
// A lane is a pair of bf16, of two neighbouring depths; the instruction adds both products to a float. It takes
// subnormal values for zero, so the rounding may do so too.
struct TwoDepths {
    using Element = bfloat16;
    static constexpr int64_t depth = 2;
    SHARDSCOPE_INLINE __m256i halves(const bfloat16* from, Whole) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    }
    SHARDSCOPE_INLINE __m256i halves(const bfloat16* from, Part part) {
        return _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << part.count) - 1), from);
    }
    template <class Lanes>
    SHARDSCOPE_INLINE F16 across(const bfloat16* from, int64_t stride, bool has_second, Lanes lanes) {
        const __m512i pairs = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22,
                                               6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
        const __m256i second = has_second ? halves(from + stride, lanes) : _mm256_setzero_si256();
        const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(halves(from, lanes)), second, 1);
        return (F16)_mm512_permutexvar_epi16(pairs, both);
    }
    SHARDSCOPE_INLINE F16 along(const bfloat16* from, int64_t left) {
        if (left >= 2 * width) return (F16)_mm512_loadu_si512(from);
        return (F16)_mm512_maskz_loadu_epi16(static_cast<__mmask32>((1u << left) - 1), from);
    }
    SHARDSCOPE_INLINE F16 multiplyAdd(F16 left, F16 right, F16 sum) {
        return (F16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)left, (__m512bh)right);
    }
    SHARDSCOPE_INLINE void put(bfloat16* to, F16 v, Whole) {
        const __m256bh h = _mm512_cvtneps_pbh((__m512)v);
        __builtin_memcpy(static_cast<void*>(to), &h, sizeof h);
    }
    SHARDSCOPE_INLINE void put(bfloat16* to, F16 v, Part part) {
        const __m256bh h = _mm512_cvtneps_pbh((__m512)v);
        __builtin_memcpy(static_cast<void*>(to), &h, static_cast<size_t>(part.count) * sizeof(bfloat16));
    }
};
#endif

// put(step, lanes of up to sixteen neighbours; missing ones are zero) for every step. Stored as [depth, neighbours] or,
// transposed, as [neighbours, depth].
template <class Lane, class Put>
SHARDSCOPE_INLINE void forEachStep(const typename Lane::Element* from, int64_t stride, bool transposed,
                                   int64_t neighbours, int64_t depth, Put put) {
    const int64_t steps = (depth + Lane::depth - 1) / Lane::depth;
    if (!transposed) {
        auto all = [&](auto lanes) {
            for (int64_t s = 0; s < steps; ++s)
                put(s, Lane::across(from + s * Lane::depth * stride, stride, (s + 1) * Lane::depth <= depth, lanes));
        };
        neighbours >= width ? all(Whole{}) : all(Part{neighbours});
        return;
    }
    for (int64_t s = 0; s < steps; s += width) {
        const int64_t left = depth - s * Lane::depth, count = smaller(width, steps - s);
        const typename Lane::Element* at = from + s * Lane::depth;
        F16 rows[16];
        if (neighbours >= width && left >= width * Lane::depth) {
#pragma GCC unroll 16
            for (int64_t i = 0; i < width; ++i) rows[i] = Lane::along(at + i * stride, width * Lane::depth);
        } else {
            for (int64_t i = 0; i < width; ++i) rows[i] = i < neighbours ? Lane::along(at + i * stride, left) : F16{};
        }
        transposeBlock(rows);
        if (count == width) {
#pragma GCC unroll 16
            for (int64_t i = 0; i < width; ++i) put(s + i, rows[i]);
        } else {
            for (int64_t i = 0; i < count; ++i) put(s + i, rows[i]);
        }
    }
}

// Sixteen rows of one step into their strips, which are `apart` floats from each other.
SHARDSCOPE_INLINE void storeRows(float* to, int64_t apart, F16 values) {
#if defined(__AVX512F__)
    static_assert(strip_rows == 8);
    const F8 low = __builtin_shufflevector(values, values, 0, 1, 2, 3, 4, 5, 6, 7);
    const F8 high = __builtin_shufflevector(values, values, 8, 9, 10, 11, 12, 13, 14, 15);
    __builtin_memcpy(to, &low, sizeof low);
    __builtin_memcpy(to + apart, &high, sizeof high);
#else
    for (int64_t s = 0; s < width / strip_rows; ++s)
        __builtin_memcpy(to + s * apart,
                         reinterpret_cast<const char*>(&values) + s * strip_rows * static_cast<int64_t>(sizeof(float)),
                         strip_rows * sizeof(float));
#endif
}

// Strips of strip_rows rows, each [steps, strip_rows].
template <class Lane>
void packRowStrips(float* to, const typename Lane::Element* from, int64_t stride, bool transposed, int64_t rows,
                   int64_t depth, int64_t steps) {
    for (int64_t r = 0; r < rows; r += width, to += width * steps)
        forEachStep<Lane>(
            transposed ? from + r : from + r * stride, stride, !transposed, rows - r, depth,
            [=](int64_t step, F16 values) { storeRows(to + step * strip_rows, steps * strip_rows, values); });
}

// One strip [steps, vectors * 16].
template <class Lane>
void packColumnStrip(float* to, const typename Lane::Element* from, int64_t stride, bool transposed, int64_t columns,
                     int64_t vectors, int64_t depth) {
    for (int64_t v = 0; v < vectors; ++v)
        forEachStep<Lane>(transposed ? from + v * width * stride : from + v * width, stride, transposed,
                          columns - v * width, depth,
                          [=](int64_t step, F16 values) { store(to + (step * vectors + v) * width, values); });
}

// The next strip's source is asked for a few lines at a time while the present one is multiplied: it comes from memory,
// in rows too short for the processor to foresee them.
class ReadAhead {
public:
    template <class T>
    ReadAhead(const T* from, int64_t stride, int64_t rows, int64_t row_elements, int64_t turns)
        : m_row(reinterpret_cast<const char*>(from))
        , m_stride(stride * static_cast<int64_t>(sizeof(T)))
        , m_row_bytes(row_elements * static_cast<int64_t>(sizeof(T)))
        , m_rows_left(rows)
        , m_a_turn((rows * (m_row_bytes / line_bytes + 1) + turns - 1) / turns) {}

    __attribute__((always_inline)) void turn() {
        for (int64_t i = 0; i < m_a_turn && m_rows_left > 0; ++i) {
            __builtin_prefetch(m_row + m_at, 0, 2);
            m_at += line_bytes;
            if (m_at >= m_row_bytes) {
                m_at = 0;
                m_row += m_stride;
                --m_rows_left;
            }
        }
    }

private:
    const char* m_row;
    int64_t m_stride, m_row_bytes, m_rows_left, m_a_turn, m_at = 0;
};

// What a block of sums becomes: kept for the next part of k, or finished into c.
template <class T> struct BlockResult {
    T* c;
    int64_t ldc;
    float* sums; // of the parts so far
    int64_t ld_sums;
    const T* bias;
    bool first, last, add;
};

template <class Lane, class T>
SHARDSCOPE_INLINE void finishBlock(const float* block, int64_t block_stride, const BlockResult<T>& to, int64_t row,
                                   int64_t column, int64_t rows, int64_t columns) {
    if (to.first && to.last && !to.add && !to.bias) {
        for (int64_t r = 0; r < rows; ++r) {
            T* c = to.c + (row + r) * to.ldc + column;
            const float* sums = block + r * block_stride;
            forEachVector(0, columns, [&](int64_t i, auto lanes) { Lane::put(c + i, load(sums + i), lanes); });
        }
        return;
    }
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
                Lane::put(c + i, sum, lanes);
            else
                store(kept + i, sum, lanes);
        });
    }
}

// block [strip_rows, V * 16] = rows [steps, strip_rows]^T * columns [steps, V * 16].
template <class Lane, int V>
SHARDSCOPE_INLINE void multiplyStrips(float* block, const float* rows, const float* columns, int64_t steps) {
    F16 sum[strip_rows][V] = {};
    for (int64_t s = 0; s < steps; ++s, rows += strip_rows, columns += V * width) {
        F16 right[V];
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) right[v] = load(columns + v * width);
#pragma GCC unroll 16
        for (int r = 0; r < strip_rows; ++r) {
            const F16 left = splat(rows[r]);
#pragma GCC unroll 16
            for (int v = 0; v < V; ++v) sum[r][v] = Lane::multiplyAdd(left, right[v], sum[r][v]);
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < strip_rows; ++r)
#pragma GCC unroll 16
        for (int v = 0; v < V; ++v) store(block + (r * V + v) * width, sum[r][v]);
}

template <class Lane, int V, class T>
void multiplyStrip(const BlockResult<T>& to, const float* row_strips, const float* column_strip, int64_t rows,
                   int64_t column, int64_t columns, int64_t steps, ReadAhead next) {
    alignas(64) float block[strip_rows * V * width];
    for (int64_t r = 0; r < rows; r += strip_rows) {
        next.turn();
        for (int64_t line = 0; line < smaller(strip_rows, rows - r) * 2; ++line) // about to be written
            __builtin_prefetch(to.c + (r + line / 2) * to.ldc + column + line % 2 * (columns - 1), 1);
        multiplyStrips<Lane, V>(block, row_strips + r * steps, column_strip, steps);
        finishBlock<Lane>(block, V * width, to, r, column, smaller(strip_rows, rows - r), columns);
    }
}

// A strip of one vector keeps too few sums in flight, so four vectors go as two and two.
SHARDSCOPE_INLINE int64_t vectorsOfStrip(int64_t left) {
    return strip_vectors == 3 && left == 4 ? 2 : smaller(strip_vectors, left);
}

template <class Lane, class T = typename Lane::Element>
void product(const Product& p, T* c, const T* a, const T* b, const T* bias, const ProductScratch& scratch) {
    for (int64_t i = 0; i < p.m; i += scratch.block_rows) {
        const int64_t rows = smaller(scratch.block_rows, p.m - i);
        for (int64_t d = 0; d < p.k; d += scratch.block_depth) {
            const int64_t depth = smaller(scratch.block_depth, p.k - d),
                          steps = (depth + Lane::depth - 1) / Lane::depth;
            packRowStrips<Lane>(scratch.rows, p.a_transposed ? a + d * p.lda + i : a + i * p.lda + d, p.lda,
                                p.a_transposed, rows, depth, steps);
            const BlockResult<T> to = {c + i * p.ldc, p.ldc, scratch.sums, p.n, bias, d == 0, d + depth == p.k, p.add};
            auto source = [&](int64_t j) { return p.b_transposed ? b + j * p.ldb + d : b + d * p.ldb + j; };
            for (int64_t j = 0, vectors = 0; j < p.n; j += vectors * width) {
                vectors = vectorsOfStrip((p.n - j + width - 1) / width);
                const int64_t columns = smaller(vectors * width, p.n - j), after = j + columns;
                packColumnStrip<Lane>(scratch.columns, source(j), p.ldb, p.b_transposed, columns, vectors, depth);
                const int64_t next_columns = smaller(vectors * width, p.n - after);
                const ReadAhead next(source(next_columns > 0 ? after : j), p.ldb,
                                     next_columns <= 0 ? 0
                                     : p.b_transposed  ? next_columns
                                                       : depth,
                                     p.b_transposed ? depth : next_columns, (rows + strip_rows - 1) / strip_rows);
                const auto multiply = vectors == 3   ? multiplyStrip<Lane, strip_vectors, T>
                                      : vectors == 2 ? multiplyStrip<Lane, (strip_vectors > 2 ? 2 : strip_vectors), T>
                                                     : multiplyStrip<Lane, 1, T>;
                multiply(to, scratch.rows, scratch.columns, rows, j, columns, steps, next);
            }
        }
    }
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
