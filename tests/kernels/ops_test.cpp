// SPDX-License-Identifier: Apache-2.0
// Every op of the table: the fast version against the reference, in every type, with the tolerance that the table
// states.
#include "op_difference.h"
#include "support/catch.h"

using namespace shardscope;
using namespace shardscope::kernels;

TEST_CASE("the fast ops agree with the reference") {
    setThreadsPerOp(1);
    for (const OpCase& c : opCases(CaseSet::small))
        for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
            OpData expected(c.tensors, type, 1), actual(c.tensors, type, 1);
            c.run(Implementation::reference, expected);
            c.run(Implementation::cpu, actual);
            INFO(c.op << ' ' << c.shape << ' ' << toText(type));
            CHECK(test::excess(c, type, expected, actual) <= 1);
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
