// SPDX-License-Identifier: Apache-2.0
#include "kernels/op_cases.h"
#include <algorithm>

namespace shardscope::kernels {

void addEmbedding(std::vector<OpCase>& cases, int64_t batch, int64_t sequence, int64_t channels, int64_t vocabulary) {
    const int64_t tokens = batch * sequence, context = sequence + 3;
    const std::string shape =
        text({{"batch", batch}, {"sequence", sequence}, {"channels", channels}, {"vocabulary", vocabulary}});
    cases.push_back({.op = "embedding_forward",
                     .shape = shape,
                     .tensors = {out("out", tokens * channels), ids("ids", tokens, vocabulary),
                                 in("wte", vocabulary * channels), in("wpe", context * channels)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.embeddingForward(d.at<T>(0), d.at<int32_t>(1), d.at<T>(2), d.at<T>(3), batch, sequence,
                                              channels);
                     }),
                     .traffic = [=](DType type) { return 3 * tokens * channels * bytesOf(type); }});
    cases.push_back({.op = "embedding_backward",
                     .shape = shape,
                     .tensors = {both(in("dwte", vocabulary * channels)), out("dwpe", context * channels),
                                 in("dout", tokens * channels), ids("ids", tokens, vocabulary)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.embeddingBackward(d.at<T>(0), d.at<T>(1), d.at<T>(2), d.at<int32_t>(3), batch, sequence,
                                               channels, context);
                     }),
                     // dout is read for both gradients; at most every token has a row of dwte of its own.
                     .traffic = [=](DType type) { return (4 * tokens + context) * channels * bytesOf(type); },
                     .forward = "embedding_forward"});
    // Without learned positions.
    cases.push_back(
        {.op = "embedding_forward",
         .shape = shape + " no positions",
         .tensors = {out("out", tokens * channels), ids("ids", tokens, vocabulary), in("wte", vocabulary * channels)},
         .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
             ops.embeddingForward(d.at<T>(0), d.at<int32_t>(1), d.at<T>(2), static_cast<const T*>(nullptr), batch,
                                  sequence, channels);
         }),
         .traffic = [=](DType type) { return 2 * tokens * channels * bytesOf(type); }});
    cases.push_back({.op = "embedding_backward",
                     .shape = shape + " no positions",
                     .tensors = {both(in("dwte", vocabulary * channels)), in("dout", tokens * channels),
                                 ids("ids", tokens, vocabulary)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.embeddingBackward(d.at<T>(0), static_cast<T*>(nullptr), d.at<T>(1), d.at<int32_t>(2),
                                               batch, sequence, channels, context);
                     }),
                     .traffic = [=](DType type) { return 3 * tokens * channels * bytesOf(type); },
                     .forward = "embedding_forward"});
}

void addNorms(std::vector<OpCase>& cases, int64_t rows, int64_t channels) {
    const int64_t elements = rows * channels;
    const std::string shape = text({{"rows", rows}, {"channels", channels}});
    cases.push_back({.op = "layernorm_forward",
                     .shape = shape,
                     .tensors = {out("out", elements), floats(out("mean", rows)), floats(out("rstd", rows)),
                                 in("x", elements, 2), in("weight", channels), in("bias", channels)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.layernormForward(d.at<T>(0), d.at<float>(1), d.at<float>(2), d.at<T>(3), d.at<T>(4),
                                              d.at<T>(5), rows, channels);
                     }),
                     .tolerance = 5e-6});
    for (const bool residual : {true, false})
        cases.push_back(
            {.op = "layernorm_backward",
             .shape = shape + (residual ? " residual" : ""),
             .tensors = {out("dx", elements), out("dweight", channels), out("dbias", channels), in("dout", elements),
                         in("dresidual", elements), in("x", elements, 2), in("weight", channels),
                         floats(in("mean", rows, 0.1f)), filled(floats(in("rstd", rows)), Fill::positive)},
             .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                 ops.layernormBackward(d.at<T>(0), d.at<T>(1), d.at<T>(2), d.at<T>(3), residual ? d.at<T>(4) : nullptr,
                                       d.at<T>(5), d.at<T>(6), d.at<float>(7), d.at<float>(8), rows, channels);
             }),
             .tolerance = 2e-5,
             .forward = residual ? "" : "layernorm_forward"});
    cases.push_back(
        {.op = "rmsnorm_forward",
         .shape = shape,
         .tensors = {out("out", elements), floats(out("rstd", rows)), in("x", elements, 2), in("weight", channels)},
         .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
             ops.rmsnormForward(d.at<T>(0), d.at<float>(1), d.at<T>(2), d.at<T>(3), rows, channels, 1e-5f);
         }),
         .tolerance = 5e-6});
    for (const bool residual : {true, false})
        cases.push_back({.op = "rmsnorm_backward",
                         .shape = shape + (residual ? " residual" : ""),
                         .tensors = {out("dx", elements), out("dweight", channels), in("dout", elements),
                                     in("dresidual", elements), in("x", elements, 2), in("weight", channels),
                                     filled(floats(in("rstd", rows)), Fill::positive)},
                         .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                             ops.rmsnormBackward(d.at<T>(0), d.at<T>(1), d.at<T>(2), residual ? d.at<T>(3) : nullptr,
                                                 d.at<T>(4), d.at<T>(5), d.at<float>(6), rows, channels);
                         }),
                         .tolerance = 2e-5,
                         .forward = residual ? "" : "rmsnorm_forward"});
}

