// SPDX-License-Identifier: Apache-2.0
// What is trained: a decoder of the GPT-2 or the LLaMA family, with byte-level tokens by default. The parameter list is
// in definition order with Hugging Face's names, except that projections which read the same input are one matrix
// (qkv_proj, gate_up_proj); each parameter knows how it is initialised.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope {

enum class ModelFamily : uint8_t {
    gpt2, // Radford et al. 2019: LayerNorm, learned positions, GELU, biases
    llama // Touvron et al. 2023: RMSNorm, rotary positions, SwiGLU, no biases
};
const char* toText(ModelFamily);

struct ModelSpec {
    std::string name; // "gpt2-tiny"
    int64_t layers = 0;
    int64_t channels = 0; // hidden size
    int64_t heads = 0;    // divides channels
    int64_t vocabulary = 0;
    int64_t context = 0; // longest sequence
    ModelFamily family = ModelFamily::gpt2;
    int64_t kv_heads = 0;        // key/value heads, a divisor of heads (grouped-query attention); 0: as many as heads
    int64_t feed_forward = 0;    // width inside the MLP; 0: 4 * channels
    bool tied = true;            // the head is the token embedding; else a matrix of its own
    float norm_epsilon = 1e-5f;  // GPT-2: this value
    float rope_theta = 10000;    // llama: base of the rotary angles
    float dropout = 0;           // of the embedding and of what attention and MLP add to the residual stream, below 1
    float attention_dropout = 0; // of attention probabilities; described, but see noticesOf()
    int64_t tile_out = 1, tile_in = 1; // the blocks' linear layers are cut into so many tiles each way; see tiling.h
    bool operator==(const ModelSpec&) const = default;

    int64_t headSize() const { return channels / heads; }
    int64_t keyHeads() const { return kv_heads ? kv_heads : heads; }
    int64_t qkvChannels() const { return (heads + 2 * keyHeads()) * headSize(); } // of one token
    int64_t feedForward() const { return feed_forward ? feed_forward : 4 * channels; }
};

enum class ParameterRole : uint8_t {
    token_embedding,
    position_embedding,
    norm1_weight,
    norm1_bias,
    qkv_weight, // rows of the queries, then keys, then values
    qkv_bias,
    projection_weight,
    projection_bias,
    norm2_weight,
    norm2_bias,
    up_weight, // llama: rows of the gate, then of up
    up_bias,
    down_weight,
    down_bias,
    final_norm_weight,
    final_norm_bias,
    head_weight // where the head is not tied
};

inline constexpr int32_t embedding_layer = -2; // ParameterInfo::layer of the embeddings

// The part of a linear layer's weight that a parameter is.
struct TileInfo {
    int32_t number = 0;          // within the block
    int64_t row = 0, column = 0; // of its first element in the whole
    int64_t whole_columns = 0;
};

struct ParameterInfo {
    std::string name; // "transformer.h.3.attn.c_attn.weight"; stored [out, in]
    ParameterRole role;
    int32_t layer = 0; // embedding_layer, 0..layers-1, or layers for the final norm and the head
    std::vector<int64_t> shape;
    int64_t elements = 0;
    float init_std = 0;      // 0: constant
    float init_constant = 0; // 1 for norm weights
    int32_t whole = 0;       // index in parametersOf(), of which this is all or a tile
    std::optional<TileInfo> tile;
};

std::span<const ModelSpec> builtinModels(); // gpt2-tiny, ..., llama3-70b
// A built-in name or a .json file (model_file.h); the error lists what exists and the nearest name.
Result<ModelSpec> findModel(const std::string& name);

// What the numbers of a model are called where they were written, for messages.
struct ModelFieldNames {
    std::string_view layers = "layers", channels = "channels", heads = "heads", vocabulary = "vocabulary",
                     context = "context", kv_heads = "kv_heads", feed_forward = "feed_forward", tied = "tied";
};
// Numbers that do not fit together, as a sentence without its full stop.
std::optional<std::string> findMistake(const ModelSpec&, const ModelFieldNames& = {});

// What a model asks for and the runtime does not do, as sentences without full stops.
std::vector<std::string> noticesOf(const ModelSpec&);

std::vector<ParameterInfo> parametersOf(const ModelSpec&);
int64_t parameterCount(const ModelSpec&);

// Initial values of elements [first, first + out.size()) of parameter `index`: normal(0, init_std) or the constant. A
// counter-based generator keyed by (seed, parameter, element): any rank can fill any range and gets the same values.
void initialValues(const ParameterInfo&, int64_t index, uint64_t seed, int64_t first, std::span<float> out);

} // namespace shardscope
