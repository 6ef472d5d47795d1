// SPDX-License-Identifier: Apache-2.0
// The ops of LLaMA models and dropout, told independently of the reference: rotation as a complex product, shared
// key/value heads as repeated ones, gates in double, and the statistics of the kept elements.
#include "kernels/ops.h"
#include "kernels/random.h"
#include "support/catch.h"
#include <cmath>
#include <complex>
#include <random>
#include <vector>

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

std::vector<float> normals(size_t n, uint64_t seed, float spread = 1) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> v(n);
    for (float& x : v) x = normal(random);
    return v;
}

} // namespace

TEST_CASE("rope turns pairs half a head apart as complex numbers, by position, and leaves the values alone") {
    constexpr int64_t batch = 2, sequence = 9, heads = 4, kv_heads = 2, size = 20,
                      stride = (heads + 2 * kv_heads) * size;
    const auto before = normals(batch * sequence * stride, 1);
    auto qkv = before;
    cpu::rope(qkv.data(), batch, sequence, heads, kv_heads, size, 500000.0f, false);
    for (int64_t t = 0; t < batch * sequence; ++t)
        for (int64_t h = 0; h < heads + 2 * kv_heads; ++h)
            for (int64_t i = 0; i < size / 2; ++i) {
                const auto at = static_cast<size_t>(t * stride + h * size + i);
                const double angle =
                    h < heads + kv_heads ? static_cast<double>(t % sequence) / std::pow(500000.0, 2.0 * i / size) : 0;
                const auto turned = std::complex<double>(before[at], before[at + size / 2]) * std::polar(1.0, angle);
                REQUIRE(qkv[at] == Approx(turned.real()).margin(1e-6));
                REQUIRE(qkv[at + size / 2] == Approx(turned.imag()).margin(1e-6));
            }
    cpu::rope(qkv.data(), batch, sequence, heads, kv_heads, size, 500000.0f, true);
    for (size_t i = 0; i < qkv.size(); ++i) REQUIRE(qkv[i] == Approx(before[i]).margin(1e-6));
    // A longer sequence, another base and another head size in the same thread: nothing of the kept angles may stay.
    auto longer = normals(30 * 3 * 8, 2), expected = longer;
    cpu::rope(longer.data(), 1, 30, 1, 1, 8, 10000.0f, false);
    reference::rope(expected.data(), 1, 30, 1, 1, 8, 10000.0f, false);
    CHECK(longer == expected);
}

TEST_CASE("query heads that share a key head see what they would see with copies of it") {
    constexpr int64_t batch = 2, sequence = 61, heads = 6, kv_heads = 2, size = 16, channels = heads * size;
    const AttentionShape shared = {batch, sequence, channels, heads, kv_heads},
                         plain = {batch, sequence, channels, heads};
    REQUIRE(shared.qkvChannels() == 160);
    REQUIRE(plain.qkvChannels() == 3 * channels);
    constexpr int64_t tokens = batch * sequence, group = heads / kv_heads;
    const auto qkv = normals(tokens * 160, 1), dout = normals(tokens * channels, 2);
    // Where a key or value head of `plain` comes from in a token of `shared`.
    auto source = [&](int64_t part, int64_t head) { return channels + (part * kv_heads + head / group) * size; };
    std::vector<float> repeated(tokens * 3 * channels);
    for (int64_t t = 0; t < tokens; ++t) {
        const float* from = qkv.data() + t * 160;
        float* to = repeated.data() + t * 3 * channels;
        std::copy(from, from + channels, to);
        for (const int64_t part : {0, 1})
            for (int64_t h = 0; h < heads; ++h)
                std::copy(from + source(part, h), from + source(part, h) + size, to + (part + 1) * channels + h * size);
    }
    std::vector<float> out(tokens * channels), lse(batch * heads * sequence), dqkv(qkv.size());
    std::vector<float> out2(out.size()), lse2(lse.size()), drepeated(repeated.size());
    std::vector<float> workspace(static_cast<size_t>(attentionWorkspaceElements(plain)));
    REQUIRE(attentionWorkspaceElements(shared) <= attentionWorkspaceElements(plain));
    cpu::attentionForward(out.data(), lse.data(), qkv.data(), workspace.data(), shared);
    cpu::attentionForward(out2.data(), lse2.data(), repeated.data(), workspace.data(), plain);
    CHECK(out == out2);
    CHECK(lse == lse2);
    cpu::attentionBackward(dqkv.data(), dout.data(), out.data(), qkv.data(), lse.data(), workspace.data(), shared);
    cpu::attentionBackward(drepeated.data(), dout.data(), out.data(), repeated.data(), lse.data(), workspace.data(),
                           plain);
    for (int64_t t = 0; t < tokens; ++t) {
        const float *given = dqkv.data() + t * 160, *copies = drepeated.data() + t * 3 * channels;
        for (int64_t c = 0; c < channels; ++c) REQUIRE(given[c] == copies[c]);
        for (const int64_t part : {0, 1})
            for (int64_t kv = 0; kv < kv_heads; ++kv)
                for (int64_t c = 0; c < size; ++c) {
                    double sum = 0;
                    for (int64_t h = kv * group; h < (kv + 1) * group; ++h)
                        sum += copies[(part + 1) * channels + h * size + c];
                    REQUIRE(given[source(part, kv * group) + c] == Approx(sum).epsilon(1e-4).margin(1e-5));
                }
    }
    const AttentionShape named = {batch, sequence, channels, heads, heads};
    std::vector<float> out3(out.size());
    cpu::attentionForward(out3.data(), lse2.data(), repeated.data(), workspace.data(), named);
    CHECK(out3 == out2);
}

