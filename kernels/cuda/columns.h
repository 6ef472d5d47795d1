// SPDX-License-Identifier: Apache-2.0
// Sums over the rows of a matrix, for every column, in two steps: blocks add up parts of the rows and leave their sums
// in scratch, then the parts are added in order. The number of parts depends on the shape alone, so that the bits
// depend neither on the device nor on how the matrix is aligned.
#pragma once
#include "kernels/cuda/ops.h"
#include "kernels/cuda/pack.h"
#include "kernels/cuda/scratch.h"

namespace shardscope::kernels::cuda {

constexpr int column_warps = 8, total_warps = 32;

// Two numbers for a column at most.
constexpr int64_t most_planes = 2;
inline int64_t columnParts(int64_t rows, int64_t columns, int64_t rows_of_part) {
    constexpr int64_t most = 256; // enough blocks for a large card
    constexpr int64_t most_floats = most_column_scratch / static_cast<int64_t>(sizeof(float));
    const int64_t wished = std::min((rows + rows_of_part - 1) / rows_of_part, most);
    return std::clamp<int64_t>(most_floats / (columns * most_planes), 1, std::max<int64_t>(wished, 1));
}
inline int64_t columnScratchBytes(int64_t rows, int64_t columns) {
    return columnParts(rows, columns, 1) * columns * most_planes * static_cast<int64_t>(sizeof(float));
}

// add<n>(row, column, sums) adds what n neighbouring columns of a row contribute to float sums[planes][n].
// parts_of: [planes][parts][columns].
template <int n, int planes, class Add>
__global__ void __launch_bounds__(column_warps* warp_size)
    columnPartsKernel(float* parts_of, int64_t rows, int64_t columns, int64_t parts, Add add) {
    __shared__ float of_warps[column_warps][planes][n][warp_size];
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int64_t blocks = (columns + warp_size * n - 1) / (warp_size * n), part = blockIdx.x / blocks;
    const int64_t column = (blockIdx.x % blocks * warp_size + lane) * n;
    const int64_t first = rows * part / parts, end = rows * (part + 1) / parts;
    float sums[planes][n] = {};
    if (column < columns) {
#ifdef __CUDACC__
#pragma unroll 4
#endif
        for (int64_t r = first + warp; r < end; r += column_warps) add.template operator()<n>(r, column, sums);
    }
    for (int p = 0; p < planes; ++p) {
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) of_warps[warp][p][k][lane] = sums[p][k];
    }
    __syncthreads();
    for (int e = threadIdx.x; e < planes * warp_size * n; e += column_warps * warp_size) {
        const int p = e / (warp_size * n), c = e % (warp_size * n);
        const int64_t at = blockIdx.x % blocks * warp_size * n + c;
        if (at >= columns) continue;
        float sum = 0;
        for (int w = 0; w < column_warps; ++w) sum += of_warps[w][p][c % n][c / n];
        parts_of[(p * parts + part) * columns + at] = sum;
    }
}

template <class T> struct ColumnTotals {
    T* out[most_planes]; // null: nobody asks
    const float* parts_of;
    int64_t columns, parts;
    bool add; // to what is there
};
template <class T> __global__ void columnTotalsKernel(ColumnTotals<T> t) {
    __shared__ float of_warps[total_warps][warp_size];
    const int lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
    const int64_t blocks = (t.columns + warp_size - 1) / warp_size, plane = blockIdx.x / blocks;
    const int64_t column = blockIdx.x % blocks * warp_size + lane;
    const float* of_plane = t.parts_of + plane * t.parts * t.columns;
    float sum = 0;
    if (column < t.columns) {
#ifdef __CUDACC__
#pragma unroll 8
#endif
        for (int64_t part = warp; part < t.parts; part += total_warps) sum += of_plane[part * t.columns + column];
    }
    of_warps[warp][lane] = sum;
    __syncthreads();
    T* out = plane == 0 ? t.out[0] : t.out[1];
    if (warp != 0 || column >= t.columns || !out) return;
    for (int w = 1; w < static_cast<int>(blockDim.x) / warp_size; ++w) sum += of_warps[w][lane];
    out[column] = rounded<T>(sum + (t.add ? toFloat(out[column]) : 0.0f));
}

// The second step alone, for parts that a kernel has left there by other means.
template <class T> void totalColumns(const char* name, const ColumnTotals<T>& totals) {
    const int64_t planes = totals.out[1] ? 2 : 1;
    const int used_warps = static_cast<int>(std::min<int64_t>(totals.parts, total_warps));
    launch(name, Grid{(totals.columns + warp_size - 1) / warp_size * planes, used_warps * warp_size},
           columnTotalsKernel<T>, totals);
}

// Both steps. `aligned`: packs of T may begin at every row's first column. `out` of the planes; the second may be null.
template <int planes, class T, class Add>
void sumColumns(const char* name, int64_t rows, int64_t columns, bool aligned, const Add& add, T* first, T* second,
                bool add_to_them) {
    const int64_t parts = columnParts(rows, columns, 8 * column_warps);
    auto* parts_of = scratch<float>(planes * parts * columns);
    const auto start = [&](auto kernel, int64_t n) {
        const int64_t blocks = (columns + warp_size * n - 1) / (warp_size * n);
        launch(name, Grid{blocks * parts, column_warps * warp_size}, kernel, parts_of, rows, columns, parts, add);
    };
    constexpr int n = pack_elements<T>;
    if (aligned && columns % n == 0)
        start(columnPartsKernel<n, planes, Add>, n);
    else
        start(columnPartsKernel<1, planes, Add>, 1);
    totalColumns<T>(name, {{first, second}, parts_of, columns, parts, add_to_them});
}

// out [columns] = or += the sums over rows of x, whose rows are `stride` elements apart.
template <class T> struct RowValues {
    const T* x;
    int64_t stride;
    template <int n> __device__ void operator()(int64_t row, int64_t column, float (&sums)[1][n]) const {
        float values[n];
        loadFloats(values, x + row * stride + column);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) sums[0][k] += values[k];
    }
};
template <class T>
void columnSums(const char* name, T* out, const T* x, int64_t rows, int64_t columns, int64_t stride, bool add) {
    constexpr int n = pack_elements<T>;
    const bool aligned = stride % n == 0 && startsPack<n>(x);
    sumColumns<1, T>(name, rows, columns, aligned, RowValues<T>{x, stride}, out, static_cast<T*>(nullptr), add);
}

} // namespace shardscope::kernels::cuda
