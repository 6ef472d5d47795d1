// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels as an implementation of the op table, on memory that they and OpData share.
#pragma once
#include "kernels/cuda/ops.h"
#include "kernels/op_cases.h"
#include <algorithm>
#include <vector>

namespace shardscope::kernels::cuda {

// The table's form of it.
template <class T> double squaredSum(const T* x, int64_t elements) {
    double total = 0;
    std::vector<double> partials(squared_sum_partials);
    squaredSumInto(&total, partials.data(), x, elements);
    return total;
}

} // namespace shardscope::kernels::cuda

namespace shardscope::test {

template <class T> void useEmulatedOps() {
    kernels::cudaOps<T> = [] {
        using kernels::Ops;
        return SHARDSCOPE_OPS(kernels::cuda);
    };
}

// With scratch for this thread, enough for the cases of the tests; what it holds at first is NaN.
inline void useEmulatedOps() {
    useEmulatedOps<float>();
    useEmulatedOps<bfloat16>();
    useEmulatedOps<float16>();
    static std::vector<std::byte> scratch(4 << 20);
    std::fill(scratch.begin(), scratch.end(), std::byte{0xff});
    kernels::cuda::useScratch(scratch.data(), std::ssize(scratch));
}

} // namespace shardscope::test
