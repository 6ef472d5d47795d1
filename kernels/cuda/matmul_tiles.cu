// SPDX-License-Identifier: Apache-2.0
// The matrix product of sixteen-bit types on tensor cores, for where there is no vendor's library: a block makes 128 x
// 128 elements, of which each of four warps has 64 x 64 in registers, from tiles of 32 along k; three of them are in
// shared memory, so that two are on their way while one is multiplied. Each element is summed along k in the order of
// the tiles, whatever the grid. A tile lies as its matrix does, along k or along the other side; ldmatrix turns it.
#include "kernels/cuda/device.h"
#include "kernels/cuda/matrix_tiles.h"
#include "kernels/cuda/product.h"
#include <cassert>

namespace shardscope::kernels::cuda {
namespace {

constexpr int side = 128, depth = 32, stages = 3, warp_side = 64, m_tiles = warp_side / 16, n_tiles = warp_side / 8;
constexpr int tile_bytes = side * depth * 2;
constexpr int staged_pitch = warp_side + 8; // floats; rows of a fragment lie in different banks
constexpr int shared_bytes = stages * 2 * tile_bytes;
static_assert(tile_warps * 16 * staged_pitch * 4 <= shared_bytes);

// One operand: rows of it, or of its transpose, along k (then they are `side`, of `depth`) or along the side. The bytes
// that reach a tile do not depend on where rows start, and so no sum does.
template <class T, bool along_k> class Operand {
    static constexpr int columns = along_k ? depth : side, rows = along_k ? side : depth;
    using Layout = TileLayout<columns>;
    static constexpr int at_once = tile_threads / Layout::pieces;

public:
    // `step`: elements between rows.
    __device__ Operand(const T* matrix, int64_t step, int64_t first, int64_t side_length, int64_t k)
        : m_row(static_cast<int>(threadIdx.x) / Layout::pieces)
        , m_piece(static_cast<int>(threadIdx.x) % Layout::pieces)
        , m_whole_pieces(step % 8 == 0 && reinterpret_cast<uintptr_t>(matrix) % 16 == 0)
        , m_step(step)
        , m_from(matrix + (along_k ? first + m_row : m_row) * step + (along_k ? 0 : first) + m_piece * 8)
        , m_rows((along_k ? side_length - first : k) - m_row)
        , m_columns((along_k ? k : side_length - first) - m_piece * 8) {}
    // Asks for the next tile; what starts anywhere is copied at once.
    __device__ void ask(SharedAddress tile) {
        const int existing = m_columns >= 8 ? 8 : m_columns > 0 ? static_cast<int>(m_columns) : 0;
        if (m_whole_pieces) {
            SHARDSCOPE_UNROLL
            for (int r = 0; r < rows; r += at_once)
                copyPiece(tile + Layout::offset(m_row + r, m_piece), m_from + r * m_step,
                          r < m_rows ? existing * 2 : 0);
        } else {
            SHARDSCOPE_UNROLL_BY(1)
            for (int r = 0; r < rows; r += at_once)
                copyElements(tile + Layout::offset(m_row + r, m_piece), m_from + r * m_step, r < m_rows ? existing : 0);
        }
        m_from += along_k ? depth : depth * m_step;
        (along_k ? m_columns : m_rows) -= depth;
    }

private:
    static __device__ void copyElements(SharedAddress to, const T* from, int existing) {
        uint32_t pairs[4];
        SHARDSCOPE_UNROLL
        for (int i = 0; i < 4; ++i) {
            const uint32_t low = 2 * i < existing ? from[2 * i].bits : 0;
            const uint32_t high = 2 * i + 1 < existing ? from[2 * i + 1].bits : 0;
            pairs[i] = high << 16 | low;
        }
        storePiece(to, pairs);
    }
    int m_row, m_piece;
    bool m_whole_pieces;
    int64_t m_step;
    const T* m_from;
    int64_t m_rows, m_columns; // of the matrix, from the thread's own on
};

// Lane addresses of an operand's tile, and four of its matrices: 16 of the side from `s` on, 16 along k from `k` on. They
// are those of the other operand where rows go along the side.
template <bool is_left, bool along_k> struct OperandLanes {
    static constexpr int columns = along_k ? depth : side;
    LaneRows<columns> lanes;
    __device__ explicit OperandLanes(SharedAddress tile)
        : lanes(is_left == along_k ? leftRows<columns>(tile) : rightRows<columns>(tile)) {}
    __device__ void load(uint32_t (&to)[4], int stage_bytes, int s, int k) const {
        if constexpr (along_k)
            loadMatrices(to, lanes.at(s, k / 8) + stage_bytes);
        else
            loadMatricesTransposed(to, lanes.at(k, s / 8) + stage_bytes);
    }
};

// Eight neighbours of a row of c, of which `existing` are inside: adds what is to be added, rounds once and writes.
template <class T>
__device__ void storeEight(T* c, const float* sums, const float (&bias)[8], int existing, bool add, bool whole_pieces) {
    float values[8];
    SHARDSCOPE_UNROLL
    for (int i = 0; i < 8; ++i) values[i] = sums[i] + bias[i];
    if (existing < 8 || !whole_pieces) {
        for (int i = 0; i < 8; ++i)
            if (i < existing) c[i] = T(values[i] + (add ? static_cast<float>(c[i]) : 0.0f));
        return;
    }
    Piece piece;
    if (add) {
        piece = *reinterpret_cast<const Piece*>(c);
        SHARDSCOPE_UNROLL
        for (int i = 0; i < 4; ++i) {
            float low, high;
            widen(T(), piece.pairs[i], low, high);
            values[2 * i] += low;
            values[2 * i + 1] += high;
        }
    }
    SHARDSCOPE_UNROLL
    for (int i = 0; i < 4; ++i) piece.pairs[i] = packRounded(T(), values[2 * i], values[2 * i + 1]);
    *reinterpret_cast<Piece*>(c) = piece;
}

// A warp's elements, 16 rows at a time by way of its part of shared memory, so that a lane writes neighbours.
template <class T>
__device__ void storeSums(const ProductArguments<T>& p, float* staged, int64_t row0, int64_t column0,
                          const float (&sums)[m_tiles][n_tiles][4]) {
    const int lane = laneNumber(), piece = lane % 8;
    const int64_t column = column0 + piece * 8;
    const int existing = static_cast<int>(p.n - column < 8 ? p.n - column : 8);
    const bool whole_pieces = p.c_row % 8 == 0 && reinterpret_cast<uintptr_t>(p.c) % 16 == 0;
    float bias[8];
    SHARDSCOPE_UNROLL
    for (int i = 0; i < 8; ++i) bias[i] = p.bias && i < existing ? static_cast<float>(p.bias[column + i]) : 0.0f;
    SHARDSCOPE_UNROLL
    for (int m = 0; m < m_tiles; ++m) {
        __syncwarp();
        SHARDSCOPE_UNROLL
        for (int n = 0; n < n_tiles; ++n) {
            SHARDSCOPE_UNROLL
            for (int r = 0; r < 4; ++r)
                staged[(lane / 4 + r / 2 * 8) * staged_pitch + n * 8 + lane % 4 * 2 + r % 2] = sums[m][n][r];
        }
        __syncwarp();
        for (int r = lane / 8; r < 16; r += warp_size / 8)
            if (const int64_t row = row0 + m * 16 + r; row < p.m && existing > 0)
                storeEight(p.c + row * p.c_row + column, staged + r * staged_pitch + piece * 8, bias, existing, p.add,
                           whole_pieces);
    }
}

template <class T, bool a_along_k, bool b_along_k>
__global__ void __launch_bounds__(tile_threads, 2) tileProductKernel(ProductArguments<T> p) {
    SHARDSCOPE_DYNAMIC_SHARED(SharedLine, shared);
    const SharedAddress a_tiles = sharedAddress(shared), b_tiles = a_tiles + stages * tile_bytes;
    const int64_t column_tiles = (p.n + side - 1) / side;
    const int64_t row0 = blockIdx.x / column_tiles * side, column0 = blockIdx.x % column_tiles * side;
    const int warp = static_cast<int>(threadIdx.x / warp_size);
    const int warp_row = warp / 2 * warp_side, warp_column = warp % 2 * warp_side;

    Operand<T, a_along_k> a(p.a, a_along_k ? p.a_row : p.a_column, row0, p.m, p.k);
    Operand<T, b_along_k> b(p.b, b_along_k ? p.b_column : p.b_row, column0, p.n, p.k);
    const OperandLanes<true, a_along_k> a_lanes(a_tiles);
    const OperandLanes<false, b_along_k> b_lanes(b_tiles);
    auto ask = [&](int stage) {
        a.ask(a_tiles + stage * tile_bytes);
        b.ask(b_tiles + stage * tile_bytes);
        commitCopies();
    };
    for (int stage = 0; stage < stages - 1; ++stage) ask(stage); // zeros beyond k

    float sums[m_tiles][n_tiles][4] = {};
    int stage = 0, free_stage = stages - 1;
    for (int64_t k0 = 0; k0 < p.k; k0 += depth) {
        awaitCopies<stages - 2>();
        __syncthreads(); // for all threads; and nobody reads the free stage any more
        ask(free_stage);
        const int at = stage * tile_bytes;
        SHARDSCOPE_UNROLL
        for (int k = 0; k < depth; k += 16) {
            uint32_t left[m_tiles][4];
            SHARDSCOPE_UNROLL
            for (int m = 0; m < m_tiles; ++m) a_lanes.load(left[m], at, warp_row + m * 16, k);
            SHARDSCOPE_UNROLL
            for (int n = 0; n < n_tiles; n += 2) {
                uint32_t right[4];
                b_lanes.load(right, at, warp_column + n * 8, k);
                SHARDSCOPE_UNROLL
                for (int m = 0; m < m_tiles; ++m) {
                    multiplyAdd(T(), sums[m][n], left[m], right[0], right[1]);
                    multiplyAdd(T(), sums[m][n + 1], left[m], right[2], right[3]);
                }
            }
        }
        free_stage = stage;
        stage = stage + 1 < stages ? stage + 1 : 0;
    }
    awaitCopies<0>();
    __syncthreads(); // the tiles are read, and no copy is on its way into what is used again
    storeSums(p, reinterpret_cast<float*>(shared) + warp * 16 * staged_pitch, row0 + warp_row, column0 + warp_column,
              sums);
}

} // namespace

template <class T> void multiplyTiles(const char* name, const ProductArguments<T>& p) {
    // Of the forward op, of the gradient of its input and of that of its weight.
    const bool a_along_k = p.a_column == 1, b_along_k = a_along_k && p.b_row == 1;
    assert((a_along_k || p.a_row == 1) && (b_along_k || p.b_column == 1));
    const Grid grid{(p.m + side - 1) / side * ((p.n + side - 1) / side), tile_threads, shared_bytes};
    if (b_along_k)
        launch(name, grid, tileProductKernel<T, true, true>, p);
    else if (a_along_k)
        launch(name, grid, tileProductKernel<T, true, false>, p);
    else
        launch(name, grid, tileProductKernel<T, false, false>, p);
}
template void multiplyTiles(const char*, const ProductArguments<bfloat16>&);
template void multiplyTiles(const char*, const ProductArguments<float16>&);

} // namespace shardscope::kernels::cuda
