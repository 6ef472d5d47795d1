// SPDX-License-Identifier: Apache-2.0
#include "kernels/op_table.h"
#include <cassert>
#include <cmath>
#include <cstring>
#include <random>

namespace shardscope::kernels {
namespace {

// All ops of one implementation and type.
template <class T> struct Ops {
    decltype(&cpu::embeddingForward<T>) embeddingForward;
    decltype(&cpu::embeddingBackward<T>) embeddingBackward;
    decltype(&cpu::layernormForward<T>) layernormForward;
    decltype(&cpu::layernormBackward<T>) layernormBackward;
    decltype(&cpu::matmulForward<T>) matmulForward;
    decltype(&cpu::matmulBackwardInput<T>) matmulBackwardInput;
    decltype(&cpu::matmulBackwardWeight<T>) matmulBackwardWeight;
    decltype(&cpu::attentionForward<T>) attentionForward;
    decltype(&cpu::attentionBackward<T>) attentionBackward;
    decltype(&cpu::geluForward<T>) geluForward;
    decltype(&cpu::geluBackward<T>) geluBackward;
    decltype(&cpu::residualForward<T>) residualForward;
    decltype(&cpu::crossEntropyForward<T>) crossEntropyForward;
    decltype(&cpu::crossEntropyBackward<T>) crossEntropyBackward;
    decltype(&cpu::adamw<T>) adamw;
    decltype(&cpu::sumRanks<T>) sumRanks;
};
#define SHARDSCOPE_OPS(space)                                                                                          \
    Ops<T> {                                                                                                           \
        space::embeddingForward<T>, space::embeddingBackward<T>, space::layernormForward<T>,                           \
            space::layernormBackward<T>, space::matmulForward<T>, space::matmulBackwardInput<T>,                       \
            space::matmulBackwardWeight<T>, space::attentionForward<T>, space::attentionBackward<T>,                   \
            space::geluForward<T>, space::geluBackward<T>, space::residualForward<T>, space::crossEntropyForward<T>,   \
            space::crossEntropyBackward<T>, space::adamw<T>, space::sumRanks<T>                                        \
    }
template <class T> Ops<T> opsOf(Implementation implementation) {
    return implementation == Implementation::cpu ? SHARDSCOPE_OPS(cpu) : SHARDSCOPE_OPS(reference);
}

// From a generic call([]<class T>(const Ops<T>&, OpData&)) to one that picks implementation and type when it runs.
template <class Call> std::function<void(Implementation, OpData&)> runner(Call call) {
    return [call](Implementation implementation, OpData& d) {
        if (d.type() == DType::f32)
            call.template operator()<float>(opsOf<float>(implementation), d);
        else
            call.template operator()<bfloat16>(opsOf<bfloat16>(implementation), d);
    };
}

constexpr DType T_ = DType::bf16; // the type the case runs in

OpTensor in(std::string name, int64_t elements, float spread = 1) {
    return {
        .name = std::move(name), .type = T_, .input = true, .output = false, .elements = elements, .spread = spread};
}
OpTensor out(std::string name, int64_t elements) {
    return {.name = std::move(name), .type = T_, .input = false, .output = true, .elements = elements};
}
OpTensor floats(OpTensor t) {
    t.type = DType::f32;
    return t;
}
OpTensor both(OpTensor t) {
    t.input = t.output = true;
    return t;
}
OpTensor filled(OpTensor t, Fill fill) {
    t.fill = fill;
    return t;
}
OpTensor ids(std::string name, int64_t elements, int64_t bound) {
    return {.name = std::move(name),
            .type = DType::i32,
            .input = true,
            .output = false,
            .elements = elements,
            .fill = Fill::indices,
            .bound = bound};
}

std::string text(std::initializer_list<std::pair<const char*, int64_t>> dims) {
    std::string s;
    for (const auto& [name, size] : dims) {
        if (!s.empty()) s += ' ';
        s.append(name).append("=").append(std::to_string(size));
    }
    return s;
}

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
}

void addLayernorm(std::vector<OpCase>& cases, int64_t rows, int64_t channels) {
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
}

void addMatmul(std::vector<OpCase>& cases, int64_t rows, int64_t n, int64_t k, bool bias) {
    const std::string shape = text({{"rows", rows}, {"n", n}, {"k", k}}) + (bias ? " bias" : "");
    const double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(n) * static_cast<double>(k);
    // Two orders of summing d products differ by about sqrt(d) roundings of the running sum, itself about sqrt(d).
    auto tolerance = [](int64_t depth) { return 4e-7 * static_cast<double>(depth) + 2e-6; };
    cases.push_back({.op = "matmul_forward",
                     .shape = shape,
                     .tensors = {out("out", rows * n), in("x", rows * k), in("w", n * k), in("bias", n)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.matmulForward(d.at<T>(0), d.at<T>(1), d.at<T>(2), bias ? d.at<T>(3) : nullptr, rows, n, k);
                     }),
                     .flops = flops,
                     .tolerance = tolerance(k)});
    cases.push_back({.op = "matmul_backward_input",
                     .shape = shape,
                     .tensors = {out("dx", rows * k), in("dout", rows * n), in("w", n * k)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.matmulBackwardInput(d.at<T>(0), d.at<T>(1), d.at<T>(2), rows, n, k);
                     }),
                     .flops = flops,
                     .tolerance = tolerance(n),
                     .forward = "matmul_forward"});
    std::vector<OpTensor> tensors = {out("dw", n * k), in("dout", rows * n), in("x", rows * k)};
    if (bias) tensors.push_back(out("dbias", n));
    cases.push_back({.op = "matmul_backward_weight",
                     .shape = shape,
                     .tensors = std::move(tensors),
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.matmulBackwardWeight(d.at<T>(0), bias ? d.at<T>(3) : nullptr, d.at<T>(1), d.at<T>(2), rows,
                                                  n, k);
                     }),
                     .flops = flops,
                     .tolerance = tolerance(rows),
                     .forward = "matmul_forward"});
}

