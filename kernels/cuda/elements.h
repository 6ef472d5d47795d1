// SPDX-License-Identifier: Apache-2.0
// A kernel over elements from a function of the index.
#pragma once
#include "kernels/cuda/device.h"

namespace shardscope::kernels::cuda {

template <class Function> __global__ void elementKernel(int64_t elements, Function function) {
    for (int64_t i = globalThread(); i < elements; i += globalThreads()) function(i);
}

template <class Function> void forEach(const char* name, int64_t elements, Function function) {
    launch(name, elementGrid(elements), elementKernel<Function>, elements, function);
}

} // namespace shardscope::kernels::cuda
