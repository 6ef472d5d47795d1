// SPDX-License-Identifier: Apache-2.0
// One matrix product by oneDNN, on the calling thread. float goes to its sgemm, which measured up to twice as fast as
// its matmul primitive where the right operand is not transposed, and equal elsewhere. bf16 goes to the matmul
// primitive, kept per thread and shape, so that a call costs no look-up in the library's locked cache.
#pragma once
#include "kernels/dtype.h"
#include <compare>

namespace shardscope::kernels::cpu {

// c [m, n] = or += a [m, k] * b [k, n]. A transposed operand is stored as [k, m] or [n, k]. Leading dimensions are the
// elements from one stored row to the next.
struct Product {
    bool a_transposed, b_transposed;
    int64_t m, n, k;
    int64_t lda, ldb, ldc;
    bool add = false;
    auto operator<=>(const Product&) const = default;
};

void multiply(const Product&, float* c, const float* a, const float* b);
void multiply(const Product&, bfloat16* c, const bfloat16* a, const bfloat16* b, const bfloat16* bias = nullptr);
bool hasNativeBf16();  // the processor multiplies bf16 itself (AVX512_BF16 or AMX)
bool hasTilesOfBf16(); // the processor has AMX, whose rate only oneDNN reaches

} // namespace shardscope::kernels::cpu
