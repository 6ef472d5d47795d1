// SPDX-License-Identifier: Apache-2.0
#include "kernels/op_table.h"
#include "kernels/op_cases.h"
#include <cassert>
#include <cmath>
#include <cstring>
#include <random>

namespace shardscope::kernels {

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

void OpData::place(const std::function<std::byte*(std::span<const std::byte>)>& copy) {
    std::vector<std::byte*> placed;
    for (size_t t = 0; t < m_bytes.size(); ++t) {
        const auto bytes = static_cast<size_t>((*m_tensors)[t].elements * bytesOf(typeOf(t)));
        placed.push_back(copy({m_bytes[t].data() + m_offset[t], bytes}));
    }
    m_placed = std::move(placed);
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
            for (const int64_t rows : {1, 3, 33}) addNorms(cases, rows, channels);
        }
        addMatmul(cases, 1, 3, 7, false);
        addMatmul(cases, 3, 64, 48, true);
        addMatmul(cases, 33, 48, 80, true);
        addMatmul(cases, 7, 101, 33, true);
        addMatmul(cases, 64, 96, 32, false);
        addMatmul(cases, 5, 1100, 512, true); // more than one panel of a widened weight
        addMatmul(cases, 5, 48, 32, true, {.accumulate = true});
        addMatmul(cases, 5, 48, 32, false, {.ldx = 100, .ldo = 77});
        addMatmul(cases, 7, 1100, 512, true, {.ldx = 600, .ldo = 1111, .accumulate = true});
        addAttention(cases, {1, 1, 8, 1});
        addAttention(cases, {2, 7, 48, 2});
        addAttention(cases, {1, 33, 96, 2});
        addAttention(cases, {2, 100, 128, 2});
        addAttention(cases, {1, 49, 128, 1});
        addAttention(cases, {2, 33, 96, 6, 2});
        addAttention(cases, {1, 50, 80, 4, 1});
        addRope(cases, {2, 7, 48, 2});
        addRope(cases, {1, 33, 160, 4, 2});
        for (const int64_t elements : {1, 15, 16, 17, 1000}) {
            addElementwise(cases, elements);
            addStates(cases, elements);
        }
        addSwiglu(cases, 1, 5);
        addSwiglu(cases, 3, 64);
        for (const int64_t rows : {1, 3}) {
            addCrossEntropy(cases, rows, 5, 5);
            addCrossEntropy(cases, rows, 257, 320);
        }
        break;
    case CaseSet::divided:
        addEmbedding(cases, 2, 140, 1000, 50);
        addNorms(cases, 280, 1000);
        addAttention(cases, {3, 20, 96, 3});
        addAttention(cases, {2, 20, 96, 6, 3});
        addRope(cases, {2, 300, 512, 4, 2});
        addElementwise(cases, 200'003);
        addStates(cases, 200'003);
        addSwiglu(cases, 300, 999);
        addCrossEntropy(cases, 50, 5003, 5056);
        break;
    case CaseSet::bench:
        addEmbedding(cases, 4, 64, 768, 8192);
        addNorms(cases, 256, 768);
        addMatmul(cases, 64, 768, 256, true);
        addMatmul(cases, 128, 256, 256, true);
        addMatmul(cases, 256, 768, 768, true);
        addAttention(cases, {1, 64, 256, 4});
        addAttention(cases, {1, 256, 768, 12});
        addAttention(cases, {1, 256, 768, 12, 4});
        addRope(cases, {1, 256, 768, 12, 4});
        addElementwise(cases, 1 << 22);
        addStates(cases, 1 << 22);
        addSwiglu(cases, 256, 2048);
        addCrossEntropy(cases, 32, 50257, 50304);
        break;
    case CaseSet::device:
        addEmbedding(cases, 8, 1024, 768, 50257);
        addNorms(cases, 8192, 768);
        addMatmul(cases, 8192, 2304, 768, true);
        addMatmul(cases, 8192, 3072, 768, true);
        addMatmul(cases, 8192, 768, 3072, true);
        addAttention(cases, {8, 1024, 768, 12});
        addAttention(cases, {8, 1024, 768, 12, 4});
        addRope(cases, {8, 1024, 768, 12, 4});
        addElementwise(cases, 8192 * 3072);
        addStates(cases, 1 << 25);
        addSwiglu(cases, 8192, 2048);
        addCrossEntropy(cases, 1024, 50257, 50304);
        break;
    }
    return cases;
}

} // namespace shardscope::kernels
