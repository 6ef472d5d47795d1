// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/model_file.h"
#include "core_runtime/config_json.h"
#include <array>

namespace shardscope {
namespace {

constexpr int64_t byte_tokens = 256; // the data is bytes, so every model needs at least these tokens
constexpr ModelFieldNames own_names;
constexpr ModelFieldNames gpt2_names = {.layers = "n_layer",
                                        .channels = "n_embd",
                                        .heads = "n_head",
                                        .vocabulary = "vocab_size",
                                        .context = "n_positions",
                                        .kv_heads = "",
                                        .feed_forward = "n_inner",
                                        .tied = "tie_word_embeddings"};
constexpr ModelFieldNames llama_names = {.layers = "num_hidden_layers",
                                         .channels = "hidden_size",
                                         .heads = "num_attention_heads",
                                         .vocabulary = "vocab_size",
                                         .context = "max_position_embeddings",
                                         .kv_heads = "num_key_value_heads",
                                         .feed_forward = "intermediate_size",
                                         .tied = "tie_word_embeddings"};

// Settings of Hugging Face's models that change what is computed: their one value here.
constexpr std::array gpt2_fixed = {
    FixedKey{"activation_function", "\"gelu_new\"|\"gelu_pytorch_tanh\"",
             "only the tanh form of GELU is implemented; write \"gelu_new\""},
    FixedKey{"layer_norm_epsilon", "1e-5", "GPT-2's 1e-5 is built in; write 1e-5"},
    FixedKey{"scale_attn_weights", "true", "scores are always divided by the root of the head size; write true"},
    FixedKey{"scale_attn_by_inverse_layer_idx", "false", "it is not implemented; write false"},
    FixedKey{"add_cross_attention", "false", "there is no encoder to attend to; write false"},
};
constexpr std::array llama_fixed = {
    FixedKey{"hidden_act", "\"silu\"", "only SwiGLU is implemented; write \"silu\""},
    FixedKey{"attention_bias", "false", "the projections have no bias; write false"},
    FixedKey{"mlp_bias", "false", "the projections have no bias; write false"},
    FixedKey{"rope_scaling", "{\"rope_type\":\"default\"}|{\"type\":\"default\"}",
             "scaled rotary positions are not implemented; write null"},
};

class ModelReader {
public:
    ModelReader(ModelSpec& model, ConfigReading& reading, const Json& object, const ModelFieldNames& names)
        : m_model(model)
        , m_reading(reading)
        , m_section(reading, "", &object)
        , m_names(names) {}

    void ownForm() {
        constexpr std::array<std::string_view, 2> families = {"gpt2", "llama"};
        if (m_section.word("family", families) == "llama") m_model.family = ModelFamily::llama;
        shape();
        if (llama()) {
            number(m_names.kv_heads, &ModelSpec::kv_heads, 1, 65536, false);
            m_model.norm_epsilon = real("norm_epsilon", 1e-5, 0, 1);
            m_model.rope_theta = real("rope_theta", 10000, 1, 1e12);
        } else {
            for (const std::string_view key : {"kv_heads", "norm_epsilon", "rope_theta"})
                if (m_section.contains(key))
                    m_reading.fail(std::string(key) + " is for llama models; remove it or write \"family\": \"llama\"");
        }
        m_model.dropout = real("dropout", 0, 0, 1);
        m_model.attention_dropout = real("attention_dropout", 0, 0, 1);
        if (const Json* name = m_section.find("name")) {
            if (name->is_string() && !name->get_ref<const std::string&>().empty())
                m_model.name = name->get<std::string>();
            else
                m_reading.fail("name is " + shortText(*name) + "; write a text");
        }
        number("tile_out", &ModelSpec::tile_out, 1, 65536, false);
        number("tile_in", &ModelSpec::tile_in, 1, 65536, false);
        constexpr std::array<std::string_view, 16> known = {
            "layers",   "channels",         "heads", "vocabulary",   "context",    "name",     "family",
            "kv_heads", "feed_forward",     "tied",  "norm_epsilon", "rope_theta", "tile_out", "tile_in",
            "dropout",  "attention_dropout"};
        m_section.refuseUnknown(known);
    }

    void huggingFaceForm() {
        shape();
        if (!llama()) {
            for (const FixedKey& key : gpt2_fixed) m_section.fixed(key, 0);
            m_model.dropout = real("resid_pdrop", 0, 0, 1);
            if (m_section.contains("embd_pdrop") && real("embd_pdrop", 0, 0, 1) != m_model.dropout)
                m_reading.fail(
                    "embd_pdrop is not resid_pdrop; one probability serves both, so give them the same value");
            m_model.attention_dropout = real("attn_pdrop", 0, 0, 1);
            return;
        }
        number(m_names.kv_heads, &ModelSpec::kv_heads, 1, 65536, false);
        m_model.norm_epsilon = real("rms_norm_eps", 1e-6, 0, 1);
        m_model.rope_theta = real("rope_theta", 10000, 1, 1e12);
        ConfigSection rope = m_section.section("rope_parameters"); // where newer files have it
        if (rope.contains("rope_theta"))
            m_model.rope_theta = static_cast<float>(rope.real("rope_theta", 10000, 1, 1e12));
        rope.fixed({"rope_type", "\"default\"", "scaled rotary positions are not implemented; write \"default\""}, 0);
        m_model.attention_dropout = real("attention_dropout", 0, 0, 1);
        for (const FixedKey& key : llama_fixed) m_section.fixed(key, 0);
        const auto size = m_section.optionalInteger("head_dim", {1, "", ""});
        if (size && m_model.heads > 0 && *size * m_model.heads != m_model.channels)
            m_reading.fail("head_dim is " + std::to_string(*size) +
                           ", and heads of another size than hidden_size / num_attention_heads are not implemented; "
                           "remove it");
    }

private:
    bool llama() const { return m_model.family == ModelFamily::llama; }

