// SPDX-License-Identifier: Apache-2.0
// What the ops compute, told independently of the reference: rounding, the exponential's bound, AdamW in double, sums
// that must come out at one or zero, what NaN does, and the aliasing that ops.h allows.
#include "kernels/cpu/vector_table.h"
#include "kernels/op_table.h"
#include "support/catch.h"
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

std::vector<float> normals(size_t n, uint64_t seed, float spread = 1) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> v(n);
    for (float& x : v) x = normal(random);
    return v;
}

std::vector<bfloat16> rounded(const std::vector<float>& v) {
    std::vector<bfloat16> r;
    for (const float x : v) r.push_back(bfloat16(x));
    return r;
}

// The nearest bf16 by search over both neighbours, ties to the even one: written without the bit trick of dtype.h.
bfloat16 nearest(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    bfloat16 low, high;
    low.bits = static_cast<uint16_t>(u >> 16); // towards zero
    high.bits = static_cast<uint16_t>(low.bits + 1);
    const double a = std::abs(static_cast<double>(value) - static_cast<double>(static_cast<float>(low)));
    const bool overflow = std::isinf(static_cast<float>(high));
    const double top =
        overflow ? std::ldexp(std::signbit(value) ? -1.0 : 1.0, 128) : static_cast<double>(static_cast<float>(high));
    const double b = std::abs(top - static_cast<double>(value));
    return a < b || (a == b && low.bits % 2 == 0) ? low : high;
}

} // namespace

TEST_CASE("bfloat16 rounds to nearest even, keeps infinities and NaN") {
    CHECK(bfloat16(1.0f).bits == 0x3f80);
    CHECK(bfloat16(1.0f + 0x1p-8f).bits == 0x3f80);     // a tie goes down to the even neighbour
    CHECK(bfloat16(1.0f + 3 * 0x1p-8f).bits == 0x3f82); // and up to the even neighbour
    CHECK(bfloat16(1.0f + 0x1p-8f + 0x1p-20f).bits == 0x3f81);
    CHECK(bfloat16(-0.0f).bits == 0x8000);
    CHECK(bfloat16(infinity).bits == 0x7f80);
    CHECK(bfloat16(-infinity).bits == 0xff80);
    CHECK(bfloat16(std::numeric_limits<float>::max()).bits == 0x7f80); // rounds up to infinity
    CHECK(std::isnan(static_cast<float>(bfloat16(nan_value))));
    CHECK(std::isnan(static_cast<float>(bfloat16(std::bit_cast<float>(0x7f800001u))))); // payload in the dropped half
    std::mt19937 random(1);
    for (int i = 0; i < 100000; ++i) {
        const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
        if (std::isfinite(value) && bfloat16(value).bits != nearest(value).bits) FAIL("differs for " << value);
    }
}

