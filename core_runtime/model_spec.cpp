// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/model_spec.h"
#include "core_runtime/config_json.h"
#include "core_runtime/model_file.h"
#include "core_runtime/nearest_name.h"
#include "core_runtime/random.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string_view>

namespace shardscope {
const char* toText(ModelFamily family) { return family == ModelFamily::gpt2 ? "gpt2" : "llama"; }

std::span<const ModelSpec> builtinModels() {
    const auto llama = [](const char* name, int64_t layers, int64_t channels, int64_t heads, int64_t kv_heads,
                          int64_t feed_forward, int64_t vocabulary, int64_t context, float rope_theta) {
        return ModelSpec{.name = name,
                         .layers = layers,
                         .channels = channels,
                         .heads = heads,
                         .vocabulary = vocabulary,
                         .context = context,
                         .family = ModelFamily::llama,
                         .kv_heads = kv_heads,
                         .feed_forward = feed_forward,
                         .tied = false,
                         .rope_theta = rope_theta};
    };
    static const std::array models = {
        ModelSpec{"gpt2-tiny", 6, 256, 8, 256, 64},
        ModelSpec{"gpt2-mini", 6, 512, 8, 256, 128},
        ModelSpec{"gpt2-124m", 12, 768, 12, 50257, 1024},
        ModelSpec{"gpt2-355m", 24, 1024, 16, 50257, 1024},
        ModelSpec{"gpt2-774m", 36, 1280, 20, 50257, 1024},
        ModelSpec{"gpt2-1.5b", 48, 1600, 25, 50257, 1024},
        llama("llama-tiny", 6, 256, 8, 4, 688, 256, 64, 10000),
        llama("llama-mini", 6, 512, 8, 4, 1376, 256, 128, 10000),
        llama("llama2-7b", 32, 4096, 32, 32, 11008, 32000, 4096, 10000),
        llama("llama2-13b", 40, 5120, 40, 40, 13824, 32000, 4096, 10000),
        llama("llama2-70b", 80, 8192, 64, 8, 28672, 32000, 4096, 10000),
        llama("llama3-8b", 32, 4096, 32, 8, 14336, 128256, 8192, 500000),
        llama("llama3-70b", 80, 8192, 64, 8, 28672, 128256, 8192, 500000),
    };
    return models;
}

Result<ModelSpec> findModel(const std::string& name) {
    if (name.ends_with(".json")) return readModelFile(name);
    std::vector<std::string_view> names;
    std::string list;
    for (const ModelSpec& model : builtinModels()) {
        if (model.name == name) return model;
        names.push_back(model.name);
        list += (list.empty() ? "" : ", ") + model.name;
    }
    return Error{
        "model " + shortText(name) + " does not exist; did you mean " + nearestName(name, names) + "? There are " +
        list +
        ", or name a .json file: layers, channels, heads, vocabulary and context, or Hugging Face's config.json"};
}

std::optional<std::string> findMistake(const ModelSpec& model, const ModelFieldNames& names) {
    const auto is = [](std::string_view name, int64_t value) {
        return std::string(name) + " is " + std::to_string(value);
    };
    if (!(model.dropout >= 0 && model.dropout < 1)) return "dropout is not from 0 to below 1; choose 0.1 or 0";
    if (model.heads < 1 || model.channels % model.heads != 0)
        return is(names.heads, model.heads) + ", which does not divide " + std::string(names.channels) + " " +
               std::to_string(model.channels) + "; choose a divisor";
    if (model.keyHeads() < 1 || model.heads % model.keyHeads() != 0)
        return is(names.kv_heads, model.kv_heads) + ", which does not divide " + std::string(names.heads) + " " +
               std::to_string(model.heads) + "; choose a divisor";
    if (model.family == ModelFamily::llama && model.headSize() % 2 != 0)
        return is(names.heads, model.heads) + ", which leaves " + std::to_string(model.headSize()) +
               " channels per head, and rotary positions turn pairs; choose a number that leaves an even one";
    const int64_t c = model.channels, f = model.feedForward();
    const int64_t up = model.family == ModelFamily::llama ? 2 * f : f;
    for (const int64_t out : {model.qkvChannels(), c, up})
        if (model.tile_out < 1 || out % model.tile_out != 0)
            return is("tile_out", model.tile_out) + ", which does not divide the " + std::to_string(out) +
                   " outputs of a linear layer; choose a divisor";
    for (const int64_t in : {c, f})
        if (model.tile_in < 1 || in % model.tile_in != 0)
            return is("tile_in", model.tile_in) + ", which does not divide the " + std::to_string(in) +
                   " inputs of a linear layer; choose a divisor";
    return std::nullopt;
}

std::vector<std::string> noticesOf(const ModelSpec& model) {
    if (model.attention_dropout == 0) return {};
    return {model.name + " drops attention probabilities (attn_pdrop, attention_dropout), which is not implemented and "
                         "has no effect"};
}

namespace {

// GPT-2's initialisation for both families: the two projections into the residual stream are scaled down by their
// number.
class ParameterList {
public:
    explicit ParameterList(const ModelSpec& model)
        : m_residual_std(static_cast<float>(0.02 / std::sqrt(2.0 * static_cast<double>(model.layers)))) {}

