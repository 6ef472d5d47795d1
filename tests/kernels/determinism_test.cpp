// SPDX-License-Identifier: Apache-2.0
// Results depend on the inputs alone: not on where the operands lie in memory, how a range is cut into calls, how many
// threads share an op, what other threads do meanwhile, or (where no fused multiply-add is involved) the instruction
// set.
#include "kernels/cpu/vector_table.h"
#include "kernels/op_table.h"
#include "support/catch.h"
#include <cstring>
#include <thread>

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

constexpr DType all_types[] = {DType::f32, DType::bf16, DType::f16};

bool sameBits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

bool sameOutputs(const OpCase& c, const OpData& a, const OpData& b) {
    for (size_t t = 0; t < c.tensors.size(); ++t) {
        if (!c.tensors[t].output) continue;
        const std::vector<float> x = a.values(t), y = b.values(t);
        if (!std::equal(x.begin(), x.end(), y.begin(), sameBits)) return false;
    }
    return true;
}

OpData ran(const OpCase& c, DType type, size_t shift = 0) {
    OpData data(c.tensors, type, 3, shift);
    c.run(Implementation::cpu, data);
    return data;
}

std::vector<const cpu::VectorTable*> tables() {
    std::vector<const cpu::VectorTable*> found;
    for (const cpu::Isa isa : {cpu::Isa::baseline, cpu::Isa::avx2, cpu::Isa::avx512})
        if (const cpu::VectorTable* table = cpu::vectorTable(isa)) found.push_back(table);
    return found;
}

template <class T> std::vector<T> filled(size_t elements, uint32_t seed) {
    std::vector<T> v(elements);
    for (T& x : v) {
        seed = seed * 1664525u + 1013904223u;
        x = T(static_cast<float>(seed >> 8) / static_cast<float>(1 << 22) - 2.0f);
    }
    return v;
}

const AdamWStep some_step = {.learning_rate = 1e-3f,
                             .beta1 = 0.9f,
                             .beta2 = 0.95f,
                             .epsilon = 1e-8f,
                             .weight_decay = 0.1f,
                             .bias_correction1 = 0.19f,
                             .bias_correction2 = 0.0975f};

// Everything the elementwise ops write for `elements` elements, done in calls of `piece` elements.
template <class T> std::vector<std::vector<float>> elementwiseInPieces(int64_t elements, int64_t piece) {
    const auto size = static_cast<size_t>(elements);
    const auto x = filled<T>(size, 1), y = filled<T>(size, 2);
    std::vector<T> gelu(size), dgelu(size), sum(size), ranks(size), param = x;
    std::vector<float> master = filled<float>(size, 3), m = filled<float>(size, 4), v = filled<float>(size, 5);
    for (float& value : v) value = value * value;
    for (int64_t at = 0; at < elements; at += piece) {
        const int64_t n = std::min(piece, elements - at);
        cpu::geluForward(gelu.data() + at, x.data() + at, n);
        cpu::geluBackward(dgelu.data() + at, x.data() + at, y.data() + at, n);
        cpu::residualForward(sum.data() + at, x.data() + at, y.data() + at, n);
        cpu::adamw(param.data() + at, sizeof(T) == 2 ? master.data() + at : nullptr, y.data() + at, m.data() + at,
                   v.data() + at, n, some_step);
        T* const outputs[] = {ranks.data() + at};
        const T* const inputs[] = {x.data() + at, y.data() + at, x.data() + at};
        cpu::sumRanks<T>(std::span<T* const>(outputs), std::span<const T* const>(inputs), 1.0f / 3, n);
    }
    std::vector<std::vector<float>> results = {master, m, v};
    for (const auto* values : {&gelu, &dgelu, &sum, &ranks, &param}) {
        results.emplace_back();
        for (const T& value : *values) results.back().push_back(static_cast<float>(value));
    }
    return results;
}

} // namespace

TEST_CASE("results do not depend on alignment") {
    setThreadsPerOp(1);
    for (const OpCase& c : opCases(CaseSet::small))
        for (const DType type : all_types) {
            const OpData aligned = ran(c, type);
            for (const size_t shift : {4, 12, 34}) {
                INFO(c.op << ' ' << c.shape << ' ' << toText(type) << " shifted by " << shift << " bytes");
                CHECK(sameOutputs(c, aligned, ran(c, type, shift)));
            }
        }
}

TEST_CASE("elementwise results do not depend on how a range is cut") {
    setThreadsPerOp(1);
    const auto whole = elementwiseInPieces<float>(1003, 1003);
    const auto whole_bf16 = elementwiseInPieces<bfloat16>(1003, 1003);
    const auto whole_f16 = elementwiseInPieces<float16>(1003, 1003);
    for (const int64_t piece : {1, 3, 16, 17, 64, 999}) {
        INFO("pieces of " << piece);
        CHECK(elementwiseInPieces<float>(1003, piece) == whole);
        CHECK(elementwiseInPieces<bfloat16>(1003, piece) == whole_bf16);
        CHECK(elementwiseInPieces<float16>(1003, piece) == whole_f16);
    }
}

TEST_CASE("the number of threads that share an op does not change its result") {
    for (const OpCase& c : opCases(CaseSet::divided))
        for (const DType type : all_types) {
            setThreadsPerOp(1);
            const OpData alone = ran(c, type);
            for (const int threads : {2, 3}) {
                setThreadsPerOp(threads);
                INFO(c.op << ' ' << c.shape << ' ' << toText(type) << " on " << threads << " threads");
                CHECK(sameOutputs(c, alone, ran(c, type)));
            }
        }
    setThreadsPerOp(1);
}

