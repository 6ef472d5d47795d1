// SPDX-License-Identifier: Apache-2.0
// The three products of a linear layer: by a vendor's library where there is one, else by kernels of our own: on tensor
// cores for sixteen-bit types, and for float the one here, over tiles in shared memory. Each element is summed along k
// in order, so it does not depend on the grid.
#include "kernels/cuda/columns.h"
#include "kernels/cuda/product.h"
#include "kernels/cuda/product_library.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cuda {

ProductLibrary* currentProducts(); // of the calling thread

namespace {

constexpr int tile = 64, depth = 16, per_thread = 4, product_threads = (tile / per_thread) * (tile / per_thread);

// Into shared memory as [depth][tile]: elements [first, first + tile) of the side, [k0, k0 + depth) along k; zero
// beyond the matrix. Neighbouring threads take neighbouring addresses.
template <class T>
__device__ void loadTile(float (*to)[tile + 1], const T* from, int64_t side_step, int64_t k_step, int64_t first,
                         int64_t side, int64_t k0, int64_t k) {
    const bool along_k = k_step == 1;
    for (int e = threadIdx.x; e < tile * depth; e += product_threads) {
        const int s = along_k ? e / depth : e % tile, d = along_k ? e % depth : e / tile;
        const bool inside = first + s < side && k0 + d < k;
        to[d][s] = inside ? static_cast<float>(from[(first + s) * side_step + (k0 + d) * k_step]) : 0.0f;
    }
}

template <class T> __global__ void productKernel(ProductArguments<T> p) {
    __shared__ float a_tile[depth][tile + 1], b_tile[depth][tile + 1];
    const int64_t column_tiles = (p.n + tile - 1) / tile;
    const int64_t row0 = blockIdx.x / column_tiles * tile, column0 = blockIdx.x % column_tiles * tile;
    const int ty = threadIdx.x / (tile / per_thread) * per_thread, tx = threadIdx.x % (tile / per_thread) * per_thread;
    float sums[per_thread][per_thread] = {};
    for (int64_t k0 = 0; k0 < p.k; k0 += depth) {
        loadTile(a_tile, p.a, p.a_row, p.a_column, row0, p.m, k0, p.k);
        loadTile(b_tile, p.b, p.b_column, p.b_row, column0, p.n, k0, p.k);
        __syncthreads();
        for (int d = 0; d < depth; ++d)
            for (int i = 0; i < per_thread; ++i)
                for (int j = 0; j < per_thread; ++j) sums[i][j] += a_tile[d][ty + i] * b_tile[d][tx + j];
        __syncthreads();
    }
    for (int i = 0; i < per_thread; ++i)
        for (int j = 0; j < per_thread; ++j) {
            const int64_t row = row0 + ty + i, column = column0 + tx + j;
            if (row >= p.m || column >= p.n) continue;
            T& c = p.c[row * p.c_row + column];
            float sum = sums[i][j] + (p.bias ? static_cast<float>(p.bias[column]) : 0.0f);
            if (p.add) sum += static_cast<float>(c);
            c = T(sum);
        }
}

template <class T> constexpr DType dtypeOf();
template <> constexpr DType dtypeOf<float>() { return DType::f32; }
template <> constexpr DType dtypeOf<bfloat16>() { return DType::bf16; }
template <> constexpr DType dtypeOf<float16>() { return DType::f16; }

template <class T> void multiply(const char* name, const ProductArguments<T>& p) {
    if (ProductLibrary* library = currentProducts();
        library && library->multiply({dtypeOf<T>(), p.c, p.a, p.b, p.bias, p.m, p.n, p.k, p.a_row, p.a_column, p.b_row,
                                      p.b_column, p.c_row, p.add},
                                     currentStream()))
        return;
    if constexpr (sizeof(T) == 2) {
        multiplyTiles(name, p);
    } else {
        const int64_t blocks = (p.m + tile - 1) / tile * ((p.n + tile - 1) / tile);
        launch(name, Grid{blocks, product_threads}, productKernel<T>, p);
    }
}

int64_t given(int64_t stride, int64_t dense) { return stride ? stride : dense; }

} // namespace

template <class T>
void matmulForward(T* out, const T* x, const T* w, const T* bias, int64_t rows, int64_t n, int64_t k,
                   MatmulLayout layout) {
    multiply<T>("matmul_forward", {.c = out,
                                   .a = x,
                                   .b = w,
                                   .bias = bias,
                                   .m = rows,
                                   .n = n,
                                   .k = k,
                                   .a_row = given(layout.ldx, k),
                                   .a_column = 1,
                                   .b_row = 1,
                                   .b_column = k,
                                   .c_row = given(layout.ldo, n),
                                   .add = layout.accumulate});
}

template <class T>
void matmulBackwardInput(T* dx, const T* dout, const T* w, int64_t rows, int64_t n, int64_t k, MatmulLayout layout) {
    multiply<T>("matmul_backward_input", {.c = dx,
                                          .a = dout,
                                          .b = w,
                                          .bias = nullptr,
                                          .m = rows,
                                          .n = k,
                                          .k = n,
                                          .a_row = given(layout.ldo, n),
                                          .a_column = 1,
                                          .b_row = k,
                                          .b_column = 1,
                                          .c_row = given(layout.ldx, k),
                                          .add = layout.accumulate});
}

template <class T>
void matmulBackwardWeight(T* dw, T* dbias, const T* dout, const T* x, int64_t rows, int64_t n, int64_t k,
                          MatmulLayout layout) {
    const int64_t stride = given(layout.ldo, n);
    const bool add = layout.accumulate;
    if (dbias) columnSums("bias_gradient", dbias, dout, rows, n, stride, add);
    if (!dw) return;
    multiply<T>("matmul_backward_weight", {.c = dw,
                                           .a = dout,
                                           .b = x,
                                           .bias = nullptr,
                                           .m = n,
                                           .n = k,
                                           .k = rows,
                                           .a_row = 1,
                                           .a_column = stride,
                                           .b_row = given(layout.ldx, k),
                                           .b_column = 1,
                                           .c_row = k,
                                           .add = add});
}

#define INSTANTIATE(T)                                                                                                 \
    template void matmulForward(T*, const T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);            \
    template void matmulBackwardInput(T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);                \
    template void matmulBackwardWeight(T*, T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cuda
