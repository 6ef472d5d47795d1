// SPDX-License-Identifier: Apache-2.0
// Tiles of rows of 16-bit elements in shared memory, and where the lanes of a warp find the matrices of their fragments
// in them. Blocks that work on tiles have four warps.
#pragma once
#include "kernels/cuda/matrix_instructions.h"

namespace shardscope::kernels::cuda {

constexpr int tile_warps = 4, tile_threads = tile_warps * warp_size;

struct alignas(16) Piece { // eight elements: what a thread moves at once
    uint32_t pairs[4];
};
struct alignas(128) SharedLine { // shared memory of a block: tiles start on lines
    char bytes[128];
};

// Rows of `columns` 16-bit elements. The pieces of a row change places by the row's number, in turns of `period`, so
// that what is moved at once, the same piece of eight rows or eight pieces of a row, lies in different banks.
template <int columns> struct TileLayout {
    static_assert(columns % 32 == 0);
    static constexpr int pieces = columns / 8, row_bytes = columns * 2, period = columns % 64 == 0 ? 8 : 4;
    static __device__ int turn(int row) { return row / (8 / period) % period; }
    static __device__ int offset(int row, int piece) { return row * row_bytes + (piece ^ turn(row)) * 16; }
};

// Where a lane points when the warp loads four matrices of a tile.
template <int columns> class LaneRows {
    using Layout = TileLayout<columns>;

public:
    // Of the row and the lower bit of the piece that the lane names.
    __device__ LaneRows(SharedAddress tile, int row, int piece)
        : m_start(tile + row * Layout::row_bytes + (Layout::turn(row) ^ piece) * 16) {}
    // `row` is a multiple of 8 and `piece` of 2. Tiles start on lines and eight rows fill lines, so that the turn stays
    // a matter of the lower bits.
    __device__ SharedAddress at(int row, int piece) const {
        return (m_start ^ piece % Layout::period * 16) + piece / Layout::period * Layout::period * 16 +
               row * Layout::row_bytes;
    }

private:
    SharedAddress m_start;
};
__device__ inline int laneNumber() { return static_cast<int>(threadIdx.x % warp_size); }
// The left side of a product, 16 rows by 16 columns; or, transposed, the right side, 16 rows along k by 16 columns.
template <int columns> __device__ LaneRows<columns> leftRows(SharedAddress tile) {
    return {tile, laneNumber() % 16, laneNumber() / 16};
}
// The right side of a product along the columns: 16 rows, which become columns, by 16 along k.
template <int columns> __device__ LaneRows<columns> rightRows(SharedAddress tile) {
    return {tile, laneNumber() % 8 + laneNumber() / 16 * 8, laneNumber() / 8 % 2};
}

} // namespace shardscope::kernels::cuda