void addAttention(std::vector<OpCase>& cases, AttentionShape s) {
    const int64_t elements = s.batch * s.sequence * s.channels, sums = s.batch * s.heads * s.sequence;
    const std::string shape =
        text({{"batch", s.batch}, {"sequence", s.sequence}, {"channels", s.channels}, {"heads", s.heads}});
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
                     .tensors = {out("out", elements), floats(out("lse", sums)), in("qkv", 3 * elements), workspace},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.attentionForward(d.at<T>(0), d.at<float>(1), d.at<T>(2), d.at<float>(3), s);
                     }),
                     .flops = 4 * pairs,
                     .tolerance = 1e-5});
    cases.push_back({.op = "attention_backward",
                     .shape = shape,
                     .tensors = {out("dqkv", 3 * elements), in("dout", elements), in("out", elements),
                                 in("qkv", 3 * elements), floats(in("lse", sums)), workspace},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.attentionBackward(d.at<T>(0), d.at<T>(1), d.at<T>(2), d.at<T>(3), d.at<float>(4),
                                               d.at<float>(5), s);
                     }),
                     .flops = 10 * pairs,
                     .tolerance = 1e-4,
                     .forward = "attention_forward"});
}

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

void addCrossEntropy(std::vector<OpCase>& cases, int64_t rows, int64_t vocabulary) {
    const std::string shape = text({{"rows", rows}, {"vocabulary", vocabulary}});
    const float scale = 1.0f / static_cast<float>(rows);
    cases.push_back({.op = "cross_entropy_forward",
                     .shape = shape,
                     .tensors = {floats(out("losses", rows)), floats(out("lse", rows)),
                                 in("logits", rows * vocabulary, 3), ids("targets", rows, vocabulary)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.crossEntropyForward(d.at<float>(0), d.at<float>(1), d.at<T>(2), d.at<int32_t>(3), rows,
                                                 vocabulary);
                     }),
                     .tolerance = 1e-5});
    cases.push_back({.op = "cross_entropy_backward",
                     .shape = shape,
                     .tensors = {out("dlogits", rows * vocabulary), in("logits", rows * vocabulary, 3),
                                 ids("targets", rows, vocabulary), filled(floats(in("lse", rows, 8)), Fill::positive)},
                     .run = runner([=]<class T>(const Ops<T>& ops, OpData& d) {
                         ops.crossEntropyBackward(d.at<T>(0), d.at<T>(1), d.at<int32_t>(2), d.at<float>(3), scale, rows,
                                                  vocabulary);
                     }),
                     .tolerance = 1e-6,
                     .forward = "cross_entropy_forward",
                     .objective_scale = scale});
}

} // namespace

DType OpData::typeOf(size_t tensor) const {
    const DType declared = (*m_tensors)[tensor].type;
    return declared == DType::bf16 ? m_type : declared;
}

OpData::OpData(const std::vector<OpTensor>& tensors, DType type, uint64_t seed, size_t shift)
    : m_tensors(&tensors)
    , m_type(type)
    , m_bytes(tensors.size())
    , m_offset(tensors.size()) {
    std::mt19937_64 random(seed);
    // The sum of four uniform numbers: bell-shaped, and ten times as fast as std::normal_distribution.
    auto bell = [&] {
        const uint64_t bits = random();
        uint64_t sum = 0;
        for (int shift_bits = 0; shift_bits < 64; shift_bits += 16) sum += bits >> shift_bits & 0xffff;
        return (static_cast<float>(sum) / 65536 - 2) * 1.7320508f;
    };
    for (size_t t = 0; t < tensors.size(); ++t) {
        const OpTensor& tensor = tensors[t];
        const auto size = static_cast<size_t>(bytesOf(typeOf(t)));
        const size_t bytes = size * static_cast<size_t>(tensor.elements);
        m_bytes[t].resize(bytes + 64 + shift);
        const auto address = reinterpret_cast<uintptr_t>(m_bytes[t].data());
        m_offset[t] = (64 - address % 64) % 64 + shift / size * size;
        // Outputs start as NaN, so that an element nobody wrote is noticed.
        std::memset(m_bytes[t].data(), 0xff, m_bytes[t].size());
        if (!tensor.input) continue;
        for (int64_t i = 0; i < tensor.elements; ++i) {
            if (tensor.fill == Fill::indices) {
                at<int32_t>(t)[i] = static_cast<int32_t>(random() % static_cast<uint64_t>(tensor.bound));
                continue;
            }
            const float value = tensor.spread * bell();
            setValue(t, i, tensor.fill == Fill::positive ? std::abs(value) : value);
        }
    }
}