TEST_CASE("vector code rounds to bf16 as bfloat16 does, for every upper half and all kinds of lower half") {
    std::vector<float> values;
    for (uint32_t high = 0; high < 0x10000; ++high)
        for (const uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
            values.push_back(std::bit_cast<float>(high << 16 | low));
    std::vector<bfloat16> result(values.size());
    std::vector<float> widened(values.size());
    for (const cpu::Isa isa : {cpu::Isa::baseline, cpu::Isa::avx2, cpu::Isa::avx512}) {
        const cpu::VectorTable* table = cpu::vectorTable(isa);
        if (!table) continue;
        table->bf16.fromFloat(result.data(), values.data(), std::ssize(values));
        table->bf16.toFloat(widened.data(), result.data(), std::ssize(values));
        size_t wrong = 0;
        for (size_t i = 0; i < values.size(); ++i)
            wrong += result[i] != bfloat16(values[i]) ||
                     std::bit_cast<uint32_t>(widened[i]) != static_cast<uint32_t>(result[i].bits) << 16;
        INFO("instruction set " << static_cast<int>(isa));
        CHECK(wrong == 0);
    }
}

TEST_CASE("the exponential keeps its stated bound of 2 ulp") {
    std::vector<float> x;
    for (double v = -87.3; v <= 88.37; v += 1.0 / 4096) x.push_back(static_cast<float>(v));
    for (const float v : {-0.0f, 1e-30f, -1e-8f, 0.34657359f, -0.34657359f, -87.3f, 88.37f}) x.push_back(v);
    std::vector<float> y(x.size());
    const auto exponential = cpu::vectorTable().exponential;
    exponential(y.data(), x.data(), std::ssize(x));
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
        const double exact = std::exp(static_cast<double>(x[i]));
        int exponent = 0;
        std::frexp(exact, &exponent);
        worst = std::max(worst, std::abs(y[i] - exact) / std::ldexp(1.0, exponent - 24));
    }
    INFO("largest error " << worst << " ulp");
    CHECK(worst <= 2);
    const std::vector<float> edges = {-88.0f, -1000.0f, -infinity, 89.0f, 1000.0f, infinity, nan_value, 0.0f};
    std::vector<float> at(edges.size());
    exponential(at.data(), edges.data(), std::ssize(edges));
    CHECK(at[0] == 0.0f);
    CHECK(at[1] == 0.0f);
    CHECK(at[2] == 0.0f);
    CHECK(at[3] == infinity);
    CHECK(at[4] == infinity);
    CHECK(at[5] == infinity);
    CHECK(std::isnan(at[6]));
    CHECK(at[7] == 1.0f);
}

TEST_CASE("adamw follows the published formula in double") {
    const size_t n = 1000;
    const auto start = normals(n, 1);
    const double rate = 3e-3, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, decay = 0.1;
    std::vector<float> param = start, m(n), v(n);
    std::vector<float> master = start, m16(n), v16(n);
    std::vector<bfloat16> param16 = rounded(start);
    std::vector<double> exact(start.begin(), start.end()), em(n), ev(n), exact16 = exact, em16(n), ev16(n);
    for (int step = 1; step <= 10; ++step) {
        const auto grad = normals(n, 100 + static_cast<uint64_t>(step));
        const auto grad16 = rounded(grad);
        const AdamWStep s = {static_cast<float>(rate),
                             static_cast<float>(beta1),
                             static_cast<float>(beta2),
                             static_cast<float>(epsilon),
                             static_cast<float>(decay),
                             static_cast<float>(1 - std::pow(beta1, step)),
                             static_cast<float>(1 - std::pow(beta2, step))};
        cpu::adamw<float>(param.data(), nullptr, grad.data(), m.data(), v.data(), n, s);
        cpu::adamw<bfloat16>(param16.data(), master.data(), grad16.data(), m16.data(), v16.data(), n, s);
        auto update = [&](double& p, double& em_i, double& ev_i, double g) {
            em_i = beta1 * em_i + (1 - beta1) * g;
            ev_i = beta2 * ev_i + (1 - beta2) * g * g;
            const double m_hat = em_i / (1 - std::pow(beta1, step)), v_hat = ev_i / (1 - std::pow(beta2, step));
            p -= rate * (m_hat / (std::sqrt(v_hat) + epsilon) + decay * p);
        };
        for (size_t i = 0; i < n; ++i) {
            update(exact[i], em[i], ev[i], grad[i]);
            update(exact16[i], em16[i], ev16[i], static_cast<float>(grad16[i]));
        }
    }
    for (size_t i = 0; i < n; ++i) {
        REQUIRE(param[i] == Approx(exact[i]).epsilon(1e-6).margin(2e-6));
        REQUIRE(m[i] == Approx(em[i]).epsilon(1e-6).margin(1e-6));
        REQUIRE(v[i] == Approx(ev[i]).epsilon(1e-5));
        REQUIRE(master[i] == Approx(exact16[i]).epsilon(1e-6).margin(2e-6));
        REQUIRE(param16[i] == bfloat16(master[i]));
    }
}

