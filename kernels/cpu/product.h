// SPDX-License-Identifier: Apache-2.0
// One dense matrix product by oneDNN, with primitives kept per thread and shape, so that a call costs no look-up in the
// library's locked cache.
#pragma once
#include "kernels/dtype.h"
#include <compare>

namespace shardscope::kernels::cpu {

// c [m, n] dense = a [m, k] * b [k, n] (+ bias [n]) (+ c). A transposed operand is stored as [k, m] or [n, k].
struct Product {
    DType type; // of all operands; sums are float
    bool a_transposed, b_transposed, bias, add;
    int64_t m, n, k;
    auto operator<=>(const Product&) const = default;
};

void multiply(const Product&, void* c, const void* a, const void* b, const void* bias = nullptr);
bool hasNativeBf16(); // the processor multiplies bf16 itself (AVX512_BF16 or AMX)

} // namespace shardscope::kernels::cpu
