// SPDX-License-Identifier: Apache-2.0
// Sums over the rows of a matrix, for every column: one block per 32 columns, whose warps take rows in turn and are
// added up in order.
#pragma once
#include "kernels/cuda/device.h"

namespace shardscope::kernels::cuda {

constexpr int column_threads = 8 * warp_size;

// store(column, sums) gets the sums of add(row, column, sums) over all rows. Sums: a struct of floats with operator+=.
template <class Sums, class Add, class Store>
__global__ void columnKernel(int64_t rows, int64_t columns, Add add, Store store) {
    __shared__ Sums of_warp[column_threads / warp_size][warp_size];
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int64_t column = static_cast<int64_t>(blockIdx.x) * warp_size + lane;
    Sums sums = {};
    if (column < columns)
        for (int64_t r = warp; r < rows; r += column_threads / warp_size) add(r, column, sums);
    of_warp[warp][lane] = sums;
    __syncthreads();
    if (warp != 0 || column >= columns) return;
    for (int w = 1; w < column_threads / warp_size; ++w) sums += of_warp[w][lane];
    store(column, sums);
}

template <class Sums, class Add, class Store>
void sumColumns(const char* name, int64_t rows, int64_t columns, Add add, Store store) {
    launch(name, Grid{(columns + warp_size - 1) / warp_size, column_threads}, columnKernel<Sums, Add, Store>, rows,
           columns, add, store);
}

} // namespace shardscope::kernels::cuda
