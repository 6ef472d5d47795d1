// SPDX-License-Identifier: Apache-2.0
// The vector code of the ops, compiled for three instruction sets; one table of functions each. The functions work on
// one thread and on the range they are given; dividing work among threads is the caller's part.
#pragma once
#include "kernels/adamw_constants.h"
#include "kernels/cpu/attention_layout.h"
#include "kernels/cpu/product.h"
#include "kernels/ops.h"
#include <type_traits>

namespace shardscope::kernels::cpu {

enum class Isa : uint8_t { baseline, avx2, avx512 };

// What a matrix product on one thread packs at a time: block_rows rows of a, product_columns columns of b and
// block_depth steps of k. The buffers start at multiples of 64 bytes.
inline constexpr int64_t product_columns = 48;
struct ProductScratch {
    int64_t block_rows, block_depth; // multiples of 16
    float* rows; // [min(block_rows, m) rounded up to 16, min(block_depth, k)], two depths to a float if packed as pairs
    float* columns; // [product_columns, min(block_depth, k)], likewise
    float* sums;    // [min(block_rows, m), n]; only where k > block_depth
};
// c [m, n] = or += a * b + bias, which may be null
template <class T>
using ProductFunction = void (*)(const Product&, T* c, const T* a, const T* b, const T* bias, const ProductScratch&);

// Ops that read a second type S beside T.
template <class T, class S> struct PairKernels {
    void (*adamw)(T* param, float* master, const S* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
                  const AdamWConstants&);
    void (*accumulate)(T* sum, const S* x, int64_t elements, bool first);
};

template <class T> struct VectorKernels {
    void (*geluForward)(T* out, const T* x, int64_t elements);
    void (*geluBackward)(T* dx, const T* x, const T* dout, int64_t elements);
    void (*residualForward)(T* out, const T* a, const T* b, int64_t elements);
    void (*swigluForward)(T* out, const T* gate_up, int64_t rows, int64_t ffn);
    void (*swigluBackward)(T* dgate_up, const T* gate_up, const T* dout, int64_t rows, int64_t ffn);
    // Elements [first, last); first is even.
    void (*dropout)(T* out, const T* x, int64_t first, int64_t last, uint32_t threshold, float scale, uint64_t key);
    // One token: `heads` heads of 2 half elements; cosines and sines [half].
    void (*rope)(T* heads_of_token, int64_t heads, int64_t half, const float* cosines, const float* sines,
                 bool inverse);
    double (*squaredSum)(const T* x, int64_t elements);
    void (*sumRanks)(T* const* outputs, int64_t output_count, const T* const* inputs, int64_t input_count, float scale,
                     int64_t first, int64_t last);
    void (*addRow)(float* sum, const T* row, int64_t elements); // sum += row
    void (*toFloat)(float* out, const T* in, int64_t elements);
    void (*fromFloat)(T* out, const float* in, int64_t elements);
    void (*layernormForward)(T* out, float* mean, float* rstd, const T* x, const T* weight, const T* bias, int64_t rows,
                             int64_t channels);
    void (*layernormBackwardInput)(T* dx, const T* dout, const T* dresidual, const T* x, const T* weight,
                                   const float* mean, const float* rstd, int64_t rows, int64_t channels);
    // Channels [first, last) only; all rows.
    void (*layernormBackwardWeight)(T* dweight, T* dbias, const T* dout, const T* x, const float* mean,
                                    const float* rstd, int64_t rows, int64_t channels, int64_t first, int64_t last);
    void (*rmsnormForward)(T* out, float* rstd, const T* x, const T* weight, int64_t rows, int64_t channels,
                           float epsilon);
    void (*rmsnormBackwardInput)(T* dx, const T* dout, const T* dresidual, const T* x, const T* weight,
                                 const float* rstd, int64_t rows, int64_t channels);
    void (*rmsnormBackwardWeight)(T* dweight, const T* dout, const T* x, const float* rstd, int64_t rows,
                                  int64_t channels, int64_t first, int64_t last); // as layernormBackwardWeight
    void (*crossEntropy)(float* losses, T* dlogits, const T* logits, const int32_t* targets, float scale, int64_t rows,
                         int64_t vocabulary, int64_t pitch, float* exponentials); // scratch [vocabulary]
    // One key/value head of one sample and the query heads that share it, which lie side by side. Rows of q, k, v (and
    // of their gradients) are `qkv_stride` apart, those of out and dout `channels`; lse [query heads, sequence].
    void (*attentionForwardGroup)(T* out, float* lse, const T* q, const T* k, const T* v, float* scratch,
                                  const AttentionLayout&);
    void (*attentionBackwardGroup)(T* dq, T* dk, T* dv, const T* dout, const T* out, const T* q, const T* k, const T* v,
                                   const float* lse, float* scratch, const AttentionLayout&);
    ProductFunction<T> product; // null for float
    PairKernels<T, float> with_f32;
    PairKernels<T, bfloat16> with_bf16;
    PairKernels<T, float16> with_f16;
    template <class S> const PairKernels<T, S>& with() const {
        if constexpr (std::is_same_v<S, float>)
            return with_f32;
        else if constexpr (std::is_same_v<S, bfloat16>)
            return with_bf16;
        else
            return with_f16;
    }
};

struct VectorTable {
    Isa isa;
    void (*exponential)(float* out, const float* x, int64_t elements); // for the test of its error bound
    VectorKernels<float> f32;
    VectorKernels<bfloat16> bf16;
    VectorKernels<float16> f16;
    template <class T> const VectorKernels<T>& of() const {
        if constexpr (std::is_same_v<T, float>)
            return f32;
        else if constexpr (std::is_same_v<T, bfloat16>)
            return bf16;
        else
            return f16;
    }
};

namespace baseline {
const VectorTable& table();
}
namespace avx2 {
const VectorTable& table();
}
namespace avx512 {
const VectorTable& table();
}

namespace avx512_bf16 {
void productOfPairs(const Product&, bfloat16* c, const bfloat16* a, const bfloat16* b, const bfloat16* bias,
                    const ProductScratch&);
}

const VectorTable* vectorTable(Isa); // null where this processor lacks it
const VectorTable& vectorTable();    // the best this processor has
bool multipliesPairs();              // it has AVX512_BF16, which productOfPairs takes

} // namespace shardscope::kernels::cpu