void addMatmul(std::vector<OpCase>& cases, int64_t rows, int64_t n, int64_t k, bool bias, MatmulLayout layout) {
    const int64_t ldx = layout.ldx ? layout.ldx : k, ldo = layout.ldo ? layout.ldo : n;
    std::string shape = text({{"rows", rows}, {"n", n}, {"k", k}}) + (bias ? " bias" : "");
    if (layout.ldx || layout.ldo) shape += " " + text({{"ldx", ldx}, {"ldo", ldo}});
    if (layout.accumulate) shape += " accumulate";
    const double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(n) * static_cast<double>(k);
    // Two orders of summing d products differ by about sqrt(d) roundings of the running sum, itself about sqrt(d).
    auto tolerance = [](int64_t depth) { return 4e-7 * static_cast<double>(depth) + 2e-6; };
    // What is added to, or lies between the rows that are written, is an input too.
    auto written = [&](const char* name, int64_t elements, bool between) {
        return layout.accumulate || between ? both(in(name, elements)) : out(name, elements);
    };
    const bool wide_x = ldx > k, wide_out = ldo > n;
    cases.push_back(
        {.op = "matmul_forward",
         .shape = shape,
         .tensors = {written("out", rows * ldo, wide_out), in("x", rows * ldx), in("w", n * k), in("bias", n)},
         .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
             ops.matmulForward(d.at<T>(0), d.at<T>(1), d.at<T>(2), bias ? d.at<T>(3) : nullptr, rows, n, k, layout);
         }),
         .flops = flops,
         .tolerance = tolerance(k)});
    // The gradient check needs outputs that depend on the inputs alone.
    const std::string forward = layout.accumulate || wide_x || wide_out ? "" : "matmul_forward";
    cases.push_back({.op = "matmul_backward_input",
                     .shape = shape,
                     .tensors = {written("dx", rows * ldx, wide_x), in("dout", rows * ldo), in("w", n * k)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.matmulBackwardInput(d.at<T>(0), d.at<T>(1), d.at<T>(2), rows, n, k, layout);
                     }),
                     .flops = flops,
                     .tolerance = tolerance(n),
                     .forward = forward});
    std::vector<OpTensor> tensors = {written("dw", n * k, false), in("dout", rows * ldo), in("x", rows * ldx)};
    if (bias) tensors.push_back(written("dbias", n, false));
    cases.push_back({.op = "matmul_backward_weight",
                     .shape = shape,
                     .tensors = std::move(tensors),
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.matmulBackwardWeight(d.at<T>(0), bias ? d.at<T>(3) : nullptr, d.at<T>(1), d.at<T>(2), rows,
                                                  n, k, layout);
                     }),
                     .flops = flops,
                     .tolerance = tolerance(rows),
                     .forward = forward});
}