    void shape() {
        number(m_names.layers, &ModelSpec::layers, 1, 1000);
        number(m_names.channels, &ModelSpec::channels, 1, 65536);
        number(m_names.heads, &ModelSpec::heads, 1, 65536);
        number(m_names.vocabulary, &ModelSpec::vocabulary, byte_tokens, 10'000'000);
        number(m_names.context, &ModelSpec::context, 1, 10'000'000);
        number(m_names.feed_forward, &ModelSpec::feed_forward, 1, 1'000'000, llama());
        m_model.tied = m_section.flag(m_names.tied, !llama());
    }
    void number(std::string_view key, int64_t ModelSpec::*member, int64_t least, int64_t most, bool required = true) {
        const std::string range = std::to_string(least) + " to " + std::to_string(most);
        const auto value = m_section.optionalInteger(key, {least, "", ""});
        if (value && *value <= most)
            m_model.*member = *value;
        else if (value)
            m_reading.fail(std::string(key) + " is " + std::to_string(*value) + "; write a whole number from " + range);
        else if (required)
            m_reading.fail(std::string(key) + " is missing; write a whole number from " + range);
    }
    float real(std::string_view key, double fallback, double least, double below) {
        return static_cast<float>(m_section.real(key, fallback, least, below));
    }

    ModelSpec& m_model;
    ConfigReading& m_reading;
    ConfigSection m_section;
    const ModelFieldNames& m_names;
};

} // namespace

Result<ModelSpec> readModelFile(const std::string& path) {
    const Result<std::string> text = readSmallFile(path, "model");
    if (!text) return text.error();
    const Result<Json> object = parseJsonObject(*text, path);
    if (!object) return object.error();
    return modelFromJson(*object, path);
}

Result<ModelSpec> modelFromJson(const Json& object, const std::string& source) {
    ModelSpec model;
    model.name = source;
    ConfigReading reading;
    ConfigSection section(reading, "", &object);
    const ModelFieldNames* names = &own_names;
    if (section.contains("model_type")) {
        constexpr std::array<std::string_view, 2> types = {"gpt2", "llama"};
        const std::string type = section.word("model_type", types);
        if (!reading.error && type.empty()) reading.fail("model_type is empty; write \"gpt2\" or \"llama\"");
        if (reading.error) return Error{source + ": " + reading.error->message};
        model.family = type == "llama" ? ModelFamily::llama : ModelFamily::gpt2;
        names = type == "llama" ? &llama_names : &gpt2_names;
        ModelReader(model, reading, object, *names).huggingFaceForm();
    } else if (section.contains(gpt2_names.channels) || section.contains(llama_names.channels)) {
        reading.fail("model_type is missing; write \"gpt2\" or \"llama\", as in Hugging Face's config.json");
    } else {
        ModelReader(model, reading, object, *names).ownForm();
    }
    if (!reading.error)
        if (const auto mistake = findMistake(model, *names)) reading.fail(*mistake);
    if (reading.error) return Error{source + ": " + reading.error->message};
    return model;
}

Json modelJson(const ModelSpec& model) {
    Json object = {{"name", model.name},
                   {"family", toText(model.family)},
                   {"layers", model.layers},
                   {"channels", model.channels},
                   {"heads", model.heads},
                   {"vocabulary", model.vocabulary},
                   {"context", model.context},
                   {"tied", model.tied},
                   {"feed_forward", model.feedForward()}};
    if (model.dropout > 0) object["dropout"] = model.dropout;
    if (model.attention_dropout > 0) object["attention_dropout"] = model.attention_dropout;
    if (model.tile_out > 1) object["tile_out"] = model.tile_out;
    if (model.tile_in > 1) object["tile_in"] = model.tile_in;
    if (model.family == ModelFamily::llama) {
        object["kv_heads"] = model.keyHeads();
        object["norm_epsilon"] = model.norm_epsilon;
        object["rope_theta"] = model.rope_theta;
    }
    return object;
}

std::optional<std::string> findDifference(const ModelSpec& there, const ModelSpec& here) {
    const auto weights = [](const ModelSpec& model) { // what changes their meaning
        Json object = modelJson(model);
        for (const char* key : {"name", "dropout", "attention_dropout", "tile_out", "tile_in"}) object.erase(key);
        return object;
    };
    const Json a = weights(there), b = weights(here);
    for (const auto& [key, value] : a.items())
        if (!b.contains(key) || b[key] != value)
            return key + " is " + shortText(value) + " there and " + (b.contains(key) ? shortText(b[key]) : "absent") +
                   " here";
    return std::nullopt;
}

} // namespace shardscope