TEST_CASE("elementwise ops in bf16 are the float ops, rounded") {
    for (const OpCase& c : opCases(CaseSet::small)) {
        if (c.op != "gelu_forward" && c.op != "gelu_backward" && c.op != "residual_forward" && c.op != "sum_ranks")
            continue;
        for (const Implementation implementation : {Implementation::reference, Implementation::cpu}) {
            OpData narrow(c.tensors, DType::bf16, 5), wide(c.tensors, DType::f32, 5);
            for (size_t t = 0; t < c.tensors.size(); ++t)
                for (int64_t i = 0; i < c.tensors[t].elements; ++i) wide.setValue(t, i, narrow.value(t, i));
            c.run(implementation, narrow);
            c.run(implementation, wide);
            INFO(c.op << ' ' << c.shape);
            for (size_t t = 0; t < c.tensors.size(); ++t)
                for (int64_t i = 0; i < c.tensors[t].elements; ++i)
                    REQUIRE(narrow.value(t, i) == static_cast<float>(bfloat16(wide.value(t, i))));
        }
    }
}

TEST_CASE("cross-entropy: uniform logits cost log V, gradients of a row sum to zero, probabilities to one") {
    const int64_t rows = 3, vocabulary = 1001, pitch = 1024;
    const auto n = static_cast<size_t>(rows * pitch);
    std::vector<float> logits(n, 4.0f), losses(3), gradient(n, 7.0f);
    const std::vector<int32_t> targets = {0, 1000, 500};
    const auto run = [&](std::vector<float>& to) {
        cpu::crossEntropy<float>(losses.data(), to.data(), logits.data(), targets.data(), 2.0f, rows, vocabulary,
                                 pitch);
    };
    run(gradient);
    for (const float loss : losses) CHECK(loss == Approx(std::log(1001.0)).epsilon(1e-6));
    logits = normals(n, 2, 5);
    run(gradient);
    for (int64_t r = 0; r < rows; ++r) {
        const float* row = logits.data() + r * pitch;
        double sum = 0;
        for (int64_t v = 0; v < vocabulary; ++v) sum += std::exp(static_cast<double>(row[v]));
        CHECK(losses[r] == Approx(std::log(sum) - row[targets[r]]).epsilon(1e-5));
        const float* g = gradient.data() + r * pitch;
        CHECK(std::accumulate(g, g + vocabulary, 0.0) == Approx(0.0).margin(2e-6));
        CHECK(g[targets[r]] == Approx(2 * (std::exp(-losses[r]) - 1)).epsilon(1e-5));
        CHECK(std::all_of(g + vocabulary, g + pitch, [](float between) { return between == 7.0f; }));
    }
    const std::vector<float> apart = gradient;
    run(logits); // in place
    for (int64_t r = 0; r < rows; ++r)
        CHECK(std::equal(logits.data() + r * pitch, logits.data() + r * pitch + vocabulary, apart.data() + r * pitch));
}

TEST_CASE("NaN and infinite inputs stay visible") {
    std::vector<float> x(40, 0.5f), out(40), losses(2);
    x[17] = nan_value;
    cpu::geluForward<float>(out.data(), x.data(), 40);
    CHECK(std::isnan(out[17]));
    CHECK(std::isfinite(out[16]));
    const int32_t targets[] = {3, 3};
    cpu::crossEntropy<float>(losses.data(), out.data(), x.data(), targets, 1.0f, 2, 20, 20);
    CHECK(std::isnan(losses[0])); // element 17 is in row 0
    CHECK(std::isfinite(losses[1]));
    std::vector<float> large = {-1e4f, -40.0f, -10.0f, 0.0f, 10.0f, 40.0f, 1e4f};
    std::vector<float> gelu(7), slope(7), ones(7, 1.0f);
    cpu::geluForward<float>(gelu.data(), large.data(), 7);
    cpu::geluBackward<float>(slope.data(), large.data(), ones.data(), 7);
    for (size_t i = 0; i < 3; ++i) CHECK(gelu[i] == Approx(0.0).margin(1e-6));
    for (size_t i = 4; i < 7; ++i) CHECK(gelu[i] == large[i]);
    for (size_t i = 0; i < 3; ++i) CHECK(slope[i] == Approx(0.0).margin(1e-6));
    for (size_t i = 4; i < 7; ++i) CHECK(slope[i] == Approx(1.0));
}

