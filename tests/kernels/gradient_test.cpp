// SPDX-License-Identifier: Apache-2.0
// Every backward op against central differences of its forward op, both in the reference's float arithmetic, with the
// scalar objective (the outputs weighted by dout) summed in double.
#include "kernels/op_table.h"
#include "support/catch.h"
#include <algorithm>
#include <cmath>
#include <set>

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

const OpTensor* find(const OpCase& c, const std::string& name) {
    for (const OpTensor& t : c.tensors)
        if (t.name == name) return &t;
    return nullptr;
}

double objective(const OpCase& forward, OpData& data, const std::vector<float>& weights) {
    forward.run(Implementation::reference, data);
    double sum = 0;
    for (size_t i = 0; i < weights.size(); ++i)
        sum += static_cast<double>(weights[i]) * data.value(0, static_cast<int64_t>(i));
    return sum;
}

// Checks up to 40 elements spread over the tensor; returns how many it checked.
int checkGradient(const OpCase& forward, OpData& data, const std::string& input, const std::vector<float>& gradient,
                  const std::vector<float>& weights) {
    const size_t tensor = forward.tensor(input);
    const auto elements = static_cast<int64_t>(gradient.size());
    const int64_t stride = std::max<int64_t>(1, elements / 40);
    // The noise of the differences: roundings of the outputs (about 1e-7 each) over the step.
    const double step = 0.01, noise = 3e-5 * std::sqrt(static_cast<double>(weights.size())) + 2e-4;
    int checked = 0;
    for (int64_t i = 0; i < elements; i += stride, ++checked) {
        const float before = data.value(tensor, i);
        data.setValue(tensor, i, before + static_cast<float>(step));
        const double above = objective(forward, data, weights), high = data.value(tensor, i);
        data.setValue(tensor, i, before - static_cast<float>(step));
        const double below = objective(forward, data, weights), low = data.value(tensor, i);
        data.setValue(tensor, i, before);
        const double difference = (above - below) / (high - low), given = gradient[static_cast<size_t>(i)];
        INFO(input << '[' << i << "]: central difference " << difference << ", gradient " << given);
        CHECK(std::abs(difference - given) <= noise + 2e-3 * std::abs(given));
    }
    return checked;
}

} // namespace

TEST_CASE("backward ops are the gradients of their forward ops") {
    const std::vector<OpCase> cases = opCases(CaseSet::small);
    std::set<std::string> checked_ops;
    for (const OpCase& backward : cases) {
        if (backward.forward.empty()) continue;
        INFO(backward.op << ' ' << backward.shape);
        const auto forward = std::find_if(cases.begin(), cases.end(), [&](const OpCase& c) {
            return c.op == backward.forward && c.shape == backward.shape;
        });
        REQUIRE(forward != cases.end());
        OpData data(forward->tensors, DType::f32, 7), gradients(backward.tensors, DType::f32, 8);
        forward->run(Implementation::reference, data);
        std::vector<float> weights(static_cast<size_t>(forward->tensors[0].elements), backward.objective_scale);
        if (find(backward, "dout")) weights = gradients.values(backward.tensor("dout"));
        REQUIRE(std::ssize(weights) == forward->tensors[0].elements);
        for (size_t t = 0; t < backward.tensors.size(); ++t) {
            const OpTensor& tensor = backward.tensors[t];
            for (int64_t i = 0; i < tensor.elements; ++i)
                if (tensor.input && tensor.output) // a gradient that is added to, or stays in parts
                    gradients.setValue(t, i, 0);
                else if (tensor.input && find(*forward, tensor.name))
                    gradients.setValue(t, i, data.value(forward->tensor(tensor.name), i));
        }
        backward.run(Implementation::reference, gradients);
        int checked = 0;
        const bool both_at_once = backward.forward == backward.op; // its first output is the forward result
        for (size_t t = both_at_once; t < backward.tensors.size(); ++t)
            if (backward.tensors[t].output)
                checked +=
                    checkGradient(*forward, data, backward.tensors[t].name.substr(1), gradients.values(t), weights);
        CHECK(checked > 0);
        checked_ops.insert(backward.op);
    }
    CHECK(checked_ops == std::set<std::string>{"embedding_backward", "layernorm_backward", "matmul_backward_input",
                                               "matmul_backward_weight", "attention_backward", "gelu_backward",
                                               "rmsnorm_backward", "rope_backward", "swiglu_backward",
                                               "dropout_backward", "cross_entropy"});
}
