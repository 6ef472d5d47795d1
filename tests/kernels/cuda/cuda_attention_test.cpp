// SPDX-License-Identifier: Apache-2.0
// Attention on tensor cores, under emulation: head sizes, ragged sequences and groups of heads that the op table's
// small cases have not. The gradients get the sums that the forward kernel leaves.
#include "kernels/cuda/attention_geometry.h"
#include "kernels/op_table.h"
#include "matrix_emulation.h"
#include "support/catch.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

// What one pass leaves, widened.
struct Results {
    std::vector<float> out, lse, dqkv;
};

template <class T> std::vector<T> numbers(int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<T> all(static_cast<size_t>(count));
    for (T& x : all) x = T((static_cast<float>(random() % 4001) / 1000 - 2));
    return all;
}

template <class From, class To> std::vector<To> converted(const std::vector<From>& from) {
    std::vector<To> to;
    for (const From& x : from) to.push_back(To(static_cast<float>(x)));
    return to;
}

int64_t queriesOf(AttentionShape s) { return s.batch * s.sequence * s.heads; }

template <class T, class Forward, class Backward>
Results results(AttentionShape s, const std::vector<T>& qkv, const std::vector<T>& dout, Forward forward,
                Backward backward) {
    std::vector<T> out(dout.size()), dqkv(qkv.size());
    std::memset(static_cast<void*>(out.data()), 0xff, out.size() * sizeof(T)); // NaN: nothing is left out
    std::memset(static_cast<void*>(dqkv.data()), 0xff, dqkv.size() * sizeof(T));
    std::vector<float> lse(static_cast<size_t>(queriesOf(s)), NAN),
        workspace(static_cast<size_t>(attentionWorkspaceElements(s)), NAN);
    forward(out.data(), lse.data(), qkv.data(), workspace.data(), s);
    backward(dqkv.data(), dout.data(), out.data(), qkv.data(), lse.data(), workspace.data(), s);
    return {converted<T, float>(out), lse, converted<T, float>(dqkv)};
}

// The largest distance, as a share of the largest value.
double distance(const std::vector<float>& expected, const std::vector<float>& actual) {
    double largest = 0, worst = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
        if (!std::isfinite(actual[i])) return INFINITY;
        largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
        worst = std::max(worst, std::abs(static_cast<double>(expected[i]) - static_cast<double>(actual[i])));
    }
    return worst / largest;
}

template <class T> void checkShape(AttentionShape s) {
    INFO("batch " << s.batch << ", sequence " << s.sequence << ", heads " << s.heads << ", key heads " << s.keyHeads()
                  << " of " << s.headSize());
    CAPTURE(sizeof(T));
    const std::vector<T> qkv = numbers<T>(s.batch * s.sequence * s.qkvChannels(), 1),
                         dout = numbers<T>(s.batch * s.sequence * s.channels, 2);
    REQUIRE(cuda::tileColumns(cuda::AttentionGeometry(s)) > 0);
    REQUIRE(queriesOf(s) <= attentionWorkspaceElements(s)); // the kernels put a float of each query there
    emulation::takeBankConflicts();
    const Results actual = results<T>(s, qkv, dout, cuda::attentionForward<T>, cuda::attentionBackward<T>);
    CHECK(emulation::takeBankConflicts() == 0);
    // Of the same numbers, in float throughout.
    const Results exact = results<float>(s, converted<T, float>(qkv), converted<T, float>(dout),
                                         reference::attentionForward<float>, reference::attentionBackward<float>);
    const double step = std::ldexp(1.0, std::is_same_v<T, bfloat16> ? -8 : -11); // what rounding to T changes
    CHECK(distance(exact.lse, actual.lse) < 1e-5);
    CHECK(distance(exact.out, actual.out) < 1.5 * step);
    CHECK(distance(exact.dqkv, actual.dqkv) < 3 * step);
    const Results again = results<T>(s, qkv, dout, cuda::attentionForward<T>, cuda::attentionBackward<T>);
    CHECK(again.out == actual.out);
    CHECK(again.dqkv == actual.dqkv);
}

void check(AttentionShape s) {
    checkShape<bfloat16>(s);
#if !defined(__SANITIZE_ADDRESS__) // fibers are slow there, and what a kernel touches is alike in both
    checkShape<float16>(s);
#endif
}

} // namespace

TEST_CASE("attention on tensor cores holds for every head size up to 128 that is a multiple of 8") {
    for (const int64_t size : {8, 32, 40, 64, 80, 96, 128}) check({1, 65, size, 1});
}

TEST_CASE("attention on tensor cores holds for sequences that fill no tile") {
    for (const int64_t sequence : {1, 7, 31, 64, 129}) check({1, sequence, 64, 1});
    for (const int64_t sequence : {1, 33, 128, 130}) check({1, sequence, 128, 1});
}

TEST_CASE("attention on tensor cores holds for batches and groups of heads") {
    check({2, 70, 192, 3});
    check({2, 66, 192, 6, 2});
    check({1, 130, 256, 4, 1});
    check({2, 40, 512, 4, 2});
}
