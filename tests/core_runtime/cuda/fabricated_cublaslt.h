// SPDX-License-Identifier: Apache-2.0
// The functions of cuBLASLt that we call, over the emulated device: column-major products by their definition.
#pragma once
#include "core_runtime/cuda/cublaslt.h"

namespace shardscope::test {

cuda::CublasLtApi fabricatedCublasLt();
int64_t productsMade();    // since the start of the program
int64_t openBlasObjects(); // handles, descriptors, layouts and preferences that were not destroyed

} // namespace shardscope::test
