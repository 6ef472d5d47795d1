// SPDX-License-Identifier: Apache-2.0
// A model from a JSON file, in either of two forms:
//   our own: layers, channels, heads, vocabulary, context; optional name, family ("gpt2" or "llama"), feed_forward,
//   tied, dropout, attention_dropout, and for llama kv_heads, norm_epsilon, rope_theta;
//   Hugging Face's config.json, told by its model_type "gpt2" or "llama". Keys that do not change the model's shape or
//   arithmetic are ignored there; values that the kernels do not compute are refused.
#pragma once
#include "core_runtime/config_json.h"
#include "core_runtime/model_spec.h"

namespace shardscope {

// The error names file, field and remedy.
Result<ModelSpec> readModelFile(const std::string& path);
// The same of an object in hand; `source` names it in messages and is the model's name where it has none.
Result<ModelSpec> modelFromJson(const Json&, const std::string& source);
Json modelJson(const ModelSpec&); // our own form; modelFromJson gives the same model
// The first thing in which weights of two models differ in meaning: "layers is 12 there and 6 here".
std::optional<std::string> findDifference(const ModelSpec& there, const ModelSpec& here);

} // namespace shardscope
