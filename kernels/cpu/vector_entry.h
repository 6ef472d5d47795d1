// SPDX-License-Identifier: Apache-2.0
// The table of one instruction set; the whole content of vector_avx512.cpp, vector_avx2.cpp and vector_baseline.cpp.
#pragma once
#include "kernels/cpu/vector_attention.h"
#include "kernels/cpu/vector_elementwise.h"
#include "kernels/cpu/vector_product.h"
#include "kernels/cpu/vector_rows.h"

namespace shardscope::kernels::cpu::SHARDSCOPE_ISA {

template <class T, class S> constexpr PairKernels<T, S> pairOf() {
    return {.adamw = adamw<T, S>, .accumulate = accumulate<T, S>};
}

template <class T> constexpr VectorKernels<T> kernelsOf() {
    ProductFunction<T> product_of_type = nullptr; // float has oneDNN's
    if constexpr (sizeof(T) == 2) product_of_type = product<OneDepth<T>>;
    return {.geluForward = geluForward<T>,
            .geluBackward = geluBackward<T>,
            .residualForward = residualForward<T>,
            .swigluForward = swigluForward<T>,
            .swigluBackward = swigluBackward<T>,
            .dropout = dropout<T>,
            .rope = rope<T>,
            .squaredSum = squaredSum<T>,
            .sumRanks = sumRanks<T>,
            .addRow = addRow<T>,
            .toFloat = toFloat<T>,
            .fromFloat = fromFloat<T>,
            .layernormForward = layernormForward<T>,
            .layernormBackwardInput = layernormBackwardInput<T>,
            .layernormBackwardWeight = layernormBackwardWeight<T>,
            .rmsnormForward = rmsnormForward<T>,
            .rmsnormBackwardInput = rmsnormBackwardInput<T>,
            .rmsnormBackwardWeight = rmsnormBackwardWeight<T>,
            .crossEntropy = crossEntropy<T>,
            .attentionForwardGroup = attentionForwardGroup<T>,
            .attentionBackwardGroup = attentionBackwardGroup<T>,
            .product = product_of_type,
            .with_f32 = pairOf<T, float>(),
            .with_bf16 = pairOf<T, bfloat16>(),
            .with_f16 = pairOf<T, float16>()};
}

const VectorTable& table() {
    static constexpr VectorTable the_table = {.isa = Isa::SHARDSCOPE_ISA,
                                              .exponential = exponentialOf,
                                              .f32 = kernelsOf<float>(),
                                              .bf16 = kernelsOf<bfloat16>(),
                                              .f16 = kernelsOf<float16>()};
    return the_table;
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
