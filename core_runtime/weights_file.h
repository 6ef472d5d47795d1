// SPDX-License-Identifier: Apache-2.0
// Weights as a .safetensors file that Hugging Face's GPT-2 loads: its names and its [in, out] order for the linear
// layers (the runtime stores [out, in]).
#pragma once
#include "core_runtime/model_spec.h"
#include "core_runtime/safetensors.h"
#include <functional>

namespace shardscope {

// Fills a whole parameter, [out, in].
using WeightSource = std::function<Result<void>(int32_t parameter, std::span<float> out)>;

// Holds one parameter at a time. Publishes the file.
Result<void> writeWeights(SafetensorsWriter&, const std::vector<ParameterInfo>&, DType, const SafetensorsMetadata&,
                          const WeightSource&);

} // namespace shardscope
