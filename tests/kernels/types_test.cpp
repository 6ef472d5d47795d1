// SPDX-License-Identifier: Apache-2.0
// What is special to the sixteen-bit types and to ops of two types: rounding of float16, AdamW and accumulation in
// every combination, sums of squares whose bits depend on the values alone, and products of bf16 on parts of matrices.
#include "kernels/cpu/product.h"
#include "kernels/cpu/vector_table.h"
#include "kernels/ops.h"
#include "support/catch.h"
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

using namespace shardscope;
using namespace shardscope::kernels;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

template <class T> std::vector<T> normals(size_t n, uint64_t seed, float spread = 1) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal(0, spread);
    std::vector<T> v;
    for (size_t i = 0; i < n; ++i) v.push_back(T(normal(random)));
    return v;
}

float16 halfOf(int bits) {
    float16 h;
    h.bits = static_cast<uint16_t>(bits);
    return h;
}

// The nearest float16 to a magnitude by search over all of them, ties to the even one; infinity stands for 65536.
float16 nearest(float magnitude) {
    int low = 0, high = 0x7c00;
    auto value = [](int bits) {
        return bits == 0x7c00 ? 65536.0 : static_cast<double>(static_cast<float>(halfOf(bits)));
    };
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        (value(middle) <= static_cast<double>(magnitude) ? low : high) = middle;
    }
    const double below = static_cast<double>(magnitude) - value(low),
                 above = value(high) - static_cast<double>(magnitude);
    return halfOf(below < above || (below == above && low % 2 == 0) ? low : high);
}

template <class Body> void forEachType(const Body& body) {
    body(float{});
    body(bfloat16{});
    body(float16{});
}

template <class T> bool sameBits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

const AdamWStep some_step = {.learning_rate = 1e-2f,
                             .beta1 = 0.9f,
                             .beta2 = 0.95f,
                             .epsilon = 1e-8f,
                             .weight_decay = 0.1f,
                             .bias_correction1 = 0.19f,
                             .bias_correction2 = 0.0975f};

} // namespace

TEST_CASE("float16 rounds to nearest even, overflows to infinity, keeps subnormals and NaN") {
    CHECK(float16(1.0f).bits == 0x3c00);
    CHECK(float16(-2.0f).bits == 0xc000);
    CHECK(float16(-0.0f).bits == 0x8000);
    CHECK(float16(65504.0f).bits == 0x7bff);
    CHECK(float16(65519.996f).bits == 0x7bff);
    CHECK(float16(65520.0f).bits == 0x7c00); // the tie goes to the even neighbour, which is infinity
    CHECK(float16(-1e30f).bits == 0xfc00);
    CHECK(float16(infinity).bits == 0x7c00);
    CHECK(float16(0x1p-24f).bits == 0x0001);
    CHECK(float16(0x1p-25f).bits == 0x0000); // a tie with zero
    CHECK(float16(0x1.8p-24f).bits == 0x0002);
    CHECK(float16(0x1p-14f).bits == 0x0400);
    CHECK(static_cast<float>(halfOf(0x03ff)) == 1023 * 0x1p-24f);
    CHECK(std::isnan(static_cast<float>(float16(nan_value))));
    CHECK(std::isnan(static_cast<float>(float16(std::bit_cast<float>(0x7f800001u)))));
    for (int bits = 0; bits < 0x10000; ++bits) {
        const float wide = static_cast<float>(halfOf(bits));
        if (!std::isnan(wide) && float16(wide).bits != bits) FAIL("changed on the way: " << bits);
        if (std::isnan(wide) != ((bits & 0x7fff) > 0x7c00)) FAIL("wrong NaN: " << bits);
    }
    std::mt19937 random(1);
    for (int i = 0; i < 100000; ++i) {
        const auto exponent = static_cast<uint32_t>(98 + random() % 48); // from what rounds to zero to what overflows
        const float value = std::bit_cast<float>(exponent << 23 | static_cast<uint32_t>(random()) >> 9);
        if (float16(value) != nearest(value)) FAIL("differs for " << value);
    }
}

