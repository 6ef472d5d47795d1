// SPDX-License-Identifier: Apache-2.0
#include "kernels/op_cases.h"

namespace shardscope::kernels {

void addElementwise(std::vector<OpCase>& cases, int64_t elements) {
    const std::string shape = text({{"elements", elements}});
    cases.push_back({.op = "gelu_forward",
                     .shape = shape,
                     .tensors = {out("out", elements), in("x", elements, 2)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.geluForward(d.at<T>(0), d.at<T>(1), elements);
                     }),
                     .tolerance = 1e-6});
    cases.push_back({.op = "gelu_backward",
                     .shape = shape,
                     .tensors = {out("dx", elements), in("x", elements, 2), in("dout", elements)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.geluBackward(d.at<T>(0), d.at<T>(1), d.at<T>(2), elements);
                     }),
                     .tolerance = 4e-6,
                     .forward = "gelu_forward"});
    cases.push_back({.op = "residual_forward",
                     .shape = shape,
                     .tensors = {out("out", elements), in("a", elements), in("b", elements)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.residualForward(d.at<T>(0), d.at<T>(1), d.at<T>(2), elements);
                     })});
    for (const bool backward : {false, true})
        cases.push_back({.op = backward ? "dropout_backward" : "dropout",
                         .shape = shape,
                         .tensors = {out(backward ? "dx" : "out", elements), in(backward ? "dout" : "x", elements)},
                         .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                             ops.dropout(d.at<T>(0), d.at<T>(1), elements, 0.1f, 42);
                         }),
                         .forward = backward ? "dropout" : ""});
}

void addSwiglu(std::vector<OpCase>& cases, int64_t rows, int64_t ffn) {
    const std::string shape = text({{"rows", rows}, {"ffn", ffn}});
    cases.push_back({.op = "swiglu_forward",
                     .shape = shape,
                     .tensors = {out("out", rows * ffn), in("gate_up", rows * 2 * ffn, 2)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.swigluForward(d.at<T>(0), d.at<T>(1), rows, ffn);
                     }),
                     .tolerance = 1e-6});
    cases.push_back(
        {.op = "swiglu_backward",
         .shape = shape,
         .tensors = {out("dgate_up", rows * 2 * ffn), in("gate_up", rows * 2 * ffn, 2), in("dout", rows * ffn)},
         .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
             ops.swigluBackward(d.at<T>(0), d.at<T>(1), d.at<T>(2), rows, ffn);
         }),
         .tolerance = 4e-6,
         .forward = "swiglu_forward"});
}

void addStates(std::vector<OpCase>& cases, int64_t elements) {
    const std::string shape = text({{"elements", elements}});
    const AdamWStep step = {.learning_rate = 1e-3f,
                            .beta1 = 0.9f,
                            .beta2 = 0.999f,
                            .epsilon = 1e-8f,
                            .weight_decay = 0.1f,
                            .bias_correction1 = 0.271f,
                            .bias_correction2 = 0.002997f};
    cases.push_back({.op = "adamw",
                     .shape = shape,
                     .tensors = {both(in("param", elements)), both(floats(in("master", elements))),
                                 in("grad", elements), both(floats(in("exp_avg", elements, 0.1f))),
                                 both(filled(floats(in("exp_avg_sq", elements, 0.01f)), Fill::positive))},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.adamw(d.at<T>(0), d.type() == DType::f32 ? nullptr : d.at<float>(1), d.at<T>(2),
                                   d.at<float>(3), d.at<float>(4), elements, step);
                     }),
                     // fp32: param, exp_avg and exp_avg_sq to and fro, grad; bf16: master takes the place of param,
                     // whose two bytes are written beside it, and grad has two.
                     .traffic = [=](DType) { return 28 * elements; }});
    cases.push_back({.op = "adamw",
                     .shape = shape + " float gradient, scaled",
                     .tensors = {both(in("param", elements)), both(floats(in("master", elements))),
                                 floats(in("grad", elements)), both(floats(in("exp_avg", elements, 0.1f))),
                                 both(filled(floats(in("exp_avg_sq", elements, 0.01f)), Fill::positive))},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         AdamWStep scaled = step;
                         scaled.gradient_scale = 0.3f;
                         ops.adamwOfFloatGradient(d.at<T>(0), d.at<float>(1), d.at<float>(2), d.at<float>(3),
                                                  d.at<float>(4), elements, scaled);
                     })});
    for (const bool first : {true, false}) {
        const std::string how = shape + (first ? " first" : "");
        auto sum = [=](OpTensor t) { return first ? t : both(t); };
        cases.push_back({.op = "accumulate",
                         .shape = how + " in float",
                         .tensors = {sum(floats(out("sum", elements))), in("x", elements)},
                         .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                             ops.accumulateInFloat(d.at<float>(0), d.at<T>(1), elements, first);
                         })});
        cases.push_back({.op = "accumulate",
                         .shape = how + " of float",
                         .tensors = {sum(out("sum", elements)), floats(in("x", elements))},
                         .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                             ops.accumulateFloat(d.at<T>(0), d.at<float>(1), elements, first);
                         })});
    }
    OpTensor sum = out("sum", 1);
    sum.type = DType::f64;
    cases.push_back(
        {.op = "squared_sum",
         .shape = shape,
         .tensors = {sum, in("x", elements)},
         .run = runner(
             [=]<class T>(const Ops<T>& ops, OpData& d) { *d.at<double>(0) = ops.squaredSum(d.at<T>(1), elements); }),
         .tolerance = 1e-7,
         .alone = runner([=]<class T>(const Ops<T>& ops, OpData& d) { ops.squaredSum(d.at<T>(1), elements); })});
    std::vector<OpTensor> ranks;
    constexpr size_t world = 4; // half of them also receive the sum in place
    for (size_t rank = 0; rank < world; ++rank) {
        ranks.push_back(in("rank" + std::to_string(rank), elements));
        if (rank % 2) ranks.back() = both(ranks.back());
    }
    cases.push_back({.op = "sum_ranks",
                     .shape = shape + " ranks=4 outputs=2",
                     .tensors = std::move(ranks),
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         const T* const inputs[world] = {d.at<T>(0), d.at<T>(1), d.at<T>(2), d.at<T>(3)};
                         T* const outputs[] = {d.at<T>(1), d.at<T>(3)};
                         ops.sumRanks(std::span<T* const>(outputs), std::span<const T* const>(inputs), 0.25f, elements);
                     })});
}

} // namespace shardscope::kernels
