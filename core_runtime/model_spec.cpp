// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/model_spec.h"
#include "core_runtime/config_json.h"
#include "core_runtime/nearest_name.h"
#include "core_runtime/random.h"
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

namespace shardscope {
namespace {

constexpr int64_t byte_tokens = 256; // the data is bytes, so every model needs at least these tokens

Result<ModelSpec> modelFromFile(const std::string& path) {
    const Result<std::string> text = readSmallFile(path, "model");
    if (!text) return text.error();
    const Result<Json> object = parseJsonObject(*text, path);
    if (!object) return object.error();

    ModelSpec model;
    model.name = path;
    ConfigReading reading;
    ConfigSection section(reading, "", &*object);
    struct Field {
        std::string_view key;
        int64_t ModelSpec::*member;
        int64_t least, most;
    };
    constexpr std::array fields = {Field{"layers", &ModelSpec::layers, 1, 1000},
                                   Field{"channels", &ModelSpec::channels, 1, 65536},
                                   Field{"heads", &ModelSpec::heads, 1, 65536},
                                   Field{"vocabulary", &ModelSpec::vocabulary, byte_tokens, 10'000'000},
                                   Field{"context", &ModelSpec::context, 1, 1'000'000}};
    std::vector<std::string_view> known = {"name"};
    for (const Field& field : fields) {
        known.push_back(field.key);
        const auto range = std::to_string(field.least) + " to " + std::to_string(field.most);
        const auto value = section.optionalInteger(field.key, {field.least, "", ""});
        if (!value)
            reading.fail(std::string(field.key) + " is missing; write a whole number from " + range);
        else if (*value > field.most)
            reading.fail(std::string(field.key) + " is " + std::to_string(*value) + "; write a whole number from " +
                         range);
        else
            model.*field.member = *value;
    }
    if (const Json* name = section.find("name")) {
        if (name->is_string() && !name->get_ref<const std::string&>().empty())
            model.name = name->get<std::string>();
        else
            reading.fail("name is " + shortText(*name) + "; write a text");
    }
    section.refuseUnknown(known);
    if (!reading.error && model.channels % model.heads != 0)
        reading.fail("heads is " + std::to_string(model.heads) + ", which does not divide channels " +
                     std::to_string(model.channels) + "; choose a divisor");
    if (reading.error) return Error{path + ": " + reading.error->message};
    return model;
}

} // namespace

std::span<const ModelSpec> builtinModels() {
    static const std::array models = {
        ModelSpec{"gpt2-tiny", 6, 256, 8, 256, 64},        ModelSpec{"gpt2-mini", 6, 512, 8, 256, 128},
        ModelSpec{"gpt2-124m", 12, 768, 12, 50257, 1024},  ModelSpec{"gpt2-355m", 24, 1024, 16, 50257, 1024},
        ModelSpec{"gpt2-774m", 36, 1280, 20, 50257, 1024}, ModelSpec{"gpt2-1.5b", 48, 1600, 25, 50257, 1024},
    };
    return models;
}

Result<ModelSpec> findModel(const std::string& name) {
    if (name.ends_with(".json")) return modelFromFile(name);
    std::vector<std::string_view> names;
    std::string list;
    for (const ModelSpec& model : builtinModels()) {
        if (model.name == name) return model;
        names.push_back(model.name);
        list += (list.empty() ? "" : ", ") + model.name;
    }
    return Error{"model " + shortText(name) + " does not exist; did you mean " + nearestName(name, names) +
                 "? There are " + list + ", or name a .json file with layers, channels, heads, vocabulary and context"};
}

std::vector<ParameterInfo> parametersOf(const ModelSpec& model) {
    const int64_t c = model.channels;
    const float std_usual =
        0.02f; // GPT-2's; the two projections into the residual stream are scaled down by their number
    const float std_residual = static_cast<float>(0.02 / std::sqrt(2.0 * static_cast<double>(model.layers)));
    std::vector<ParameterInfo> result;
    const auto add = [&](std::string name, ParameterRole role, int32_t layer, std::vector<int64_t> shape, float std,
                         float constant) {
        const int64_t elements = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
        result.push_back({"transformer." + name, role, layer, std::move(shape), elements, std, constant});
    };
    add("wte.weight", ParameterRole::token_embedding, embedding_layer, {model.vocabulary, c}, std_usual, 0);
    add("wpe.weight", ParameterRole::position_embedding, embedding_layer, {model.context, c}, std_usual, 0);
    for (int32_t layer = 0; layer < model.layers; ++layer) {
        const std::string h = "h." + std::to_string(layer) + ".";
        add(h + "ln_1.weight", ParameterRole::norm1_weight, layer, {c}, 0, 1);
        add(h + "ln_1.bias", ParameterRole::norm1_bias, layer, {c}, 0, 0);
        add(h + "attn.c_attn.weight", ParameterRole::qkv_weight, layer, {3 * c, c}, std_usual, 0);
        add(h + "attn.c_attn.bias", ParameterRole::qkv_bias, layer, {3 * c}, 0, 0);
        add(h + "attn.c_proj.weight", ParameterRole::projection_weight, layer, {c, c}, std_residual, 0);
        add(h + "attn.c_proj.bias", ParameterRole::projection_bias, layer, {c}, 0, 0);
        add(h + "ln_2.weight", ParameterRole::norm2_weight, layer, {c}, 0, 1);
        add(h + "ln_2.bias", ParameterRole::norm2_bias, layer, {c}, 0, 0);
        add(h + "mlp.c_fc.weight", ParameterRole::up_weight, layer, {4 * c, c}, std_usual, 0);
        add(h + "mlp.c_fc.bias", ParameterRole::up_bias, layer, {4 * c}, 0, 0);
        add(h + "mlp.c_proj.weight", ParameterRole::down_weight, layer, {c, 4 * c}, std_residual, 0);
        add(h + "mlp.c_proj.bias", ParameterRole::down_bias, layer, {c}, 0, 0);
    }
    const auto last = static_cast<int32_t>(model.layers);
    add("ln_f.weight", ParameterRole::final_norm_weight, last, {c}, 0, 1);
    add("ln_f.bias", ParameterRole::final_norm_bias, last, {c}, 0, 0);
    return result;
}

int64_t parameterCount(const ModelSpec& model) {
    const int64_t c = model.channels;
    return (model.vocabulary + model.context) * c + model.layers * (12 * c * c + 13 * c) + 2 * c;
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
