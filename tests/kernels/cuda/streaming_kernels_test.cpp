// SPDX-License-Identifier: Apache-2.0
// The kernels that memory bounds read and write packs of elements, choose their grids by the device, and hold rows in
// registers or shared memory: shapes that take each of these ways agree with the reference, and which way was taken is
// not seen in any bit.
#include "../op_difference.h"
#include "cuda_emulation.h"
#include "emulated_ops.h"
#include "support/catch.h"
#include <cstring>
#include <tuple>

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

std::vector<OpCase> casesThatAskTheDevice() {
    test::useEmulatedOps();
    std::vector<OpCase> cases;
    addElementwise(cases, 9'003);
    addStates(cases, 9'003);
    addSwiglu(cases, 7, 296);
    addRope(cases, {3, 5, 96, 3});
    addEmbedding(cases, 2, 150, 264, 3);  // ids with more tokens than a warp takes alone
    addEmbedding(cases, 2, 650, 20, 700); // of several blocks of ids
    addCrossEntropy(cases, 3, 9001, 9024);
    return cases;
}

std::vector<OpCase> streamingCases() {
    std::vector<OpCase> cases = casesThatAskTheDevice();
    addNorms(cases, 40, 200); // a row in a warp, by channels of a thread
    addNorms(cases, 9, 768);
    addNorms(cases, 5, 2056);           // in a block
    addNorms(cases, 3, 8200);           // too long to be held
    addMatmul(cases, 700, 40, 8, true); // the bias: parts of the rows
    return cases;
}

// Everything that is written, as it is.
std::vector<std::vector<float>> ran(const OpCase& c, DType type, size_t shift = 0) {
    OpData data(c.tensors, type, 1, shift);
    c.run(Implementation::cuda, data);
    std::vector<std::vector<float>> outputs;
    for (size_t t = 0; t < c.tensors.size(); ++t)
        if (c.tensors[t].output) outputs.push_back(data.values(t));
    return outputs;
}

bool sameBits(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
    for (size_t t = 0; t < a.size(); ++t)
        if (std::memcmp(a[t].data(), b[t].data(), a[t].size() * sizeof(float)) != 0) return false;
    return a.size() == b.size();
}

// What kernels know of the device, until the end of the block.
struct Device {
    Device(int multiprocessors, int shared_bytes) {
        emulation::deviceState().multiprocessors = multiprocessors;
        emulation::deviceState().shared_bytes = shared_bytes;
        kernels::cuda::useStream(nullptr); // asks again
    }
    ~Device() {
        emulation::deviceState().multiprocessors = emulation::DeviceState().multiprocessors;
        emulation::deviceState().shared_bytes = emulation::DeviceState().shared_bytes;
        kernels::cuda::useStream(nullptr);
    }
};

#if defined(__SANITIZE_ADDRESS__)
const std::vector<DType> types = {DType::bf16}; // fibers are slow here, and what a kernel touches is alike in all
#else
const std::vector<DType> types = {DType::f32, DType::bf16};
#endif

} // namespace

TEST_CASE("streaming kernels agree with the reference in shapes of every way they go") {
    for (const OpCase& c : streamingCases())
        for (const DType type : types) {
            OpData expected(c.tensors, type, 1), actual(c.tensors, type, 1);
            c.run(Implementation::reference, expected);
            c.run(Implementation::cuda, actual);
            INFO(c.op << ' ' << c.shape << ' ' << toText(type));
            OpCase allowed = c;
            allowed.tolerance = std::max(c.tolerance, 1e-5); // sums of hundreds of numbers in another order
            CHECK(test::excess(allowed, type, expected, actual) <= 1);
        }
}

TEST_CASE("streaming kernels: the same bits wherever operands begin") {
    for (const OpCase& c : streamingCases())
        for (const DType type : types) {
            const auto expected = ran(c, type);
            for (const size_t shift : {4, 6}) { // 6: floats by 4
                if (type == DType::f32 && shift == 6) continue;
                INFO(c.op << ' ' << c.shape << ' ' << toText(type) << ", " << shift << " bytes further on");
                CHECK(sameBits(expected, ran(c, type, shift)));
            }
        }
}

TEST_CASE("AdamW on a piece of its states has the bits that the whole has") {
    constexpr size_t elements = 600, first = 3, last = 597; // the same place in two and in four bytes
    const AdamWStep step = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.1f, 0.271f, 0.003f};
    const auto update = [&](size_t begin, size_t end) {
        std::vector<bfloat16> param(elements, bfloat16(0.5f)), grad(elements);
        std::vector<float> master(elements), m(elements, 0.01f), v(elements, 0.02f);
        for (size_t i = 0; i < elements; ++i) {
            master[i] = static_cast<float>(i) * 0.01f;
            grad[i] = bfloat16(static_cast<float>(i % 17) - 8.0f);
        }
        kernels::cuda::adamw(param.data() + begin, master.data() + begin, grad.data() + begin, m.data() + begin,
                             v.data() + begin, static_cast<int64_t>(end - begin), step);
        return std::tuple(param, master, m, v);
    };
    const auto [param, master, m, v] = update(first, last);
    const auto [whole_param, whole_master, whole_m, whole_v] = update(0, elements);
    for (size_t i = 0; i < elements; ++i) {
        const bool own = i >= first && i < last;
        CHECK((param[i] == whole_param[i]) == (own || whole_param[i] == bfloat16(0.5f)));
        CHECK((m[i] == whole_m[i]) == (own || whole_m[i] == 0.01f));
        CHECK((master[i] == whole_master[i]) == own);
        CHECK((v[i] == whole_v[i]) == own);
    }
}

