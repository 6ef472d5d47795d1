// SPDX-License-Identifier: Apache-2.0
// How the cases of the op table are written down: short names for tensors, and calls that pick implementation and type
// when they run. Only the sources of the op table include this.
#pragma once
#include "kernels/op_table.h"
#include <utility>

namespace shardscope::kernels {

void addEmbedding(std::vector<OpCase>&, int64_t batch, int64_t sequence, int64_t channels, int64_t vocabulary);
void addNorms(std::vector<OpCase>&, int64_t rows, int64_t channels);
void addMatmul(std::vector<OpCase>&, int64_t rows, int64_t n, int64_t k, bool bias, MatmulLayout = {});
void addAttention(std::vector<OpCase>&, AttentionShape);
void addRope(std::vector<OpCase>&, AttentionShape);
void addCrossEntropy(std::vector<OpCase>&, int64_t rows, int64_t vocabulary, int64_t pitch);
void addElementwise(std::vector<OpCase>&, int64_t elements); // activations, residual, dropout
void addSwiglu(std::vector<OpCase>&, int64_t rows, int64_t ffn);
void addStates(std::vector<OpCase>&, int64_t elements); // what gradients and optimizer states go through

// All ops of one implementation and type.
template <class T> struct Ops {
    decltype(&cpu::embeddingForward<T>) embeddingForward;
    decltype(&cpu::embeddingBackward<T>) embeddingBackward;
    decltype(&cpu::layernormForward<T>) layernormForward;
    decltype(&cpu::layernormBackward<T>) layernormBackward;
    decltype(&cpu::rmsnormForward<T>) rmsnormForward;
    decltype(&cpu::rmsnormBackward<T>) rmsnormBackward;
    decltype(&cpu::matmulForward<T>) matmulForward;
    decltype(&cpu::matmulBackwardInput<T>) matmulBackwardInput;
    decltype(&cpu::matmulBackwardWeight<T>) matmulBackwardWeight;
    decltype(&cpu::rope<T>) rope;
    decltype(&cpu::attentionForward<T>) attentionForward;
    decltype(&cpu::attentionBackward<T>) attentionBackward;
    decltype(&cpu::geluForward<T>) geluForward;
    decltype(&cpu::geluBackward<T>) geluBackward;
    decltype(&cpu::swigluForward<T>) swigluForward;
    decltype(&cpu::swigluBackward<T>) swigluBackward;
    decltype(&cpu::dropout<T>) dropout;
    decltype(&cpu::residualForward<T>) residualForward;
    decltype(&cpu::crossEntropy<T>) crossEntropy;
    decltype(&cpu::adamw<T>) adamw;
    decltype(&cpu::squaredSum<T>) squaredSum;
    decltype(&cpu::sumRanks<T>) sumRanks;
    decltype(&cpu::adamw<T, float>) adamwOfFloatGradient;
    decltype(&cpu::accumulate<float, T>) accumulateInFloat;
    decltype(&cpu::accumulate<T, float>) accumulateFloat;
};
#define SHARDSCOPE_OPS(space)                                                                                          \
    Ops<T> {                                                                                                           \
        space::embeddingForward<T>, space::embeddingBackward<T>, space::layernormForward<T>,                           \
            space::layernormBackward<T>, space::rmsnormForward<T>, space::rmsnormBackward<T>, space::matmulForward<T>, \
            space::matmulBackwardInput<T>, space::matmulBackwardWeight<T>, space::rope<T>, space::attentionForward<T>, \
            space::attentionBackward<T>, space::geluForward<T>, space::geluBackward<T>, space::swigluForward<T>,       \
            space::swigluBackward<T>, space::dropout<T>, space::residualForward<T>, space::crossEntropy<T>,            \
            space::adamw<T>, space::squaredSum<T>, space::sumRanks<T>, space::adamw<T, float>,                         \
            space::accumulate<float, T>, space::accumulate<T, float>                                                   \
    }
// Set by a program that has the CUDA kernels and runs them on memory that they and OpData share.
template <class T> inline Ops<T> (*cudaOps)() = nullptr;

template <class T> Ops<T> opsOf(Implementation implementation) {
    switch (implementation) {
    case Implementation::cuda:
        return cudaOps<T>();
    case Implementation::cpu:
        return SHARDSCOPE_OPS(cpu);
    case Implementation::reference:
        break;
    }
    return SHARDSCOPE_OPS(reference);
}

// From a generic call([]<class T>(const Ops<T>&, OpData&)) to one that picks implementation and type when it runs.
template <class Call> std::function<void(Implementation, OpData&)> runner(Call call) {
    return [call](Implementation implementation, OpData& d) {
        if (d.type() == DType::f32)
            call.template operator()<float>(opsOf<float>(implementation), d);
        else if (d.type() == DType::bf16)
            call.template operator()<bfloat16>(opsOf<bfloat16>(implementation), d);
        else
            call.template operator()<float16>(opsOf<float16>(implementation), d);
    };
}

inline constexpr DType T_ = DType::bf16; // the type the case runs in

inline OpTensor in(std::string name, int64_t elements, float spread = 1) {
    return {
        .name = std::move(name), .type = T_, .input = true, .output = false, .elements = elements, .spread = spread};
}
inline OpTensor out(std::string name, int64_t elements) {
    return {.name = std::move(name), .type = T_, .input = false, .output = true, .elements = elements};
}
inline OpTensor floats(OpTensor t) {
    t.type = DType::f32;
    return t;
}
inline OpTensor both(OpTensor t) {
    t.input = t.output = true;
    return t;
}
inline OpTensor filled(OpTensor t, Fill fill) {
    t.fill = fill;
    return t;
}
inline OpTensor ids(std::string name, int64_t elements, int64_t bound) {
    return {.name = std::move(name),
            .type = DType::i32,
            .input = true,
            .output = false,
            .elements = elements,
            .fill = Fill::indices,
            .bound = bound};
}

inline std::string text(std::initializer_list<std::pair<const char*, int64_t>> dims) {
    std::string s;
    for (const auto& [name, size] : dims) {
        if (!s.empty()) s += ' ';
        s.append(name).append("=").append(std::to_string(size));
    }
    return s;
}

} // namespace shardscope::kernels