void addAttention(std::vector<OpCase>& cases, AttentionShape s) {
    const int64_t elements = s.batch * s.sequence * s.channels, sums = s.batch * s.heads * s.sequence;
    const int64_t qkv = s.batch * s.sequence * s.qkvChannels();
    std::string shape =
        text({{"batch", s.batch}, {"sequence", s.sequence}, {"channels", s.channels}, {"heads", s.heads}});
    if (s.kv_heads) shape += " " + text({{"kv_heads", s.kv_heads}});
    // Pairs of query and key that the mask lets through, each with 2 products of a head's size forward and 5 backward.
    const double pairs =
        0.5 * static_cast<double>(s.batch * s.channels * s.sequence) * static_cast<double>(s.sequence + 1);
    const OpTensor workspace = {.name = "workspace",
                                .type = DType::f32,
                                .input = false,
                                .output = false,
                                .elements = attentionWorkspaceElements(s)};
    cases.push_back({.op = "attention_forward",
                     .shape = shape,
                     .tensors = {out("out", elements), floats(out("lse", sums)), in("qkv", qkv), workspace},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.attentionForward(d.at<T>(0), d.at<float>(1), d.at<T>(2), d.at<float>(3), s);
                     }),
                     .flops = 4 * pairs,
                     .tolerance = 1e-5});
    cases.push_back({.op = "attention_backward",
                     .shape = shape,
                     .tensors = {out("dqkv", qkv), in("dout", elements), in("out", elements), in("qkv", qkv),
                                 floats(in("lse", sums)), workspace},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.attentionBackward(d.at<T>(0), d.at<T>(1), d.at<T>(2), d.at<T>(3), d.at<float>(4),
                                               d.at<float>(5), s);
                     }),
                     .flops = 10 * pairs,
                     .tolerance = 1e-4,
                     .forward = "attention_forward"});
}

// The op works in place; the case works on a copy, so that it can be run again.
void addRope(std::vector<OpCase>& cases, AttentionShape s) {
    const int64_t elements = s.batch * s.sequence * s.qkvChannels();
    const std::string shape = text({{"batch", s.batch},
                                    {"sequence", s.sequence},
                                    {"heads", s.heads},
                                    {"kv_heads", s.kv_heads},
                                    {"head", s.headSize()}});
    auto turned = [=](bool inverse) {
        return runner([=]<class T>(const Ops<T>& ops, OpData& d) {
            std::copy(d.at<T>(1), d.at<T>(1) + elements, d.at<T>(0));
            ops.rope(d.at<T>(0), s.batch, s.sequence, s.heads, s.kv_heads, s.headSize(), 10000.0f, inverse);
        });
    };
    auto again = [=](bool inverse) { // what was turned is turned further
        return runner([=]<class T>(const Ops<T>& ops, OpData& d) {
            ops.rope(d.at<T>(1), s.batch, s.sequence, s.heads, s.kv_heads, s.headSize(), 10000.0f, inverse);
        });
    };
    auto traffic = [=](DType type) { // values stay
        return 2 * s.batch * s.sequence * (s.heads + s.keyHeads()) * s.headSize() * bytesOf(type);
    };
    cases.push_back({.op = "rope",
                     .shape = shape,
                     .tensors = {out("out", elements), in("qkv", elements)},
                     .run = turned(false),
                     .traffic = traffic,
                     .alone = again(false)});
    cases.push_back({.op = "rope_backward",
                     .shape = shape,
                     .tensors = {out("dqkv", elements), in("dout", elements)},
                     .run = turned(true),
                     .traffic = traffic,
                     .forward = "rope",
                     .alone = again(true)});
}

void addCrossEntropy(std::vector<OpCase>& cases, int64_t rows, int64_t vocabulary, int64_t pitch) {
    const std::string shape = text({{"rows", rows}, {"vocabulary", vocabulary}, {"pitch", pitch}});
    const float scale = 1.0f / static_cast<float>(rows);
    const OpTensor dlogits = out("dlogits", rows * pitch);
    cases.push_back({.op = "cross_entropy",
                     .shape = shape,
                     .tensors = {floats(out("losses", rows)),
                                 pitch > vocabulary ? both(dlogits) : dlogits, // what lies between rows stays
                                 in("logits", rows * pitch, 3), ids("targets", rows, vocabulary)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.crossEntropy(d.at<float>(0), d.at<T>(1), d.at<T>(2), d.at<int32_t>(3), scale, rows,
                                          vocabulary, pitch);
                     }),
                     .tolerance = 1e-5,
                     .forward = "cross_entropy", // both at once
                     .objective_scale = scale});
}

} // namespace shardscope::kernels
