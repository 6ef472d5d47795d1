// SPDX-License-Identifier: Apache-2.0
// What is trained: a GPT-2 (Radford et al. 2019) with tied embeddings, byte-level tokens by default. The parameter list
// is in definition order with Hugging Face's names; each parameter knows how it is initialised.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace shardscope {

struct ModelSpec {
    std::string name; // "gpt2-tiny"
    int64_t layers = 0;
    int64_t channels = 0; // hidden size
    int64_t heads = 0;    // divides channels
    int64_t vocabulary = 0;
    int64_t context = 0; // longest sequence
    bool operator==(const ModelSpec&) const = default;
};

enum class ParameterRole : uint8_t {
    token_embedding,
    position_embedding,
    norm1_weight,
    norm1_bias,
    qkv_weight,
    qkv_bias,
    projection_weight,
    projection_bias,
    norm2_weight,
    norm2_bias,
    up_weight,
    up_bias,
    down_weight,
    down_bias,
    final_norm_weight,
    final_norm_bias
};

inline constexpr int32_t embedding_layer = -2; // ParameterInfo::layer of wte and wpe

struct ParameterInfo {
    std::string name; // "transformer.h.3.attn.c_attn.weight"; stored [out, in]
    ParameterRole role;
    int32_t layer = 0; // embedding_layer, 0..layers-1, or layers for the final norm
    std::vector<int64_t> shape;
    int64_t elements = 0;
    float init_std = 0;      // 0: constant
    float init_constant = 0; // 1 for norm weights
};

std::span<const ModelSpec> builtinModels();           // gpt2-tiny, gpt2-mini, gpt2-124m, ...
Result<ModelSpec> findModel(const std::string& name); // the error lists what exists and the nearest name
std::vector<ParameterInfo> parametersOf(const ModelSpec&);
int64_t parameterCount(const ModelSpec&);

// Initial values of elements [first, first + out.size()) of parameter `index`: normal(0, init_std) or the constant. A
// counter-based generator keyed by (seed, parameter, element): any rank can fill any range and gets the same values.
void initialValues(const ParameterInfo&, int64_t index, uint64_t seed, int64_t first, std::span<float> out);

} // namespace shardscope
