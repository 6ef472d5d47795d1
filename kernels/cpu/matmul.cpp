// SPDX-License-Identifier: Apache-2.0
// The three products of a linear layer. float, and bf16 where the processor multiplies it, go to oneDNN as they are. On
// other processors bf16 is widened to float panel by panel over the output features, which measured faster than
// oneDNN's emulation; the sums are float in every case and rounded once.
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/vector_table.h"
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

int64_t rowGrain(int64_t columns) { return 65536 / columns + 1; } // rows worth waking a thread for

// Rows of `columns` elements, `stride` apart, to and from dense float rows.
float* widen(int slot, const bfloat16* from, int64_t stride, int64_t rows, int64_t columns) {
    float* to = scratch(slot, rows * columns);
    const auto convert = vectorTable().bf16.toFloat;
    parallelRanges(rows, rowGrain(columns), [=](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; ++r) convert(to + r * columns, from + r * stride, columns);
    });
    return to;
}
void narrow(bfloat16* to, int64_t stride, const float* from, int64_t rows, int64_t columns) {
    const auto convert = vectorTable().bf16.fromFloat;
    parallelRanges(rows, rowGrain(columns), [=](int64_t first, int64_t last) {
        for (int64_t r = first; r < last; ++r) convert(to + r * stride, from + r * columns, columns);
    });
}

// body(first output feature, features) for panels of the weight matrix.
template <class Body> void forEachPanel(int64_t n, int64_t k, const Body& body) {
    const int64_t features = std::max<int64_t>(64, panel_elements / k / 64 * 64);
    for (int64_t first = 0; first < n; first += features) body(first, std::min(features, n - first));
}

template <class T> void columnSums(T* sums, const T* from, int64_t rows, int64_t columns) {
    constexpr int64_t block = 1024; // sums that stay in the first-level cache
    parallelRanges(columns, std::max<int64_t>(64, rowGrain(rows)), [=](int64_t first, int64_t last) {
        const VectorKernels<T>& v = vectorTable().of<T>();
        for (; first < last; first += block) {
            const int64_t size = std::min(block, last - first);
            float sum[block] = {};
            for (int64_t r = 0; r < rows; ++r) v.addRow(sum, from + r * columns + first, size);
            v.fromFloat(sums + first, sum, size);
        }
    });
}

void fillRows(float* out, const float* row, int64_t rows, int64_t n) {
    for (int64_t r = 0; r < rows; ++r) std::copy(row, row + n, out + r * n);
}

void forwardWidened(bfloat16* out, const bfloat16* x, const bfloat16* w, const bfloat16* bias, int64_t rows, int64_t n,
                    int64_t k) {
    const float* x_f = widen(0, x, k, rows, k);
    forEachPanel(n, k, [&](int64_t first, int64_t features) {
        const float* w_f = widen(1, w + first * k, k, features, k);
        float* out_f = scratch(3, rows * features);
        if (bias) fillRows(out_f, widen(2, bias + first, features, 1, features), rows, features);
        multiply({.a_transposed = false, .b_transposed = true, .m = rows, .n = features, .k = k}, out_f, x_f, w_f,
                 bias != nullptr);
        narrow(out + first, n, out_f, rows, features);
    });
}

void backwardInputWidened(bfloat16* dx, const bfloat16* dout, const bfloat16* w, int64_t rows, int64_t n, int64_t k) {
    float* dx_f = scratch(3, rows * k);
    forEachPanel(n, k, [&](int64_t first, int64_t features) {
        const float* dout_f = widen(0, dout + first, n, rows, features);
        const float* w_f = widen(1, w + first * k, k, features, k);
        multiply({.a_transposed = false, .b_transposed = false, .m = rows, .n = k, .k = features}, dx_f, dout_f, w_f,
                 first > 0);
    });
    narrow(dx, k, dx_f, rows, k);
}

void backwardWeightWidened(bfloat16* dw, const bfloat16* dout, const bfloat16* x, int64_t rows, int64_t n, int64_t k) {
    const float* x_f = widen(0, x, k, rows, k);
    forEachPanel(n, k, [&](int64_t first, int64_t features) {
        const float* dout_f = widen(1, dout + first, n, rows, features);
        float* dw_f = scratch(3, features * k);
        multiply({.a_transposed = true, .b_transposed = false, .m = features, .n = k, .k = rows}, dw_f, dout_f, x_f);
        narrow(dw + first * k, k, dw_f, features, k);
    });
}

template <class T> constexpr bool is_bf16 = sizeof(T) == sizeof(bfloat16);

} // namespace

template <class T>
void matmulForward(T* out, const T* x, const T* w, const T* bias, int64_t rows, int64_t n, int64_t k) {
    const Product product = {.a_transposed = false, .b_transposed = true, .m = rows, .n = n, .k = k};
    if constexpr (is_bf16<T>) {
        if (!hasNativeBf16()) return forwardWidened(out, x, w, bias, rows, n, k);
        multiply(product, out, x, w, bias);
    } else {
        if (bias) fillRows(out, bias, rows, n);
        multiply(product, out, x, w, bias != nullptr);
    }
}

template <class T> void matmulBackwardInput(T* dx, const T* dout, const T* w, int64_t rows, int64_t n, int64_t k) {
    if constexpr (is_bf16<T>)
        if (!hasNativeBf16()) return backwardInputWidened(dx, dout, w, rows, n, k);
    multiply({.a_transposed = false, .b_transposed = false, .m = rows, .n = k, .k = n}, dx, dout, w);
}

template <class T>
void matmulBackwardWeight(T* dw, T* dbias, const T* dout, const T* x, int64_t rows, int64_t n, int64_t k) {
    if (dbias) columnSums(dbias, dout, rows, n);
    if constexpr (is_bf16<T>)
        if (!hasNativeBf16()) return backwardWeightWidened(dw, dout, x, rows, n, k);
    multiply({.a_transposed = true, .b_transposed = false, .m = n, .n = k, .k = rows}, dw, dout, x);
}

#define INSTANTIATE(T)                                                                                                 \
    template void matmulForward(T*, const T*, const T*, const T*, int64_t, int64_t, int64_t);                          \
    template void matmulBackwardInput(T*, const T*, const T*, int64_t, int64_t, int64_t);                              \
    template void matmulBackwardWeight(T*, T*, const T*, const T*, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(bfloat16)

} // namespace shardscope::kernels::cpu
