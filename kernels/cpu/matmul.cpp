// SPDX-License-Identifier: Apache-2.0
// The three products of a linear layer: float by oneDNN, and bf16 too where the processor has AMX; otherwise the
// sixteen-bit types by our own product, which measured faster than oneDNN's with AVX512_BF16 and where it emulates bf16
// (it has none of fp16). Sums are float in every case and rounded once.
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/vector_table.h"
#include <bit>
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

// Into how many blocks of at most `most` a range is cut, and the size of all but the last: equal, but for rounding
// to 16.
int64_t evenBlock(int64_t size, int64_t most) {
    const int64_t blocks = (size + most - 1) / most, each = (size + blocks - 1) / blocks;
    return (each + 15) / 16 * 16;
}

// Into how many parts the longer side is cut. A part packs the operand that is not cut, so it should be wide.
int64_t partsFor(const Product& p, int64_t threads) {
    constexpr int64_t worth_a_part = 1 << 20; // multiplications
    const int64_t side = std::max(p.m, p.n);
    const int64_t shares = side >= 2 * 384 * threads ? 2 * threads : std::min(threads, side / 96);
    return threads == 1 ? 1 : std::min(shares, p.m * p.n * p.k / worth_a_part);
}

// The same for oneDNN, whose bits depend on the shape it is given: whatever the number of threads.
int64_t partsOfShape(const Product& p) {
    constexpr int64_t worth_a_part = 4 << 20, most = 16;
    const int64_t side = std::max(p.m, p.n), wide = std::max<int64_t>(side / 768, std::min<int64_t>(side / 96, 2));
    const int64_t parts = std::min({wide, p.m * p.n * p.k / worth_a_part, most});
    return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::max<int64_t>(parts, 1))));
}

// multiply(part, c, a, b, bias) for every part, with what belongs to it, each on one thread.
template <class T, class Multiply>
void inParts(const Product& p, int64_t parts, T* c, const T* a, const T* b, const T* bias, const Multiply& multiply) {
    const bool by_columns = p.n >= p.m;
    const int64_t unit = by_columns ? product_columns : 16, side = by_columns ? p.n : p.m;
    if (parts <= 1) return multiply(p, c, a, b, bias);
    const int64_t units = (side + unit - 1) / unit;
    parallelParts(parts, [&](int64_t number) {
        const int64_t start = units * number / parts * unit, end = std::min(units * (number + 1) / parts * unit, side);
        Product part = p;
        (by_columns ? part.n : part.m) = end - start;
        const int64_t row = by_columns ? 0 : start, column = by_columns ? start : 0;
        multiply(part, c + row * p.ldc + column, a + row * (p.a_transposed ? 1 : p.lda),
                 b + column * (p.b_transposed ? p.ldb : 1), bias ? bias + column : nullptr);
    });
}

// Our own product. The depth of a block follows from k alone, so that the cut changes no sum.
template <class T> void vectorProduct(const Product& p, T* c, const T* a, const T* b, const T* bias) {
    constexpr int64_t deepest = 384, rows_bytes = 400 << 10; // measured best on a second-level cache of 1 MB
    const bool pairs = std::is_same_v<T, bfloat16> && multipliesPairs();
    const int64_t lane_depth = pairs ? 2 : 1, depth = evenBlock(p.k, deepest * lane_depth), lanes = depth / lane_depth;
    const int64_t most_rows = rows_bytes / (lanes * int64_t{sizeof(float)}) / 16 * 16;
    const int64_t rows = evenBlock(p.m, std::max<int64_t>(most_rows, 16));
    const ProductScratch buffers = {.block_rows = rows,
                                    .block_depth = depth,
                                    .rows = scratch(0, rows * lanes),
                                    .columns = scratch(1, product_columns * lanes),
                                    .sums = p.k > depth ? scratch(2, rows * p.n) : nullptr};
    if constexpr (std::is_same_v<T, bfloat16>)
        if (pairs) return avx512_bf16::productOfPairs(p, c, a, b, bias, buffers);
    vectorTable().of<T>().product(p, c, a, b, bias, buffers);
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

// A layout whose zeros are filled in.
struct Strides {
    int64_t x, out;
    bool add;
    Strides(const MatmulLayout& given, int64_t n, int64_t k)
        : x(given.ldx ? given.ldx : k)
        , out(given.ldo ? given.ldo : n)
        , add(given.accumulate) {}
};

// Every row of out becomes, or is increased by, the bias.
void biasRows(float* out, int64_t stride, const float* bias, int64_t rows, int64_t n, bool accumulate) {
    const auto add = vectorTable().f32.addRow;
    for (int64_t r = 0; r < rows; ++r)
        if (accumulate)
            add(out + r * stride, bias, n);
        else
            std::copy(bias, bias + n, out + r * stride);
}

void libraryProduct(const Product& p, float* c, const float* a, const float* b, const float* bias) {
    Product onto_bias = p;
    onto_bias.add = p.add || bias;
    if (bias) biasRows(c, p.ldc, bias, p.m, p.n, p.add);
    multiply(onto_bias, c, a, b);
}
void libraryProduct(const Product& p, bfloat16* c, const bfloat16* a, const bfloat16* b, const bfloat16* bias) {
    multiply(p, c, a, b, bias);
}

// bias may be null.
template <class T> void linear(const Product& product, T* c, const T* a, const T* b, const T* bias) {
    if constexpr (!std::is_same_v<T, float16>)
        if (std::is_same_v<T, float> || hasTilesOfBf16()) {
            inParts(product, partsOfShape(product), c, a, b, bias,
                    [](const Product& part, T* part_c, const T* part_a, const T* part_b, const T* part_bias) {
                        libraryProduct(part, part_c, part_a, part_b, part_bias);
                    });
            return;
        }
    if constexpr (!std::is_same_v<T, float>)
        inParts(product, partsFor(product, threadsPerOp()), c, a, b, bias, vectorProduct<T>);
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
