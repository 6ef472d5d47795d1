// SPDX-License-Identifier: Apache-2.0
// The vector code of the ops, compiled for three instruction sets; one table of functions each. The functions work on
// one thread and on the range they are given; dividing work among threads is the caller's part.
#pragma once
#include "kernels/adamw_constants.h"
#include "kernels/cpu/attention_layout.h"
#include "kernels/ops.h"

namespace shardscope::kernels::cpu {

enum class Isa : uint8_t { baseline, avx2, avx512 };

template <class T> struct VectorKernels {
    void (*geluForward)(T* out, const T* x, int64_t elements);
    void (*geluBackward)(T* dx, const T* x, const T* dout, int64_t elements);
    void (*residualForward)(T* out, const T* a, const T* b, int64_t elements);
    void (*adamw)(T* param, float* master, const T* grad, float* exp_avg, float* exp_avg_sq, int64_t elements,
                  const AdamWConstants&);
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
    void (*crossEntropyForward)(float* losses, float* lse, const T* logits, const int32_t* targets, int64_t rows,
                                int64_t vocabulary);
    void (*crossEntropyBackward)(T* dlogits, const T* logits, const int32_t* targets, const float* lse, float scale,
                                 int64_t rows, int64_t vocabulary);
    // One head of one sample. q, k, v (and gradients) are `qkv_stride` apart from row to row, out and dout `channels`.
    void (*attentionForwardHead)(T* out, float* lse, const T* q, float* scratch, const AttentionLayout&);
    void (*attentionBackwardHead)(T* dq, const T* dout, const T* out, const T* q, const float* lse, float* scratch,
                                  const AttentionLayout&);
};

struct VectorTable {
    Isa isa;
    void (*exponential)(float* out, const float* x, int64_t elements); // for the test of its error bound
    VectorKernels<float> f32;
    VectorKernels<bfloat16> bf16;
    template <class T> const VectorKernels<T>& of() const {
        if constexpr (sizeof(T) == sizeof(float))
            return f32;
        else
            return bf16;
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

const VectorTable* vectorTable(Isa); // null where this processor lacks it
const VectorTable& vectorTable();    // the best this processor has

} // namespace shardscope::kernels::cpu
