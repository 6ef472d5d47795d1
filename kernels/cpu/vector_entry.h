// SPDX-License-Identifier: Apache-2.0
// The table of one instruction set; the whole content of vector_avx512.cpp, vector_avx2.cpp and vector_baseline.cpp.
#pragma once
#include "kernels/cpu/vector_attention.h"
#include "kernels/cpu/vector_elementwise.h"
#include "kernels/cpu/vector_rows.h"

namespace shardscope::kernels::cpu::SHARDSCOPE_ISA {

template <class T> constexpr VectorKernels<T> kernelsOf() {
    return {.geluForward = geluForward<T>,
            .geluBackward = geluBackward<T>,
            .residualForward = residualForward<T>,
            .adamw = adamw<T>,
            .sumRanks = sumRanks<T>,
            .addRow = addRow<T>,
            .toFloat = toFloat<T>,
            .fromFloat = fromFloat<T>,
            .layernormForward = layernormForward<T>,
            .layernormBackwardInput = layernormBackwardInput<T>,
            .layernormBackwardWeight = layernormBackwardWeight<T>,
            .crossEntropyForward = crossEntropyForward<T>,
            .crossEntropyBackward = crossEntropyBackward<T>,
            .attentionForwardHead = attentionForwardHead<T>,
            .attentionBackwardHead = attentionBackwardHead<T>};
}

const VectorTable& table() {
    static constexpr VectorTable the_table = {.isa = Isa::SHARDSCOPE_ISA,
                                              .exponential = exponentialOf,
                                              .f32 = kernelsOf<float>(),
                                              .bf16 = kernelsOf<bfloat16>()};
    return the_table;
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