TEST_CASE("streaming kernels: the same bits on devices of every size") {
    for (const OpCase& c : casesThatAskTheDevice()) {
        const auto expected = ran(c, DType::bf16);
        for (const int multiprocessors : {1, 20}) {
            const Device device(multiprocessors, 16 << 10); // less than a row of logits
            INFO(c.op << ' ' << c.shape << " on " << multiprocessors << " multiprocessors");
            CHECK(sameBits(expected, ran(c, DType::bf16)));
        }
    }
}

TEST_CASE("sums of ranks whose shards begin differently, and of many ranks, have the bits of single elements") {
    constexpr int64_t elements = 1000;
    constexpr size_t ranks = 7;
    std::vector<std::vector<bfloat16>> of_ranks(ranks, std::vector<bfloat16>(elements + 16));
    std::vector<const bfloat16*> inputs;
    for (size_t r = 0; r < ranks; ++r) {
        for (size_t i = 0; i < of_ranks[r].size(); ++i)
            of_ranks[r][i] = bfloat16(static_cast<float>((i * 37 + r * 11) % 101) - 50.0f);
        inputs.push_back(of_ranks[r].data() + 3);
    }
    for (const size_t output_at : {3, 4}) { // as the inputs, and not
        std::vector<bfloat16> sum(elements + 16);
        bfloat16* const outputs[] = {sum.data() + output_at};
        kernels::cuda::sumRanks<bfloat16>(outputs, inputs, 1.0f / ranks, elements);
        std::vector<bfloat16> expected(elements);
        bfloat16* const of_reference[] = {expected.data()};
        reference::sumRanks<bfloat16>(of_reference, inputs, 1.0f / ranks, elements);
        CHECK(std::equal(expected.begin(), expected.end(), sum.begin() + static_cast<int64_t>(output_at)));
        CHECK(sum[output_at - 1] == bfloat16());
        CHECK(sum[output_at + elements] == bfloat16());
    }
}

TEST_CASE("a kernel asks for more shared memory once, and again only for more") {
    test::useEmulatedOps();
    auto asked = [](int64_t vocabulary) {
        const int before = emulation::deviceState().kernels_allowed;
        std::vector<OpCase> cases;
        addCrossEntropy(cases, 1, vocabulary, vocabulary);
        ran(cases[0], DType::f32);
        return emulation::deviceState().kernels_allowed - before;
    };
    CHECK(asked(1000) == 0);
    CHECK(asked(20'000) == 1);
    CHECK(asked(20'000) == 0);
    CHECK(asked(19'000) == 0);
    CHECK(asked(30'000) == 1);
}
