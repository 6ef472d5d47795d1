// SPDX-License-Identifier: Apache-2.0
// CUDA's runtime, or the emulation of it that the tests compile the same sources with, and what calls of it have in
// common: a failed call becomes an exception that names it.
#pragma once
#ifdef SHARDSCOPE_WITH_CUDA
#include <cuda_runtime_api.h>
#else
#include "cuda_emulation.h"
#endif
#include <stdexcept>
#include <string>

namespace shardscope::cuda {

inline void check(cudaError_t status, const char* call) {
    if (status == cudaSuccess) return;
    throw std::runtime_error(std::string(call) + " gave '" + cudaGetErrorString(status) + "' (" +
                             std::to_string(static_cast<int>(status)) + ")");
}

} // namespace shardscope::cuda

#define SHARDSCOPE_CUDA_CALL(function, ...) ::shardscope::cuda::check(function(__VA_ARGS__), #function)
