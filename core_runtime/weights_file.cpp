// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/weights_file.h"
#include "core_runtime/config_json.h"
#include <algorithm>
#include <cassert>
#include <set>

namespace shardscope {
namespace {

// Swaps the two directions of a matrix of `rows` rows.
std::vector<float> transposed(std::span<const float> values, size_t rows) {
    const size_t columns = values.size() / rows;
    std::vector<float> result(values.size());
    for (size_t r = 0; r < rows; ++r)
        for (size_t c = 0; c < columns; ++c) result[c * rows + r] = values[r * columns + c];
    return result;
}

std::string replaced(std::string name, const std::string& what, const std::string& with) {
    return name.replace(name.find(what), what.size(), with);
}

std::string shapeText(const std::vector<int64_t>& shape) {
    std::string text;
    for (const int64_t extent : shape) text += (text.empty() ? "" : ", ") + std::to_string(extent);
    return "[" + text + "]";
}

// What files of these models hold beside weights.
bool isBuffer(const std::string& name) {
    return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || name.ends_with("rotary_emb.inv_freq");
}

std::string withoutPrefix(const std::string& name) {
    for (const char* prefix : {"transformer.", "model."})
        if (name.starts_with(prefix)) return name.substr(std::string_view(prefix).size());
    return name;
}

} // namespace

std::vector<StoredTensor> storedTensors(const ModelSpec& model) {
    const std::vector<ParameterInfo> parameters = parametersOf(model);
    const bool llama = model.family == ModelFamily::llama;
    const int64_t c = model.channels, queries = model.heads * model.headSize();
    std::vector<StoredTensor> tensors;
    for (size_t p = 0; p < parameters.size(); ++p) {
        const auto index = static_cast<int32_t>(p);
        const ParameterInfo& parameter = parameters[p];
        if (llama && parameter.role == ParameterRole::qkv_weight) {
            const int64_t keys = model.keyHeads() * model.headSize();
            tensors.push_back({replaced(parameter.name, "qkv", "q"), {queries, c}, index, 0});
            tensors.push_back({replaced(parameter.name, "qkv", "k"), {keys, c}, index, queries});
            tensors.push_back({replaced(parameter.name, "qkv", "v"), {keys, c}, index, queries + keys});
        } else if (llama && parameter.role == ParameterRole::up_weight) {
            const int64_t f = model.feedForward();
            tensors.push_back({replaced(parameter.name, "gate_up", "gate"), {f, c}, index, 0});
            tensors.push_back({replaced(parameter.name, "gate_up", "up"), {f, c}, index, f});
        } else {
            const bool in_block = parameter.layer >= 0 && parameter.layer < model.layers;
            const bool turned = !llama && in_block && parameter.shape.size() == 2;
            std::vector<int64_t> shape = parameter.shape;
            if (turned) std::swap(shape[0], shape[1]);
            tensors.push_back({parameter.name, std::move(shape), index, 0, turned});
        }
    }
    return tensors;
}

Result<void> writeWeights(SafetensorsWriter& file, const ModelSpec& model, DType dtype,
                          const SafetensorsMetadata& metadata, const WeightSource& source) {
    const std::vector<ParameterInfo> parameters = parametersOf(model);
    const std::vector<StoredTensor> stored = storedTensors(model);
    std::vector<SafetensorsWriter::Tensor> tensors;
    for (const StoredTensor& tensor : stored) tensors.push_back({tensor.name, tensor.shape});
    file.begin(tensors, dtype, metadata);
    auto tensor = stored.begin();
    for (size_t p = 0; p < parameters.size(); ++p) {
        std::vector<float> values(static_cast<size_t>(parameters[p].elements));
        if (const Result<void> filled = source(static_cast<int32_t>(p), values); !filled) return filled.error();
        if (tensor->transposed) values = transposed(values, static_cast<size_t>(parameters[p].shape[0]));
        file.write(values); // the tensors of a stack follow one another as its rows do
        while (tensor != stored.end() && tensor->parameter == static_cast<int32_t>(p)) ++tensor;
    }
    return file.publish();
}

Result<WeightsReader> WeightsReader::open(const std::string& path, const ModelSpec& model) {
    Result<SafetensorsReader> file = SafetensorsReader::open(path);
    if (!file) return file.error();
    const auto refuse = [&](const std::string& what) {
        return Error{path + " does not hold the weights of " + model.name + ": " + what +
                     "; give --model the model that they were saved from"};
    };
    std::vector<std::vector<Piece>> pieces(parametersOf(model).size());
    std::set<std::string> known;
    for (StoredTensor& place : storedTensors(model)) {
        const TensorInfo* tensor = file->find(place.name);
        if (!tensor) tensor = file->find(withoutPrefix(place.name));
        if (!tensor) return refuse("tensor " + place.name + " is missing");
        if (tensor->shape != place.shape)
            return refuse("tensor " + place.name + " is " + shapeText(tensor->shape) + " and not " +
                          shapeText(place.shape));
        if (tensor->dtype != "F32" && tensor->dtype != "F16" && tensor->dtype != "BF16")
            return Error{path + ": tensor " + place.name + " is " + tensor->dtype +
                         "; convert the weights to F32, F16 or BF16"};
        known.insert(tensor->name);
        pieces[static_cast<size_t>(place.parameter)].push_back({std::move(place), tensor});
    }
    for (const TensorInfo& tensor : file->tensors())
        if (!known.contains(tensor.name) && !isBuffer(tensor.name))
            return refuse("tensor " + shortText(tensor.name) + " is no part of it" +
                          (tensor.name == "lm_head.weight" ? ", whose head is tied to the embedding" : ""));
    return WeightsReader(*std::move(file), std::move(pieces));
}

Result<void> WeightsReader::read(int32_t parameter, int64_t first, std::span<float> out) {
    if (m_held != parameter) {
        m_held = -1;
        const std::vector<Piece>& pieces = m_pieces[static_cast<size_t>(parameter)];
        int64_t elements = 0;
        for (const Piece& piece : pieces) elements += piece.place.elements();
        m_values.resize(static_cast<size_t>(elements));
        auto rest = std::span(m_values);
        for (const Piece& piece : pieces) {
            const auto part = rest.first(static_cast<size_t>(piece.place.elements()));
            if (const Result<void> done = m_file.read(*piece.tensor, 0, part); !done) return done.error();
            if (piece.place.transposed)
                std::ranges::copy(transposed(part, static_cast<size_t>(piece.place.shape[0])), part.begin());
            rest = rest.subspan(part.size());
        }
        m_held = parameter;
    }
    assert(first >= 0 && static_cast<size_t>(first) + out.size() <= m_values.size());
    std::ranges::copy(std::span(m_values).subspan(static_cast<size_t>(first), out.size()), out.begin());
    return {};
}

} // namespace shardscope