TEST_CASE("layer norm: rows come out with mean 0 and variance 1; dx may alias dresidual") {
    const int64_t rows = 4, channels = 75;
    const auto n = static_cast<size_t>(rows * channels);
    auto x = normals(n, 3, 4);
    for (float& value : x) value += 100; // a large mean costs no accuracy
    const std::vector<float> ones(75, 1.0f), zeros(75, 0.0f), weight = normals(75, 5);
    std::vector<float> out(n), mean(4), rstd(4);
    cpu::layernormForward<float>(out.data(), mean.data(), rstd.data(), x.data(), ones.data(), zeros.data(), rows,
                                 channels);
    for (int64_t r = 0; r < rows; ++r) {
        double sum = 0, squares = 0;
        for (int64_t c = 0; c < channels; ++c) {
            sum += out[r * channels + c];
            squares += std::pow(out[r * channels + c], 2);
        }
        CHECK(sum / 75 == Approx(0.0).margin(1e-5));
        CHECK(squares / 75 == Approx(1.0).epsilon(1e-4));
    }
    const auto dout = normals(n, 6), residual = normals(n, 7);
    std::vector<float> dx(n), in_place = residual, dweight(75), dbias(75);
    cpu::layernormBackward<float>(dx.data(), dweight.data(), dbias.data(), dout.data(), residual.data(), x.data(),
                                  weight.data(), mean.data(), rstd.data(), rows, channels);
    cpu::layernormBackward<float>(in_place.data(), dweight.data(), dbias.data(), dout.data(), in_place.data(), x.data(),
                                  weight.data(), mean.data(), rstd.data(), rows, channels);
    CHECK(in_place == dx);
}

TEST_CASE("attention is causal and its weights sum to one") {
    const AttentionShape shape = {.batch = 1, .sequence = 70, .channels = 64, .heads = 2};
    std::vector<float> workspace(static_cast<size_t>(attentionWorkspaceElements(shape)));
    auto qkv = normals(70 * 192, 8);
    for (size_t t = 0; t < 70; ++t)
        for (size_t c = 128; c < 192; ++c) qkv[t * 192 + c] = 1.5f; // every value the same, so every mean too
    std::vector<float> out(70 * 64), lse(140);
    cpu::attentionForward<float>(out.data(), lse.data(), qkv.data(), workspace.data(), shape);
    for (const float value : out) REQUIRE(value == Approx(1.5).epsilon(1e-5));
    qkv = normals(70 * 192, 9);
    cpu::attentionForward<float>(out.data(), lse.data(), qkv.data(), workspace.data(), shape);
    auto changed = qkv;
    for (size_t i = 40 * 192; i < changed.size(); ++i) changed[i] = -3 * changed[i];
    std::vector<float> out_changed(out.size());
    cpu::attentionForward<float>(out_changed.data(), lse.data(), changed.data(), workspace.data(), shape);
    CHECK(std::equal(out.begin(), out.begin() + 40 * 64, out_changed.begin()));
}

TEST_CASE("embedding gradients of repeated ids are summed in token order onto what is there") {
    const int32_t ids[] = {1, 0, 1, 1};
    std::vector<bfloat16> dwte = rounded({0, 0, 0, 256, 256, 256, 7, 7, 7});
    const auto dout = rounded({1, 1, 1, 5, 5, 5, 1, 1, 1, 1, 1, 1});
    std::vector<bfloat16> dwpe(9, bfloat16(nan_value));
    cpu::embeddingBackward(dwte.data(), dwpe.data(), dout.data(), ids, 2, 2, 3, 3);
    // 256 + 3 * 1 = 259 rounds to 260; adding the ones one by one in bf16 would stay at 256.
    CHECK(dwte == rounded({5, 5, 5, 260, 260, 260, 7, 7, 7}));
    CHECK(dwpe == rounded({2, 2, 2, 6, 6, 6, 0, 0, 0}));
}
