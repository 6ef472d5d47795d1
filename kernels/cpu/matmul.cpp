// SPDX-License-Identifier: Apache-2.0
// The three products of a linear layer: float, and bf16 where the processor multiplies it, by oneDNN; otherwise the
// sixteen-bit types by our own product, which measured faster than oneDNN's emulation of bf16 and than widening the
// operands for its float product (it has none of fp16). Sums are float in every case and rounded once.
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/vector_table.h"
#include <type_traits>
#include <vector>

namespace shardscope::kernels::cpu {
namespace {

// `elements` floats of the calling thread, valid until its next call with the same slot.
float* scratch(int slot, int64_t elements) {
    constexpr size_t line = 64;
    thread_local std::vector<float> kept[3];
    std::vector<float>& v = kept[slot];
    const auto size = static_cast<size_t>(elements) + line / sizeof(float);
    if (v.size() < size) v.resize(size);
    const auto address = reinterpret_cast<uintptr_t>(v.data());
    return v.data() + (line - address % line) % line / sizeof(float);
}

// Our own product on this thread and its like, divided along the longer side.
template <class T> void vectorProduct(const Product& p, T* c, const T* a, const T* b, const T* bias) {
    constexpr int64_t worth_a_thread = 1 << 21; // multiplications
    const bool by_columns = p.n >= p.m;
    const int64_t unit = by_columns ? product_columns : 16, side = by_columns ? p.n : p.m;
    const int64_t work_of_unit = unit * p.k * (by_columns ? p.m : p.n);
    parallelRanges((side + unit - 1) / unit, worth_a_thread / work_of_unit + 1, [=](int64_t first, int64_t last) {
        Product part = p;
        const int64_t start = first * unit, end = std::min(last * unit, side);
        (by_columns ? part.n : part.m) = end - start;
        const int64_t row = by_columns ? 0 : start, column = by_columns ? start : 0;
        const int64_t rows = (std::min(product_rows, part.m) + 15) / 16 * 16, depth = std::min(product_depth, p.k);
        const ProductScratch buffers = {.rows = scratch(0, rows * depth),
                                        .columns = scratch(1, product_columns * product_depth),
                                        .sums = p.k > depth ? scratch(2, rows * part.n) : nullptr};
        vectorTable().of<T>().product(part, c + row * p.ldc + column, a + row * (p.a_transposed ? 1 : p.lda),
                                      b + column * (p.b_transposed ? p.ldb : 1), bias ? bias + column : nullptr,
                                      buffers);
    });
}

template <class T>
void columnSums(T* sums, const T* from, int64_t stride, int64_t rows, int64_t columns, bool accumulate) {
    constexpr int64_t block = 1024; // sums that stay in the first-level cache
    parallelRanges(columns, std::max<int64_t>(64, rowGrain(rows)), [=](int64_t first, int64_t last) {
        const VectorKernels<T>& v = vectorTable().of<T>();
        for (; first < last; first += block) {
            const int64_t size = std::min(block, last - first);
            float sum[block] = {};
            for (int64_t r = 0; r < rows; ++r) v.addRow(sum, from + r * stride + first, size);
            if (accumulate) v.addRow(sum, sums + first, size);
            v.fromFloat(sums + first, sum, size);
        }
    });
}

// Every row of out becomes, or is increased by, the bias.
void biasRows(float* out, int64_t stride, const float* bias, int64_t rows, int64_t n, bool accumulate) {
    const auto add = vectorTable().f32.addRow;
    for (int64_t r = 0; r < rows; ++r)
        if (accumulate)
            add(out + r * stride, bias, n);
        else
            std::copy(bias, bias + n, out + r * stride);
}

// A layout whose zeros are filled in.
struct Strides {
    int64_t x, out;
    bool add;
    Strides(const MatmulLayout& given, int64_t n, int64_t k)
        : x(given.ldx ? given.ldx : k)
        , out(given.ldo ? given.ldo : n)
        , add(given.accumulate) {}
};

// bias may be null.
template <class T> void linear(const Product& product, T* c, const T* a, const T* b, const T* bias) {
    if constexpr (std::is_same_v<T, float>) {
        Product onto_bias = product;
        onto_bias.add = product.add || bias;
        if (bias) biasRows(c, product.ldc, bias, product.m, product.n, product.add);
        multiply(onto_bias, c, a, b);
        return;
    }
    if constexpr (std::is_same_v<T, bfloat16>)
        if (hasNativeBf16()) return multiply(product, c, a, b, bias);
    if constexpr (sizeof(T) == 2) vectorProduct(product, c, a, b, bias);
}

} // namespace

template <class T>
void matmulForward(T* out, const T* x, const T* w, const T* bias, int64_t rows, int64_t n, int64_t k,
                   MatmulLayout layout) {
    const Strides at(layout, n, k);
    linear<T>({.a_transposed = false,
               .b_transposed = true,
               .m = rows,
               .n = n,
               .k = k,
               .lda = at.x,
               .ldb = k,
               .ldc = at.out,
               .add = at.add},
              out, x, w, bias);
}

template <class T>
void matmulBackwardInput(T* dx, const T* dout, const T* w, int64_t rows, int64_t n, int64_t k, MatmulLayout layout) {
    const Strides at(layout, n, k);
    linear<T>({.a_transposed = false,
               .b_transposed = false,
               .m = rows,
               .n = k,
               .k = n,
               .lda = at.out,
               .ldb = k,
               .ldc = at.x,
               .add = at.add},
              dx, dout, w, nullptr);
}

template <class T>
void matmulBackwardWeight(T* dw, T* dbias, const T* dout, const T* x, int64_t rows, int64_t n, int64_t k,
                          MatmulLayout layout) {
    const Strides at(layout, n, k);
    if (dbias) columnSums(dbias, dout, at.out, rows, n, at.add);
    if (!dw) return;
    linear<T>({.a_transposed = true,
               .b_transposed = false,
               .m = n,
               .n = k,
               .k = rows,
               .lda = at.out,
               .ldb = at.x,
               .ldc = k,
               .add = at.add},
              dw, dout, x, nullptr);
}

#define INSTANTIATE(T)                                                                                                 \
    template void matmulForward(T*, const T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);            \
    template void matmulBackwardInput(T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);                \
    template void matmulBackwardWeight(T*, T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cpu
