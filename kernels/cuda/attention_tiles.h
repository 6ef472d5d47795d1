// SPDX-License-Identifier: Apache-2.0
// What the attention kernels for tensor cores share: tiles of rows of one head in shared memory, products of tiles by
// the fragments of a warp, and the way of results back. A block has four warps; a warp owns 16 or 32 rows of the
// block's side and sees all rows of the other side's tile.
#pragma once
#include "kernels/cuda/attention_geometry.h"
#include "kernels/cuda/matrix_tiles.h"

namespace shardscope::kernels::cuda {

// What a thread copies of tiles of a head, one after the other: some piece of some rows.
template <int columns, class T> class TileCopies {
    using Layout = TileLayout<columns>;
    static constexpr int at_once = tile_threads / Layout::pieces / 8 * 8; // rows of a block's step

public:
    __device__ TileCopies(const T* head, int64_t stride, int first, const AttentionGeometry& g) {
        const int row = static_cast<int>(threadIdx.x / Layout::pieces),
                  piece = static_cast<int>(threadIdx.x % Layout::pieces);
        const bool has_part = row < at_once && piece * 8 < static_cast<int>(g.size);
        m_from = head + (first + row) * stride + piece * 8; // not read where nothing exists
        m_existing = has_part ? static_cast<int>(g.sequence) - first - row : nothing;
        m_offset = row < at_once ? Layout::offset(row, piece) : -1;
    }
    // Asks for `rows` rows; zeros beyond the sequence and beyond the head's size. `beside`: elements from the head to
    // another whose rows are copied instead.
    template <int rows> __device__ void ask(SharedAddress tile, int64_t stride, int64_t beside = 0) const {
        static_assert(rows % at_once == 0);
        if (tile_threads % Layout::pieces != 0 && m_offset < 0) return;
        SHARDSCOPE_UNROLL
        for (int r = 0; r < rows; r += at_once)
            copyPiece(tile + m_offset + r * Layout::row_bytes, m_from + beside + r * stride, r < m_existing ? 16 : 0);
    }
    __device__ void advance(int rows, int64_t elements) {
        m_from += elements;
        m_existing -= rows;
    }

private:
    static constexpr int nothing = -(1 << 30);
    const T* m_from;
    int m_existing, m_offset; // rows of the sequence from the thread's on; bytes in the tile
};

// sums = rows of one tile times rows of another: element (r, c) is the product of row r of `left` and row c of `right`.
template <class T, int columns, int m_tiles, int n_tiles>
__device__ void multiplyByRows(float (&sums)[m_tiles][n_tiles][4], const LaneRows<columns>& left, int left_row,
                               const LaneRows<columns>& right, int right_row) {
    SHARDSCOPE_UNROLL
    for (int m = 0; m < m_tiles; ++m) {
        SHARDSCOPE_UNROLL
        for (int n = 0; n < n_tiles; ++n) {
            SHARDSCOPE_UNROLL
            for (int r = 0; r < 4; ++r) sums[m][n][r] = 0;
        }
    }
    SHARDSCOPE_UNROLL_BY(2) // wholly unrolled, so many loads go ahead that the registers do not suffice
    for (int k = 0; k < columns / 16; ++k) {
        uint32_t a[m_tiles][4];
        SHARDSCOPE_UNROLL
        for (int m = 0; m < m_tiles; ++m) loadMatrices(a[m], left.at(left_row + m * 16, k * 2));
        SHARDSCOPE_UNROLL
        for (int n = 0; n < n_tiles; n += 2) {
            uint32_t b[4];
            loadMatrices(b, right.at(right_row + n * 8, k * 2));
            SHARDSCOPE_UNROLL
            for (int m = 0; m < m_tiles; ++m) {
                multiplyAdd(T(), sums[m][n], a[m], b[0], b[1]);
                multiplyAdd(T(), sums[m][n + 1], a[m], b[2], b[3]);
            }
        }
    }
}

// sums += weights [rows][k_rows] times k_rows rows of a tile (leftRows() of it), the weights rounded to T.
template <class T, int columns, int m_tiles, int n_tiles>
__device__ void addWeightedRows(float (&sums)[m_tiles][columns / 8][4], const float (&weights)[m_tiles][n_tiles][4],
                                const LaneRows<columns>& right, int right_row) {
    SHARDSCOPE_UNROLL
    for (int k = 0; k < n_tiles; k += 2) {
        uint32_t a[m_tiles][4];
        SHARDSCOPE_UNROLL
        for (int m = 0; m < m_tiles; ++m) {
            SHARDSCOPE_UNROLL
            for (int r = 0; r < 4; ++r)
                a[m][r] = packRounded(T(), weights[m][k + r / 2][r % 2 * 2], weights[m][k + r / 2][r % 2 * 2 + 1]);
        }
        SHARDSCOPE_UNROLL
        for (int n = 0; n < columns / 8; n += 2) {
            uint32_t b[4];
            loadMatricesTransposed(b, right.at(right_row + k * 8, n));
            SHARDSCOPE_UNROLL
            for (int m = 0; m < m_tiles; ++m) {
                multiplyAdd(T(), sums[m][n], a[m], b[0], b[1]);
                multiplyAdd(T(), sums[m][n + 1], a[m], b[2], b[3]);
            }
        }
    }
}

// call(value, row, column) for every element of a product that the lane holds; rows count from the warp's first.
template <int m_tiles, int n_tiles, class Call>
__device__ void forEachElement(float (&sums)[m_tiles][n_tiles][4], Call call) {
    const int row = laneNumber() / 4, column = laneNumber() % 4 * 2;
    SHARDSCOPE_UNROLL
    for (int m = 0; m < m_tiles; ++m) {
        SHARDSCOPE_UNROLL
        for (int n = 0; n < n_tiles; ++n) {
            SHARDSCOPE_UNROLL
            for (int r = 0; r < 4; ++r) call(sums[m][n][r], row + m * 16 + r / 2 * 8, column + n * 8 + r % 2);
        }
    }
}

// Writes the first `existing` rows of a warp's result to memory in whole pieces, by way of rows in shared memory that
// only this warp reads.
template <class T, int columns, int m_tiles>
__device__ void storeRows(T* to, int64_t stride, int existing, const AttentionGeometry& g, char* through,
                          const float (&sums)[m_tiles][columns / 8][4]) {
    using Layout = TileLayout<columns>;
    const int lane = laneNumber();
    __syncwarp();
    SHARDSCOPE_UNROLL
    for (int m = 0; m < m_tiles; ++m) {
        SHARDSCOPE_UNROLL
        for (int n = 0; n < columns / 8; ++n) {
            SHARDSCOPE_UNROLL
            for (int half = 0; half < 2; ++half) {
                const int row = m * 16 + half * 8 + lane / 4;
                *reinterpret_cast<uint32_t*>(through + Layout::offset(row, n) + lane % 4 * 4) =
                    packRounded(T(), sums[m][n][half * 2], sums[m][n][half * 2 + 1]);
            }
        }
    }
    __syncwarp();
    SHARDSCOPE_UNROLL
    for (int i = 0; i < m_tiles * 16 * Layout::pieces / warp_size; ++i) {
        const int e = lane + i * warp_size, row = e / Layout::pieces, piece = e % Layout::pieces;
        if (row < existing && piece * 8 < static_cast<int>(g.size))
            *reinterpret_cast<Piece*>(to + row * stride + piece * 8) =
                *reinterpret_cast<const Piece*>(through + Layout::offset(row, piece));
    }
}

} // namespace shardscope::kernels::cuda
