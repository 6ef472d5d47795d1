// SPDX-License-Identifier: Apache-2.0
// `shardscope bench ops` on what a backend has: the kernels of the processor, or those of the first GPU.
#pragma once
#include "traces/result.h"
#include <string>

namespace shardscope {

// "cpu" or "cuda". Error: a sentence why there is no GPU to measure.
Result<std::string> benchOps(const std::string& backend, bool json);

} // namespace shardscope
