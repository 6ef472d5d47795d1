// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels, compiled for the processor over an emulation of CUDA's execution model: every op of the table
// against the reference, in every type; the same bits on a second call; barriers that all threads reach. What only a
// card can show, its memory model and its speed, is not tested here.
#include "../op_difference.h"
#include "kernels/cuda/ops.h"
#include "kernels/op_cases.h"
#include "support/catch.h"
#include <algorithm>
#include <vector>

namespace shardscope::kernels::cuda {

template <class T> double squaredSum(const T* x, int64_t elements) {
    double total = 0;
    std::vector<double> partials(squared_sum_partials);
    squaredSumInto(&total, partials.data(), x, elements);
    return total;
}
template double squaredSum(const float*, int64_t);
template double squaredSum(const bfloat16*, int64_t);
template double squaredSum(const float16*, int64_t);

} // namespace shardscope::kernels::cuda

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

template <class T> void useEmulatedOps() {
    cudaOps<T> = [] { return SHARDSCOPE_OPS(cuda); };
}

std::vector<OpCase> emulatedCases() {
    useEmulatedOps<float>();
    useEmulatedOps<bfloat16>();
    useEmulatedOps<float16>();
    return opCases(CaseSet::small);
}

} // namespace

TEST_CASE("the CUDA kernels agree with the reference under emulation, and with themselves") {
#if defined(__SANITIZE_ADDRESS__)
    const std::vector<DType> types = {DType::bf16}; // fibers are slow here, and what a kernel touches is alike in all
#else
    const std::vector<DType> types = {DType::f32, DType::bf16, DType::f16};
#endif
    for (const OpCase& c : emulatedCases())
        for (const DType type : types) {
            OpData expected(c.tensors, type, 1), actual(c.tensors, type, 1);
            c.run(Implementation::reference, expected);
            c.run(Implementation::cuda, actual);
            INFO(c.op << ' ' << c.shape << ' ' << toText(type));
            // Sums over a block have another order than the reference's even where the fast CPU version has the same.
            OpCase allowed = c;
            allowed.tolerance = std::max(c.tolerance, 2e-6);
            const bool on_tensor_cores =
                c.op.starts_with("attention"); // weights are rounded before they are multiplied
            CHECK(test::excess(allowed, type, expected, actual, on_tensor_cores ? 1 : 0) <= 1);
            if (type != DType::f32) continue;
            OpData again(c.tensors, type, 1);
            c.run(Implementation::cuda, again);
            for (size_t t = 0; t < c.tensors.size(); ++t)
                if (c.tensors[t].output) CHECK(again.values(t) == actual.values(t));
        }
}
