// SPDX-License-Identifier: Apache-2.0
// How far one implementation of an op is from the reference, in units of what its case allows.
#pragma once
#include "kernels/op_table.h"
#include <algorithm>
#include <cmath>

namespace shardscope::test {

// Above 1 is too much. Infinite where NaN stands on one side. Where the terms of sums are rounded to the type of the
// case, as tensor cores take them, `term_roundings` roundings of the largest output are allowed as well.
inline double excess(const kernels::OpCase& c, DType type, kernels::OpData& expected, kernels::OpData& actual,
                     double term_roundings = 0) {
    double worst = 0;
    for (size_t t = 0; t < c.tensors.size(); ++t) {
        if (!c.tensors[t].output) continue;
        const bool rounded = c.tensors[t].type == DType::bf16; // to the type of the case
        const int step_bits = !rounded || type == DType::f32 ? 100 : type == DType::bf16 ? 7 : 10;
        double largest = 0;
        for (int64_t i = 0; i < c.tensors[t].elements; ++i)
            largest = std::max(largest, std::abs(static_cast<double>(expected.value(t, i))));
        const double of_terms = term_roundings * std::ldexp(largest, -step_bits - 1);
        for (int64_t i = 0; i < c.tensors[t].elements; ++i) {
            const double e = expected.value(t, i), a = actual.value(t, i);
            if (std::isnan(e) || std::isnan(a)) return INFINITY;
            const double allowed = c.tolerance * (1 + std::abs(e)) +
                                   (c.tolerance > 0 ? std::ldexp(std::abs(e), -step_bits) : 0) + // one rounding step
                                   of_terms;
            if (e != a) worst = std::max(worst, std::abs(e - a) / allowed);
        }
    }
    return worst;
}

} // namespace shardscope::test
