// SPDX-License-Identifier: Apache-2.0
// Memory beside the operands for what an op keeps between its kernels: the calling thread's, see useScratch() in ops.h.
// It holds nothing from one op to the next.
#pragma once
#include "kernels/cuda/device.h"
#include <cstddef>

namespace shardscope::kernels::cuda {

std::byte* currentScratch(int64_t bytes); // asserts that there are so many

template <class T> T* scratch(int64_t elements) {
    return reinterpret_cast<T*>(currentScratch(elements * static_cast<int64_t>(sizeof(T))));
}

} // namespace shardscope::kernels::cuda
