// SPDX-License-Identifier: Apache-2.0
// Every op of the table: the fast version against the reference, in every type, with the tolerance that the table
// states.
#include "kernels/op_table.h"
#include "support/catch.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

// The largest difference in units of what the case allows; above 1 is too much. Infinite where NaN stands on one side.
double excess(const OpCase& c, DType type, OpData& expected, OpData& actual) {
    double worst = 0;
    for (size_t t = 0; t < c.tensors.size(); ++t) {
        if (!c.tensors[t].output) continue;
        const bool rounded = c.tensors[t].type == DType::bf16; // to the type of the case
        const int step_bits = !rounded || type == DType::f32 ? 100 : type == DType::bf16 ? 7 : 10;
        for (int64_t i = 0; i < c.tensors[t].elements; ++i) {
            const double e = expected.value(t, i), a = actual.value(t, i);
            if (std::isnan(e) || std::isnan(a)) return INFINITY;
            const double allowed = c.tolerance * (1 + std::abs(e)) +
                                   (c.tolerance > 0 ? std::ldexp(std::abs(e), -step_bits) : 0); // one rounding step
            if (e != a) worst = std::max(worst, std::abs(e - a) / allowed);
        }
    }
    return worst;
}

} // namespace

TEST_CASE("the fast ops agree with the reference") {
    setThreadsPerOp(1);
    for (const OpCase& c : opCases(CaseSet::small))
        for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
            OpData expected(c.tensors, type, 1), actual(c.tensors, type, 1);
            c.run(Implementation::reference, expected);
            c.run(Implementation::cpu, actual);
            INFO(c.op << ' ' << c.shape << ' ' << toText(type));
            CHECK(excess(c, type, expected, actual) <= 1);
        }
}

TEST_CASE("every op is in every set of cases") {
    const char* all[] = {"embedding_forward",
                         "embedding_backward",
                         "layernorm_forward",
                         "layernorm_backward",
                         "rmsnorm_forward",
                         "rmsnorm_backward",
                         "rope",
                         "rope_backward",
                         "swiglu_forward",
                         "swiglu_backward",
                         "dropout",
                         "dropout_backward",
                         "accumulate",
                         "squared_sum",
                         "matmul_forward",
                         "matmul_backward_input",
                         "matmul_backward_weight",
                         "attention_forward",
                         "attention_backward",
                         "gelu_forward",
                         "gelu_backward",
                         "residual_forward",
                         "cross_entropy_forward",
                         "cross_entropy_backward",
                         "cross_entropy",
                         "adamw",
                         "sum_ranks"};
    for (const CaseSet set : {CaseSet::small, CaseSet::bench}) {
        const std::vector<OpCase> cases = opCases(set);
        for (const char* op : all) {
            INFO(op);
            CHECK(std::any_of(cases.begin(), cases.end(), [&](const OpCase& c) { return c.op == op; }));
        }
    }
}
