// SPDX-License-Identifier: Apache-2.0
// The CUDA kernels, compiled for the processor over an emulation of CUDA's execution model: every op of the table
// against the reference, in every type; the same bits on a second call; barriers that all threads reach. What only a
// card can show, its memory model and its speed, is not tested here.
#include "../op_difference.h"
#include "emulated_ops.h"
#include "support/catch.h"

using namespace shardscope;
using namespace shardscope::kernels;

TEST_CASE("the CUDA kernels agree with the reference under emulation, and with themselves") {
#if defined(__SANITIZE_ADDRESS__)
    const std::vector<DType> types = {DType::bf16}; // fibers are slow here, and what a kernel touches is alike in all
#else
    const std::vector<DType> types = {DType::f32, DType::bf16, DType::f16};
#endif
    test::useEmulatedOps();
    for (const OpCase& c : opCases(CaseSet::small))
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