TEST_CASE("vector code converts float16 as its class does, for every value and all kinds of lower bits") {
    std::vector<float> values;
    for (uint32_t high = 0; high < 0x10000; ++high)
        for (const uint32_t low : {0u, 1u, 0x0fffu, 0x1000u, 0x1001u, 0x2fffu, 0x3000u, 0x3001u, 0xffffu})
            values.push_back(std::bit_cast<float>(high << 16 | low));
    std::vector<float16> every(0x10000), result(values.size());
    for (int bits = 0; bits < 0x10000; ++bits) every[static_cast<size_t>(bits)] = halfOf(bits);
    std::vector<float> widened(every.size());
    for (const cpu::Isa isa : {cpu::Isa::baseline, cpu::Isa::avx2, cpu::Isa::avx512}) {
        const cpu::VectorTable* table = cpu::vectorTable(isa);
        if (!table) continue;
        table->f16.fromFloat(result.data(), values.data(), std::ssize(values));
        table->f16.toFloat(widened.data(), every.data(), std::ssize(every));
        size_t wrong = 0;
        for (size_t i = 0; i < values.size(); ++i) wrong += result[i] != float16(values[i]);
        for (size_t i = 0; i < every.size(); ++i)
            wrong += std::bit_cast<uint32_t>(widened[i]) != std::bit_cast<uint32_t>(static_cast<float>(every[i]));
        INFO("instruction set " << static_cast<int>(isa));
        CHECK(wrong == 0);
    }
}

TEST_CASE("adamw in every combination of types is the reference's, bit for bit") {
    constexpr size_t n = 333;
    forEachType([&]<class T>(T) {
        forEachType([&]<class G>(G) {
            AdamWStep step = some_step;
            step.gradient_scale = 0.37f;
            const auto grad = normals<G>(n, 1);
            std::vector<T> param[2] = {normals<T>(n, 2), normals<T>(n, 2)};
            std::vector<float> master[2], m[2], v[2];
            for (const int side : {0, 1}) {
                master[side] = normals<float>(n, 3);
                m[side] = normals<float>(n, 4, 0.1f);
                v[side].assign(n, 0.01f);
            }
            reference::adamw(param[0].data(), master[0].data(), grad.data(), m[0].data(), v[0].data(), n, step);
            cpu::adamw(param[1].data(), master[1].data(), grad.data(), m[1].data(), v[1].data(), n, step);
            CHECK(sameBits(master[0], master[1]));
            CHECK(sameBits(m[0], m[1]));
            CHECK(sameBits(v[0], v[1]));
            CHECK(sameBits(param[0], param[1]));
            for (size_t i = 0; i < n; ++i) REQUIRE(param[1][i] == T(master[1][i]));
        });
    });
}

TEST_CASE("a gradient scale is the gradient scaled before, and one changes nothing") {
    constexpr size_t n = 100;
    const auto grad = normals<float>(n, 1), start = normals<float>(n, 2);
    auto updated = [&](float before, float inside) {
        std::vector<float> param = start, m(n), v(n), scaled = grad;
        for (float& g : scaled) g *= before;
        AdamWStep step = some_step;
        step.gradient_scale = inside;
        cpu::adamw(param.data(), static_cast<float*>(nullptr), scaled.data(), m.data(), v.data(), n, step);
        return param;
    };
    CHECK(sameBits(updated(0.3f, 1.0f), updated(1.0f, 0.3f)));
    CHECK_FALSE(sameBits(updated(1.0f, 1.0f), updated(1.0f, 0.3f)));
}

TEST_CASE("accumulate adds in float and rounds once, in every combination of types") {
    constexpr size_t n = 333;
    forEachType([&]<class D>(D) {
        forEachType([&]<class S>(S) {
            const auto x = normals<S>(n, 5);
            std::vector<D> sum(n, D(nan_value));
            cpu::accumulate(sum.data(), x.data(), n, true);
            for (size_t i = 0; i < n; ++i) REQUIRE(sum[i] == D(static_cast<float>(x[i])));
            const std::vector<D> before = sum;
            const auto y = normals<S>(n, 6);
            cpu::accumulate(sum.data(), y.data(), n, false);
            for (size_t i = 0; i < n; ++i)
                REQUIRE(sum[i] == D(static_cast<float>(before[i]) + static_cast<float>(y[i])));
        });
    });
}