TEST_CASE("RMSNorm gives rows of mean square one, whatever their size") {
    constexpr int64_t rows = 3, channels = 77;
    for (const float spread : {1e-2f, 1.0f, 1e4f}) {
        const auto x = normals(rows * channels, 3, spread);
        const std::vector<float> weight(channels, 2.0f);
        std::vector<float> out(x.size()), rstd(rows);
        cpu::rmsnormForward(out.data(), rstd.data(), x.data(), weight.data(), rows, channels, 1e-12f);
        for (int64_t r = 0; r < rows; ++r) {
            double squares = 0;
            for (int64_t c = 0; c < channels; ++c)
                squares += std::pow(out[static_cast<size_t>(r * channels + c)] / 2.0, 2);
            CHECK(squares / channels == Approx(1.0).epsilon(1e-5));
        }
    }
    const std::vector<float> zeros(channels), ones(channels, 1.0f);
    std::vector<float> out(channels), rstd(1);
    cpu::rmsnormForward(out.data(), rstd.data(), zeros.data(), ones.data(), 1, channels, 1e-4f);
    CHECK(rstd[0] == Approx(100.0f));
    CHECK(out == zeros);
}

TEST_CASE("SwiGLU is silu(gate) * up also for gates far from zero, and its gradient may replace its input") {
    const std::vector<float> gate_up = {-200.0f, -1.0f, 0.0f, 1.5f, 200.0f, 1.0f, 2.0f, 3.0f, -4.0f, 5.0f};
    std::vector<float> out(5);
    cpu::swigluForward(out.data(), gate_up.data(), 1, 5);
    for (size_t i = 0; i < 5; ++i) {
        const double gate = gate_up[i];
        CHECK(out[i] == Approx(gate / (1 + std::exp(-gate)) * gate_up[i + 5]).epsilon(1e-6).margin(1e-30));
    }
    const std::vector<float> dout = {1, 2, 3, 4, 5};
    std::vector<float> apart(10), in_place = gate_up;
    cpu::swigluBackward(apart.data(), gate_up.data(), dout.data(), 1, 5);
    cpu::swigluBackward(in_place.data(), in_place.data(), dout.data(), 1, 5);
    CHECK(apart == in_place);
    CHECK(apart[2] == Approx(3 * 3 * 0.5)); // the slope of silu at 0 is a half
    CHECK(apart[4] == Approx(5 * 5 * 1.0)); // and 1 far above
}

TEST_CASE("dropout keeps the share it is asked for, by element and key alone") {
    static_assert(mixBits(0) == 0xe220a8397b1dcdafu); // the first number of SplitMix64 from seed 0
    constexpr size_t n = 200'000;
    const std::vector<float> ones(n, 1.0f);
    std::vector<float> out(n), other(n);
    for (const float p : {0.0f, 0.1f, 0.5f, 0.9f}) {
        cpu::dropout(out.data(), ones.data(), n, p, 7);
        size_t kept = 0, pairs = 0;
        for (size_t i = 0; i < n; ++i) {
            const bool keeps = dropoutKeeps(7, static_cast<int64_t>(i), dropoutThreshold(p));
            REQUIRE(out[i] == (keeps ? 1.0f / (1.0f - p) : 0.0f));
            kept += keeps;
            pairs += i > 0 && keeps && out[i - 1] != 0;
        }
        const double share = 1.0 - p, deviation = 5 * std::sqrt(n * share * p) + 1e-9;
        CHECK(std::abs(static_cast<double>(kept) - n * share) <= deviation);
        CHECK(static_cast<double>(pairs) / n == Approx(share * share).margin(0.01)); // neighbours are independent
        cpu::dropout(other.data(), ones.data(), n, p, 8);
        CHECK((out == other) == (p == 0.0f));
    }
    std::vector<float> in_place = ones;
    cpu::dropout(out.data(), ones.data(), n, 0.5f, 9);
    cpu::dropout(in_place.data(), in_place.data(), n, 0.5f, 9);
    CHECK(in_place == out);
    std::vector<float> odd(9);
    cpu::dropout(odd.data(), ones.data(), 9, 0.5f, 9);
    CHECK(std::equal(odd.begin(), odd.end(), out.begin()));
}