TEST_CASE("threads that call ops at the same time do not disturb each other") {
    setThreadsPerOp(1);
    const std::vector<OpCase> cases = opCases(CaseSet::small);
    std::vector<OpData> alone;
    for (const OpCase& c : cases) alone.push_back(ran(c, DType::bf16));
    constexpr size_t threads = 4;
    int different[threads] = {};
    std::vector<std::thread> team;
    for (size_t t = 0; t < threads; ++t)
        team.emplace_back([&, t] {
            setThreadsPerOp(1);
            for (size_t i = 0; i < cases.size(); ++i) {
                const size_t k = (i + t * cases.size() / threads) % cases.size(); // each starts elsewhere
                different[t] += !sameOutputs(cases[k], alone[k], ran(cases[k], DType::bf16));
            }
        });
    for (std::thread& thread : team) thread.join();
    for (const int count : different) CHECK(count == 0);
}

TEST_CASE("instruction sets agree bit for bit; on the exponential those with fused multiply-adds do") {
    const size_t rows = 3, channels = 77, n = rows * channels;
    const auto x = filled<bfloat16>(n, 1), y = filled<bfloat16>(n, 2), w = filled<bfloat16>(channels, 3);
    const std::vector<int32_t> targets = {0, 76, 31};
    auto plain = [&](const cpu::VectorTable& table) {
        const auto& v = table.bf16;
        std::vector<bfloat16> out(9 * n);
        std::vector<float> sums(2 * rows), m(n), s(n, 0.5f), master(n, 0.25f);
        v.with_bf16.adamw(out.data(), master.data(), y.data(), m.data(), s.data(), n, adamwConstants(some_step));
        v.layernormForward(out.data() + n, sums.data(), sums.data() + rows, x.data(), w.data(), w.data(), rows,
                           channels);
        v.layernormBackwardInput(out.data() + 2 * n, y.data(), x.data(), x.data(), w.data(), sums.data(),
                                 sums.data() + rows, rows, channels);
        v.layernormBackwardWeight(out.data() + 3 * n, out.data() + 4 * n, y.data(), x.data(), sums.data(),
                                  sums.data() + rows, rows, channels, 0, channels);
        v.rmsnormForward(out.data() + 5 * n, sums.data(), x.data(), w.data(), rows, channels, 1e-5f);
        v.rmsnormBackwardInput(out.data() + 6 * n, y.data(), x.data(), x.data(), w.data(), sums.data(), rows, channels);
        v.rmsnormBackwardWeight(out.data() + 7 * n, y.data(), x.data(), sums.data(), rows, channels, 0, channels);
        v.dropout(out.data() + 8 * n, x.data(), 0, n, 1u << 31, 2.0f, 5);
        v.rope(out.data(), 3, 38, m.data(), s.data(), true);
        return std::tuple(out, sums, m, s, master);
    };
    auto exponential = [&](const cpu::VectorTable& table) {
        const auto& v = table.bf16;
        std::vector<bfloat16> out(5 * n);
        std::vector<float> sums(rows), scratch(static_cast<size_t>(channels));
        v.geluForward(out.data(), x.data(), n);
        v.geluBackward(out.data() + n, x.data(), y.data(), n);
        v.crossEntropy(sums.data(), out.data() + 2 * n, x.data(), targets.data(), 0.5f, rows, channels, channels,
                       scratch.data());
        v.swigluForward(out.data() + 3 * n, x.data(), 1, n / 2);
        v.swigluBackward(out.data() + 4 * n, x.data(), y.data(), 1, n / 2);
        return std::tuple(out, sums);
    };
    const auto available = tables();
    for (const cpu::VectorTable* table : available) {
        INFO("instruction set " << static_cast<int>(table->isa));
        CHECK(plain(*table) == plain(*available.front()));
        if (table->isa != cpu::Isa::baseline) CHECK(exponential(*table) == exponential(*available[1]));
    }
}

TEST_CASE("every instruction set this processor has computes attention") {
    const AttentionShape shape = {.batch = 1, .sequence = 61, .channels = 80, .heads = 1};
    const cpu::AttentionLayout at = cpu::attentionLayout(shape);
    const size_t n = 61 * 80;
    const auto qkv = filled<float>(3 * n, 1), dout = filled<float>(n, 2);
    std::vector<float> out(n), lse(61), dqkv(3 * n);
    reference::attentionForward<float>(out.data(), lse.data(), qkv.data(), nullptr, shape);
    reference::attentionBackward<float>(dqkv.data(), dout.data(), out.data(), qkv.data(), lse.data(), nullptr, shape);
    for (const cpu::VectorTable* table : tables()) {
        std::vector<float> scratch(static_cast<size_t>(at.total), NAN), out2(n), lse2(61), dqkv2(3 * n);
        table->f32.attentionForwardGroup(out2.data(), lse2.data(), qkv.data(), qkv.data() + 80, qkv.data() + 160,
                                         scratch.data(), at);
        std::fill(scratch.begin(), scratch.end(), NAN); // nothing may be kept between the directions
        table->f32.attentionBackwardGroup(dqkv2.data(), dqkv2.data() + 80, dqkv2.data() + 160, dout.data(), out.data(),
                                          qkv.data(), qkv.data() + 80, qkv.data() + 160, lse.data(), scratch.data(),
                                          at);
        INFO("instruction set " << static_cast<int>(table->isa));
        for (size_t i = 0; i < n; ++i) REQUIRE(out2[i] == Approx(out[i]).margin(2e-5));
        for (size_t i = 0; i < 3 * n; ++i) REQUIRE(dqkv2[i] == Approx(dqkv[i]).epsilon(1e-4).margin(1e-3));
    }
}
