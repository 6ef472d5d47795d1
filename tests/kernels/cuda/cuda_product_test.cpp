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

TEST_CASE("a product on tensor cores has the same bits wherever its rows start") {
    constexpr int64_t m = 40, n = 24, k = 70;
    std::vector<bfloat16> numbers(m * (k + 2) + n * (k + 2) + 2), results[2];
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = bfloat16(static_cast<float>(i * 37 % 101) / 50 - 1);
    for (const int64_t more : {0, 1}) { // elements before the operands and between their rows
        const int64_t step = k + 2 + more;
        std::vector<bfloat16> a(static_cast<size_t>(m * step + more + 8)), b(static_cast<size_t>(n * step + more + 8));
        auto start = [&](std::vector<bfloat16>& of) {
            return of.data() + (16 - reinterpret_cast<uintptr_t>(of.data()) % 16) % 16 / 2 + more;
        };
        bfloat16 *const a_start = start(a), *const b_start = start(b);
        for (int64_t c = 0; c < k; ++c) {
            for (int64_t r = 0; r < m; ++r) a_start[r * step + c] = numbers[static_cast<size_t>(r * k + c)];
            for (int64_t r = 0; r < n; ++r) b_start[r * step + c] = numbers[static_cast<size_t>((m + r) * k + c)];
        }
        results[more].resize(m * n);
        cuda::multiplyTiles<bfloat16>("product", {.c = results[more].data(),
                                                  .a = a_start,
                                                  .b = b_start,
                                                  .bias = nullptr,
                                                  .m = m,
                                                  .n = n,
                                                  .k = k,
                                                  .a_row = step,
                                                  .a_column = 1,
                                                  .b_row = 1,
                                                  .b_column = step,
                                                  .c_row = n,
                                                  .add = false});
    }
    CHECK(results[0] == results[1]);
}
