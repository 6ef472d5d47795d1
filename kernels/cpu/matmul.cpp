// SPDX-License-Identifier: Apache-2.0
// The three products of a linear layer. float, and bf16 where the processor multiplies it, go to oneDNN as they are.
// Otherwise the sixteen-bit types are widened to float panel by panel over the output features, which measured faster
// than oneDNN's emulation of bf16 (it has none of fp16); the sums are float in every case and rounded once.
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/vector_table.h"
#include <type_traits>
#include <vector>

namespace shardscope::kernels::cpu {
namespace {

constexpr int64_t panel_elements = 1 << 19; // floats of a widened weight panel: 2 MB

// Scratch of the calling thread; valid until the thread's next call with the same slot.
float* scratch(int slot, int64_t elements) {
    thread_local std::vector<float> kept[4];
    std::vector<float>& v = kept[slot];
    if (std::ssize(v) < elements) v.resize(static_cast<size_t>(elements));
    return v.data();
}

// Rows of `columns` elements, `stride` apart, to and from dense float rows.
template <class T> void widenTo(float* to, const T* from, int64_t stride, int64_t rows, int64_t columns) {
    const auto convert = vectorTable().of<T>().toFloat;
    parallelRanges(rows, rowGrain(columns), [=](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; ++r) convert(to + r * columns, from + r * stride, columns);
    });
}
template <class T> float* widen(int slot, const T* from, int64_t stride, int64_t rows, int64_t columns) {
    float* to = scratch(slot, rows * columns);
    widenTo(to, from, stride, rows, columns);
    return to;
}
template <class T> void narrow(T* to, int64_t stride, const float* from, int64_t rows, int64_t columns) {
    const auto convert = vectorTable().of<T>().fromFloat;
    parallelRanges(rows, rowGrain(columns), [=](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; ++r) convert(to + r * stride, from + r * columns, columns);
    });
}

// body(first output feature, features) for panels of the weight matrix.
template <class Body> void forEachPanel(int64_t n, int64_t k, const Body& body) {
    const int64_t features = std::max<int64_t>(64, panel_elements / k / 64 * 64);
    for (int64_t first = 0; first < n; first += features) body(first, std::min(features, n - first));
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

template <class T>
void forwardWidened(T* out, const T* x, const T* w, const T* bias, int64_t rows, int64_t n, int64_t k, Strides at) {
    const float* x_f = widen(0, x, at.x, rows, k);
    forEachPanel(n, k, [&](int64_t first, int64_t features) {
        const float* w_f = widen(1, w + first * k, k, features, k);
        float* out_f = scratch(3, rows * features);
        if (at.add) widenTo(out_f, out + first, at.out, rows, features);
        if (bias) biasRows(out_f, features, widen(2, bias + first, features, 1, features), rows, features, at.add);
        multiply({.a_transposed = false,
                  .b_transposed = true,
                  .m = rows,
                  .n = features,
                  .k = k,
                  .lda = k,
                  .ldb = k,
                  .ldc = features,
                  .add = bias != nullptr || at.add},
                 out_f, x_f, w_f);
        narrow(out + first, at.out, out_f, rows, features);
    });
}

template <class T>
void backwardInputWidened(T* dx, const T* dout, const T* w, int64_t rows, int64_t n, int64_t k, Strides at) {
    float* dx_f = scratch(3, rows * k);
    if (at.add) widenTo(dx_f, dx, at.x, rows, k);
    forEachPanel(n, k, [&](int64_t first, int64_t features) {
        const float* dout_f = widen(0, dout + first, at.out, rows, features);
        const float* w_f = widen(1, w + first * k, k, features, k);
        multiply({.a_transposed = false,
                  .b_transposed = false,
                  .m = rows,
                  .n = k,
                  .k = features,
                  .lda = features,
                  .ldb = k,
                  .ldc = k,
                  .add = first > 0 || at.add},
                 dx_f, dout_f, w_f);
    });
    narrow(dx, at.x, dx_f, rows, k);
}

template <class T>
void backwardWeightWidened(T* dw, const T* dout, const T* x, int64_t rows, int64_t n, int64_t k, Strides at) {
    const float* x_f = widen(0, x, at.x, rows, k);
    forEachPanel(n, k, [&](int64_t first, int64_t features) {
        const float* dout_f = widen(1, dout + first, at.out, rows, features);
        float* dw_f = scratch(3, features * k);
        if (at.add) widenTo(dw_f, dw + first * k, k, features, k);
        multiply({.a_transposed = true,
                  .b_transposed = false,
                  .m = features,
                  .n = k,
                  .k = rows,
                  .lda = features,
                  .ldb = k,
                  .ldc = k,
                  .add = at.add},
                 dw_f, dout_f, x_f);
        narrow(dw + first * k, k, dw_f, features, k);
    });
}

template <class T> bool widened() {
    if constexpr (std::is_same_v<T, bfloat16>)
        return !hasNativeBf16();
    else
        return std::is_same_v<T, float16>;
}

// The operands as they are; never called for float16.
template <class T> void direct(const Product& product, T* c, const T* a, const T* b, const T* bias = nullptr) {
    if constexpr (std::is_same_v<T, bfloat16>) multiply(product, c, a, b, bias);
    if constexpr (std::is_same_v<T, float>) {
        Product with_bias = product;
        with_bias.add = product.add || bias;
        if (bias) biasRows(c, product.ldc, bias, product.m, product.n, product.add);
        multiply(with_bias, c, a, b);
    }
}

} // namespace

template <class T>
void matmulForward(T* out, const T* x, const T* w, const T* bias, int64_t rows, int64_t n, int64_t k,
                   MatmulLayout layout) {
    const Strides at(layout, n, k);
    if (widened<T>()) return forwardWidened(out, x, w, bias, rows, n, k, at);
    direct({.a_transposed = false,
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
    if (widened<T>()) return backwardInputWidened(dx, dout, w, rows, n, k, at);
    direct({.a_transposed = false,
            .b_transposed = false,
            .m = rows,
            .n = k,
            .k = n,
            .lda = at.out,
            .ldb = k,
            .ldc = at.x,
            .add = at.add},
           dx, dout, w);
}

template <class T>
void matmulBackwardWeight(T* dw, T* dbias, const T* dout, const T* x, int64_t rows, int64_t n, int64_t k,
                          MatmulLayout layout) {
    const Strides at(layout, n, k);
    if (dbias) columnSums(dbias, dout, at.out, rows, n, at.add);
    if (widened<T>()) return backwardWeightWidened(dw, dout, x, rows, n, k, at);
    direct({.a_transposed = true,
            .b_transposed = false,
            .m = n,
            .n = k,
            .k = rows,
            .lda = at.out,
            .ldb = at.x,
            .ldc = k,
            .add = at.add},
           dw, dout, x);
}

#define INSTANTIATE(T)                                                                                                 \
    template void matmulForward(T*, const T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);            \
    template void matmulBackwardInput(T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);                \
    template void matmulBackwardWeight(T*, T*, const T*, const T*, int64_t, int64_t, int64_t, MatmulLayout);
INSTANTIATE(float)
INSTANTIATE(bfloat16)
INSTANTIATE(float16)

} // namespace shardscope::kernels::cpu
