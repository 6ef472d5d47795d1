// SPDX-License-Identifier: Apache-2.0
// The matrix product on tensor cores, under emulation: several tiles along every side, sides that fill no tile, results
// that are added to, and rows that start anywhere.
#include "../op_difference.h"
#include "emulated_ops.h"
#include "kernels/cuda/product.h"
#include "matrix_emulation.h"
#include "support/catch.h"
#include <vector>

using namespace shardscope;
using namespace shardscope::kernels;

TEST_CASE("products on tensor cores agree with the reference in every layout") {
    test::useEmulatedOps();
    std::vector<OpCase> cases;
    addMatmul(cases, 130, 50, 200, true, {.ldx = 208, .ldo = 56}); // n fills no piece, three tiles are in flight
    addMatmul(cases, 40, 264, 72, true, {.accumulate = true});
    addMatmul(cases, 33, 51, 24, true, {.ldo = 64, .accumulate = true});
    for (const OpCase& c : cases)
        for (const DType type : {DType::bf16, DType::f16}) {
            INFO(c.op << ' ' << c.shape << ' ' << toText(type));
            OpData expected(c.tensors, type, 1), actual(c.tensors, type, 1);
            c.run(Implementation::reference, expected);
            emulation::takeBankConflicts();
            c.run(Implementation::cuda, actual);
            CHECK(emulation::takeBankConflicts() == 0);
            CHECK(test::excess(c, type, expected, actual) <= 1);
        }
}

TEST_CASE("a product goes to tensor cores where the rows of its operands start on 16 bytes") {
    alignas(16) bfloat16 a[16 * 16] = {}, b[16 * 16] = {}, c[16 * 15] = {};
    cuda::ProductArguments<bfloat16> p{.c = c,
                                       .a = a,
                                       .b = b,
                                       .bias = nullptr,
                                       .m = 16,
                                       .n = 15,
                                       .k = 13,
                                       .a_row = 16,
                                       .a_column = 1,
                                       .b_row = 1,
                                       .b_column = 16,
                                       .c_row = 15, // where results go may start anywhere
                                       .add = false};
    CHECK(cuda::multiplyTiles("product", p));
    p.a_row = 13;
    CHECK_FALSE(cuda::multiplyTiles("product", p));
    p.a_row = 16;
    p.b = b + 1;
    CHECK_FALSE(cuda::multiplyTiles("product", p));
}
