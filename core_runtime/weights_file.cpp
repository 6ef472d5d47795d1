// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/weights_file.h"

namespace shardscope {
namespace {

// Hugging Face's GPT-2 keeps its four linear layers as [in, out]; embeddings are [rows, channels] in both.
bool isTransposed(const ParameterInfo& parameter) {
    return parameter.shape.size() == 2 && parameter.role != ParameterRole::token_embedding &&
           parameter.role != ParameterRole::position_embedding;
}

std::vector<float> transposed(const std::vector<float>& values, size_t rows, size_t columns) {
    std::vector<float> result(values.size());
    for (size_t r = 0; r < rows; ++r)
        for (size_t c = 0; c < columns; ++c) result[c * rows + r] = values[r * columns + c];
    return result;
}

} // namespace

Result<void> writeWeights(SafetensorsWriter& file, const std::vector<ParameterInfo>& parameters, DType dtype,
                          const SafetensorsMetadata& metadata, const WeightSource& source) {
    std::vector<SafetensorsWriter::Tensor> tensors;
    for (const ParameterInfo& parameter : parameters) {
        tensors.push_back({parameter.name, parameter.shape});
        if (isTransposed(parameter)) std::swap(tensors.back().shape[0], tensors.back().shape[1]);
    }
    file.begin(tensors, dtype, metadata);
    for (size_t p = 0; p < parameters.size(); ++p) {
        const ParameterInfo& parameter = parameters[p];
        std::vector<float> values(static_cast<size_t>(parameter.elements));
        if (const Result<void> filled = source(static_cast<int32_t>(p), values); !filled) return filled.error();
        if (isTransposed(parameter))
            values =
                transposed(values, static_cast<size_t>(parameter.shape[0]), static_cast<size_t>(parameter.shape[1]));
        file.write(values);
    }
    return file.publish();
}

} // namespace shardscope
