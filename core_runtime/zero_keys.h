// SPDX-License-Identifier: Apache-2.0
// The configuration keys that cause what ZeRO adds to a step, and an index helper; for the zero_*.cpp files.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace shardscope {

inline constexpr const char* key_stage = "zero_optimization.stage";
inline constexpr const char* key_reduce = "zero_optimization.reduce_bucket_size";
inline constexpr const char* key_allgather = "zero_optimization.allgather_bucket_size";
inline constexpr const char* key_prefetch = "zero_optimization.stage3_prefetch_bucket_size";
inline constexpr const char* key_persistence = "zero_optimization.stage3_param_persistence_threshold";
inline constexpr const char* key_offload_optimizer = "zero_optimization.offload_optimizer.device";
inline constexpr const char* key_offload_param = "zero_optimization.offload_param.device";
inline constexpr const char* key_param_buffers = "zero_optimization.offload_param.buffer_count";
inline constexpr const char* key_sub_group = "zero_optimization.sub_group_size";
inline constexpr const char* key_pipeline_read = "zero_optimization.offload_optimizer.pipeline_read";
inline constexpr const char* key_pipeline_write = "zero_optimization.offload_optimizer.pipeline_write";
inline constexpr const char* key_reduce_scatter = "zero_optimization.reduce_scatter";
inline constexpr const char* key_accumulation_type = "data_types.grad_accum_dtype";
inline constexpr const char* key_accumulation = "gradient_accumulation_steps";
inline constexpr const char* key_clipping = "gradient_clipping";
inline constexpr const char* key_communication_type = "communication_data_type";
inline constexpr const char* key_bf16 = "bf16.enabled";
inline constexpr const char* key_fp16 = "fp16.enabled";
inline constexpr const char* key_optimizer = "optimizer.type";

template <class T> T& at(std::vector<T>& v, int32_t i) { return v[static_cast<size_t>(i)]; }
template <class T> const T& at(const std::vector<T>& v, int32_t i) { return v[static_cast<size_t>(i)]; }

} // namespace shardscope