float OpData::value(size_t tensor, int64_t element) const {
    const std::byte* base = m_bytes[tensor].data() + m_offset[tensor];
    switch (typeOf(tensor)) {
    case DType::f32:
        return reinterpret_cast<const float*>(base)[element];
    case DType::bf16:
        return static_cast<float>(reinterpret_cast<const bfloat16*>(base)[element]);
    case DType::f16:
        return static_cast<float>(reinterpret_cast<const float16*>(base)[element]);
    case DType::f64:
        return static_cast<float>(reinterpret_cast<const double*>(base)[element]);
    case DType::i32:
        return static_cast<float>(reinterpret_cast<const int32_t*>(base)[element]);
    }
    return 0;
}

void OpData::setValue(size_t tensor, int64_t element, float value) {
    switch (typeOf(tensor)) {
    case DType::f32:
        at<float>(tensor)[element] = value;
        break;
    case DType::bf16:
        at<bfloat16>(tensor)[element] = bfloat16(value);
        break;
    case DType::f16:
        at<float16>(tensor)[element] = float16(value);
        break;
    case DType::f64:
        at<double>(tensor)[element] = static_cast<double>(value);
        break;
    case DType::i32:
        at<int32_t>(tensor)[element] = static_cast<int32_t>(value);
        break;
    }
}

std::vector<float> OpData::values(size_t tensor) const {
    std::vector<float> all(static_cast<size_t>((*m_tensors)[tensor].elements));
    for (size_t i = 0; i < all.size(); ++i) all[i] = value(tensor, static_cast<int64_t>(i));
    return all;
}

size_t OpCase::tensor(std::string_view name) const {
    for (size_t i = 0; i < tensors.size(); ++i)
        if (tensors[i].name == name) return i;
    assert(!"no tensor of this name");
    return 0;
}

int64_t OpCase::bytes(DType type) const {
    if (traffic) return traffic(type);
    int64_t sum = 0;
    for (const OpTensor& t : tensors)
        sum += (t.input + t.output) * t.elements * bytesOf(t.type == DType::bf16 ? type : t.type);
    return sum;
}

std::vector<OpCase> opCases(CaseSet set) {
    std::vector<OpCase> cases;
    switch (set) {
    case CaseSet::small:
        for (const int64_t channels : {16, 50, 129}) {
            addEmbedding(cases, 2, 7, channels, 11); // few ids, so that they repeat
            for (const int64_t rows : {1, 3, 33}) addLayernorm(cases, rows, channels);
        }
        addMatmul(cases, 1, 3, 7, false);
        addMatmul(cases, 3, 64, 48, true);
        addMatmul(cases, 33, 48, 80, true);
        addMatmul(cases, 7, 101, 33, true);
        addMatmul(cases, 64, 96, 32, false);
        addMatmul(cases, 5, 1100, 512, true); // more than one panel of a widened weight
        addAttention(cases, {1, 1, 8, 1});
        addAttention(cases, {2, 7, 48, 2});
        addAttention(cases, {1, 33, 96, 2});
        addAttention(cases, {2, 100, 128, 2});
        addAttention(cases, {1, 49, 128, 1});
        for (const int64_t elements : {1, 15, 16, 17, 1000}) addElementwise(cases, elements);
        for (const int64_t rows : {1, 3}) {
            addCrossEntropy(cases, rows, 5);
            addCrossEntropy(cases, rows, 257);
        }
        break;
    case CaseSet::divided:
        addEmbedding(cases, 2, 140, 1000, 50);
        addLayernorm(cases, 280, 1000);
        addAttention(cases, {3, 20, 96, 3});
        addElementwise(cases, 200'003);
        addCrossEntropy(cases, 50, 5003);
        break;
    case CaseSet::bench:
        addEmbedding(cases, 4, 64, 768, 8192);
        addLayernorm(cases, 256, 768);
        addMatmul(cases, 64, 768, 256, true);
        addMatmul(cases, 128, 256, 256, true);
        addMatmul(cases, 256, 768, 768, true);
        addAttention(cases, {1, 64, 256, 4});
        addAttention(cases, {1, 256, 768, 12});
        addElementwise(cases, 1 << 22);
        addCrossEntropy(cases, 32, 50257);
        break;
    }
    return cases;
}

} // namespace shardscope::kernels