    void weight(std::string name, ParameterRole role, int32_t layer, int64_t out, int64_t in) {
        const bool residual = role == ParameterRole::projection_weight || role == ParameterRole::down_weight;
        add(std::move(name), role, layer, {out, in}, residual ? m_residual_std : 0.02f, 0);
    }
    void vector(std::string name, ParameterRole role, int32_t layer, int64_t elements, float constant) {
        add(std::move(name), role, layer, {elements}, 0, constant);
    }
    std::vector<ParameterInfo> take() { return std::move(m_list); }

private:
    void add(std::string name, ParameterRole role, int32_t layer, std::vector<int64_t> shape, float std,
             float constant) {
        const int64_t elements = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
        const auto index = static_cast<int32_t>(m_list.size());
        m_list.push_back({std::move(name), role, layer, std::move(shape), elements, std, constant, index, {}});
    }
    float m_residual_std;
    std::vector<ParameterInfo> m_list;
};

void addGpt2(ParameterList& list, const ModelSpec& model) {
    using R = ParameterRole;
    const int64_t c = model.channels, f = model.feedForward();
    list.weight("transformer.wte.weight", R::token_embedding, embedding_layer, model.vocabulary, c);
    list.weight("transformer.wpe.weight", R::position_embedding, embedding_layer, model.context, c);
    for (int32_t l = 0; l < model.layers; ++l) {
        const std::string h = "transformer.h." + std::to_string(l) + ".";
        list.vector(h + "ln_1.weight", R::norm1_weight, l, c, 1);
        list.vector(h + "ln_1.bias", R::norm1_bias, l, c, 0);
        list.weight(h + "attn.c_attn.weight", R::qkv_weight, l, 3 * c, c);
        list.vector(h + "attn.c_attn.bias", R::qkv_bias, l, 3 * c, 0);
        list.weight(h + "attn.c_proj.weight", R::projection_weight, l, c, c);
        list.vector(h + "attn.c_proj.bias", R::projection_bias, l, c, 0);
        list.vector(h + "ln_2.weight", R::norm2_weight, l, c, 1);
        list.vector(h + "ln_2.bias", R::norm2_bias, l, c, 0);
        list.weight(h + "mlp.c_fc.weight", R::up_weight, l, f, c);
        list.vector(h + "mlp.c_fc.bias", R::up_bias, l, f, 0);
        list.weight(h + "mlp.c_proj.weight", R::down_weight, l, c, f);
        list.vector(h + "mlp.c_proj.bias", R::down_bias, l, c, 0);
    }
    const auto last = static_cast<int32_t>(model.layers);
    list.vector("transformer.ln_f.weight", R::final_norm_weight, last, c, 1);
    list.vector("transformer.ln_f.bias", R::final_norm_bias, last, c, 0);
}

void addLlama(ParameterList& list, const ModelSpec& model) {
    using R = ParameterRole;
    const int64_t c = model.channels, f = model.feedForward();
    list.weight("model.embed_tokens.weight", R::token_embedding, embedding_layer, model.vocabulary, c);
    for (int32_t l = 0; l < model.layers; ++l) {
        const std::string h = "model.layers." + std::to_string(l) + ".";
        list.vector(h + "input_layernorm.weight", R::norm1_weight, l, c, 1);
        list.weight(h + "self_attn.qkv_proj.weight", R::qkv_weight, l, model.qkvChannels(), c);
        list.weight(h + "self_attn.o_proj.weight", R::projection_weight, l, c, c);
        list.vector(h + "post_attention_layernorm.weight", R::norm2_weight, l, c, 1);
        list.weight(h + "mlp.gate_up_proj.weight", R::up_weight, l, 2 * f, c);
        list.weight(h + "mlp.down_proj.weight", R::down_weight, l, c, f);
    }
    list.vector("model.norm.weight", R::final_norm_weight, static_cast<int32_t>(model.layers), c, 1);
}

} // namespace

std::vector<ParameterInfo> parametersOf(const ModelSpec& model) {
    ParameterList list(model);
    model.family == ModelFamily::gpt2 ? addGpt2(list, model) : addLlama(list, model);
    if (!model.tied)
        list.weight("lm_head.weight", ParameterRole::head_weight, static_cast<int32_t>(model.layers), model.vocabulary,
                    model.channels);
    return list.take();
}

int64_t parameterCount(const ModelSpec& model) {
    const int64_t c = model.channels, f = model.feedForward();
    const int64_t head = model.tied ? 0 : model.vocabulary * c;
    if (model.family == ModelFamily::gpt2) // 12 c^2 + 13 c per block for f = 4 c
        return (model.vocabulary + model.context) * c + model.layers * (4 * c * c + 2 * c * f + 9 * c + f) + 2 * c +
               head;
    return model.vocabulary * c + model.layers * (c * c + model.qkvChannels() * c + 3 * c * f + 2 * c) + c + head;
}

void initialValues(const ParameterInfo& parameter, int64_t index, uint64_t seed, int64_t first, std::span<float> out) {
    if (parameter.init_std == 0) {
        std::fill(out.begin(), out.end(), parameter.init_constant);
        return;
    }
    const uint64_t key = randomBits(seed, static_cast<uint64_t>(index));
    double even = 0, odd = 0; // Box and Muller 1958: elements 2p and 2p+1 come from the same two uniform numbers
    int64_t known_pair = -1;
    for (size_t i = 0; i < out.size(); ++i) {
        const int64_t element = first + static_cast<int64_t>(i);
        if (const int64_t pair = element / 2; pair != known_pair) {
            known_pair = pair;
            const auto counter = static_cast<uint64_t>(pair) * 2;
            const double radius = std::sqrt(-2.0 * std::log(uniformAboveZero(randomBits(key, counter))));
            const double angle = 2.0 * std::numbers::pi * uniformAboveZero(randomBits(key, counter + 1));
            even = radius * std::cos(angle);
            odd = radius * std::sin(angle);
        }
        out[i] = parameter.init_std * static_cast<float>(element % 2 == 0 ? even : odd);
    }
}

} // namespace shardscope