TEST_CASE("squared sums are exact to double, whatever the threads, the alignment and the instruction set") {
    constexpr int64_t n = 300'007;
    forEachType([&]<class T>(T) {
        const auto x = normals<T>(n, 7, 3);
        long double exact = 0;
        for (const T& value : x) {
            const auto v = static_cast<long double>(static_cast<float>(value));
            exact += v * v;
        }
        setThreadsPerOp(1);
        const double alone = cpu::squaredSum(x.data(), n);
        CHECK(alone == Approx(static_cast<double>(exact)).epsilon(1e-14));
        for (const int threads : {2, 3}) {
            setThreadsPerOp(threads);
            CHECK(cpu::squaredSum(x.data(), n) == alone);
        }
        setThreadsPerOp(1);
        std::vector<T> shifted(x.size() + 3);
        std::copy(x.begin(), x.end(), shifted.begin() + 3);
        CHECK(cpu::squaredSum(shifted.data() + 3, n) == alone);
        for (const cpu::Isa isa : {cpu::Isa::baseline, cpu::Isa::avx2, cpu::Isa::avx512})
            if (const cpu::VectorTable* table = cpu::vectorTable(isa)) {
                INFO("instruction set " << static_cast<int>(isa));
                CHECK(table->of<T>().squaredSum(x.data(), 1003) ==
                      cpu::vectorTable(cpu::Isa::baseline)->of<T>().squaredSum(x.data(), 1003));
            }
        auto with = [&](float special) {
            auto changed = x;
            changed[123'456] = T(special);
            return cpu::squaredSum(changed.data(), n);
        };
        CHECK(std::isinf(with(-infinity)));
        CHECK(std::isnan(with(nan_value)));
        CHECK(cpu::squaredSum(x.data(), 0) == 0);
    });
    const float large[] = {3e38f, 3e38f}; // the square of a float never overflows a double
    CHECK(cpu::squaredSum(large, 2) == Approx(1.8e77).epsilon(1e-6));
}

// Here also where the processor has no bf16 arithmetic: oneDNN then computes the same with other instructions.
TEST_CASE("products of bf16 by oneDNN keep leading dimensions and add to what is there") {
    constexpr int64_t m = 5, n = 7, k = 19, lda = 23, ldb = 24, ldc = 11;
    const auto a = normals<bfloat16>(m * lda, 1), b = normals<bfloat16>(n * ldb, 2),
               start = normals<bfloat16>(m * ldc, 3);
    for (const bool add : {false, true}) {
        std::vector<bfloat16> c = start;
        cpu::multiply({.a_transposed = false,
                       .b_transposed = true,
                       .m = m,
                       .n = n,
                       .k = k,
                       .lda = lda,
                       .ldb = ldb,
                       .ldc = ldc,
                       .add = add},
                      c.data(), a.data(), b.data());
        for (int64_t r = 0; r < m; ++r)
            for (int64_t j = 0; j < ldc; ++j) {
                const auto at = static_cast<size_t>(r * ldc + j);
                if (j >= n) {
                    REQUIRE(c[at] == start[at]);
                    continue;
                }
                float sum = add ? static_cast<float>(start[at]) : 0;
                for (int64_t i = 0; i < k; ++i)
                    sum += static_cast<float>(a[static_cast<size_t>(r * lda + i)]) *
                           static_cast<float>(b[static_cast<size_t>(j * ldb + i)]);
                REQUIRE(static_cast<float>(c[at]) == Approx(sum).epsilon(0.01).margin(0.02));
            }
    }
}

TEST_CASE("products do not depend on the number of threads") {
    constexpr int64_t rows = 130, n = 203, k = 1100; // both sides divided unevenly, k in several parts
    auto results = [&]<class T>(T, int threads) {
        setThreadsPerOp(threads);
        const auto x = normals<T>(rows * k, 1), w = normals<T>(n * k, 2), dout = normals<T>(rows * n, 3);
        std::vector<T> out(rows * n), dx(rows * k), dw(n * k), dbias(n);
        cpu::matmulForward(out.data(), x.data(), w.data(), w.data(), rows, n, k);
        cpu::matmulBackwardInput(dx.data(), dout.data(), w.data(), rows, n, k);
        cpu::matmulBackwardWeight(dw.data(), dbias.data(), dout.data(), x.data(), rows, n, k);
        setThreadsPerOp(1);
        return std::tuple(out, dx, dw, dbias);
    };
    const auto halves = results(float16{}, 1);
    const auto floats = results(float{}, 1);
    const auto brains = results(bfloat16{}, 1);
    for (const int threads : {2, 3}) {
        CHECK(results(float16{}, threads) == halves);
        CHECK(results(float{}, threads) == floats);
        CHECK(results(bfloat16{}, threads) == brains);
    }
}
