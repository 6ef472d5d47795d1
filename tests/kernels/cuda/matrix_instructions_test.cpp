// SPDX-License-Identifier: Apache-2.0
// The emulated instructions of tensor cores against plain products, so that kernels which agree with the reference
// under emulation place their fragments as the PTX ISA says.
#include "kernels/cuda/matrix_instructions.h"
#include "support/catch.h"
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace shardscope;
using namespace shardscope::kernels::cuda;

namespace {

// c [16][16] = a [16][16] * b, by one warp; b lies as [column][k], or as [k][column] where it is transposed.
template <class T> void productKernel(float* c, const T* a, const T* b, bool transposed) {
    SHARDSCOPE_DYNAMIC_SHARED(T, shared);
    const int lane = static_cast<int>(threadIdx.x);
    for (int e = lane * 8; e < 2 * 256; e += warp_size * 8)
        copyPiece(sharedAddress(shared + e), e < 256 ? a + e : b + e - 256, 16);
    commitCopies();
    awaitCopies<0>();
    __syncwarp();
    uint32_t left[4], right[4];
    loadMatrices(left, sharedAddress(shared + lane % 16 * 16 + lane / 16 * 8));
    const T* b_tile = shared + 256;
    if (transposed)
        loadMatricesTransposed(right, sharedAddress(b_tile + lane % 16 * 16 + lane / 16 * 8));
    else
        loadMatrices(right, sharedAddress(b_tile + (lane % 8 + lane / 16 * 8) * 16 + lane / 8 % 2 * 8));
    float sums[2][4] = {};
    multiplyAdd(T(), sums[0], left, right[0], right[1]);
    multiplyAdd(T(), sums[1], left, right[2], right[3]);
    for (int half = 0; half < 2; ++half)
        for (int r = 0; r < 4; ++r) c[(lane / 4 + r / 2 * 8) * 16 + half * 8 + lane % 4 * 2 + r % 2] = sums[half][r];
}

// d [16][8] = (a * b) * v with the first product as it comes out, rounded; b [column][k], v [k][column].
void chainKernel(float* d, const bfloat16* a, const bfloat16* b, const bfloat16* v) {
    SHARDSCOPE_DYNAMIC_SHARED(bfloat16, shared);
    const int lane = static_cast<int>(threadIdx.x);
    const bfloat16* matrices[] = {a, b, v};
    for (int e = lane; e < 3 * 256; e += warp_size) shared[e] = matrices[e / 256][e % 256];
    __syncwarp();
    uint32_t left[4], right[4], values[4];
    loadMatrices(left, sharedAddress(shared + lane % 16 * 16 + lane / 16 * 8));
    loadMatrices(right, sharedAddress(shared + 256 + (lane % 8 + lane / 16 * 8) * 16 + lane / 8 % 2 * 8));
    loadMatricesTransposed(values, sharedAddress(shared + 512 + lane % 16 * 16 + lane / 16 * 8));
    float s[2][4] = {}, sums[4] = {};
    multiplyAdd(bfloat16(), s[0], left, right[0], right[1]);
    multiplyAdd(bfloat16(), s[1], left, right[2], right[3]);
    const uint32_t next[4] = {packRounded(bfloat16(), s[0][0], s[0][1]), packRounded(bfloat16(), s[0][2], s[0][3]),
                              packRounded(bfloat16(), s[1][0], s[1][1]), packRounded(bfloat16(), s[1][2], s[1][3])};
    multiplyAdd(bfloat16(), sums, next, values[0], values[1]);
    for (int r = 0; r < 4; ++r) d[(lane / 4 + r / 2 * 8) * 8 + lane % 4 * 2 + r % 2] = sums[r];
}

void copyKernel(float* seen, const float* from, int existing) {
    SHARDSCOPE_DYNAMIC_SHARED(float, shared);
    const int lane = static_cast<int>(threadIdx.x);
    for (int group = 0; group < 2; ++group) {
        copyWord(sharedAddress(shared + group * warp_size + lane), from + lane, lane < existing ? 4 : 0);
        commitCopies();
    }
    awaitCopies<1>(); // the first group
    for (int group = 0; group < 2; ++group) seen[group * warp_size + lane] = shared[group * warp_size + lane];
    awaitCopies<0>();
}

template <class T> std::vector<T> numbers(size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<T> all(count);
    for (T& x : all) x = T(static_cast<float>(random() % 2001) / 1000 - 1);
    return all;
}

template <class T> void checkProducts() {
    const std::vector<T> a = numbers<T>(256, 1), b = numbers<T>(256, 2);
    for (const bool transposed : {false, true}) {
        std::vector<float> c(256, NAN);
        launch("product", Grid{1, warp_size, 1024}, productKernel<T>, c.data(), a.data(), b.data(), transposed);
        for (int row = 0; row < 16; ++row)
            for (int column = 0; column < 16; ++column) {
                float expected = 0;
                for (int k = 0; k < 16; ++k)
                    expected += static_cast<float>(a[row * 16 + k]) *
                                static_cast<float>(b[transposed ? k * 16 + column : column * 16 + k]);
                CHECK(c[row * 16 + column] == Approx(expected).margin(1e-5));
            }
    }
}

} // namespace

TEST_CASE("fragments make the products of their matrices") {
    checkProducts<bfloat16>();
    checkProducts<float16>();
}

TEST_CASE("a product, packed, is the left side of the next") {
    const std::vector<bfloat16> a = numbers<bfloat16>(256, 1), b = numbers<bfloat16>(256, 2),
                                v = numbers<bfloat16>(256, 3);
    std::vector<float> d(128, NAN);
    launch("chain", Grid{1, warp_size, 1536}, chainKernel, d.data(), a.data(), b.data(), v.data());
    for (int row = 0; row < 16; ++row)
        for (int column = 0; column < 8; ++column) {
            float expected = 0;
            for (int j = 0; j < 16; ++j) {
                float s = 0;
                for (int k = 0; k < 16; ++k)
                    s += static_cast<float>(a[row * 16 + k]) * static_cast<float>(b[j * 16 + k]);
                expected += static_cast<float>(bfloat16(s)) * static_cast<float>(v[j * 16 + column]);
            }
            CHECK(d[row * 8 + column] == Approx(expected).margin(0.02)); // the first sum may round to a neighbour
        }
}

TEST_CASE("what a copy brings is there when its group was awaited, and not before") {
    const std::vector<float> from = numbers<float>(warp_size, 4);
    std::vector<float> seen(2 * warp_size);
    launch("copy", Grid{1, warp_size, 256}, copyKernel, seen.data(), from.data(), 20);
    for (int lane = 0; lane < warp_size; ++lane) {
        CHECK(seen[lane] == (lane < 20 ? from[lane] : 0.0f));
        CHECK(std::isnan(seen[warp_size + lane]));
    }
}

TEST_CASE("rows of a matrix in the same banks are counted") {
    const std::vector<bfloat16> a = numbers<bfloat16>(256, 1), b = numbers<bfloat16>(256, 2);
    std::vector<float> c(256);
    emulation::takeBankConflicts();
    launch("product", Grid{1, warp_size, 1024}, productKernel<bfloat16>, c.data(), a.data(), b.data(), false);
    CHECK(emulation::takeBankConflicts() == 2 * 4 * 4); // rows of 32 bytes: rows r and r + 4 meet
}
