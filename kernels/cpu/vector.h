// SPDX-License-Identifier: Apache-2.0
// Sixteen floats at a time. Included by sources that are compiled once per instruction set, each into its own namespace
// SHARDSCOPE_ISA. The width is sixteen everywhere (two or four registers on older processors), so that elementwise
// results and the order of sums do not depend on the processor. Nothing from std:: is called here: an inline function
// of std compiled for AVX-512 could be the copy that the linker keeps for the whole program.
#pragma once
#include "kernels/dtype.h"
#include <cstdint>
#if defined(__AVX__)
#include <immintrin.h>
#else
#include <emmintrin.h>
#endif

#ifndef SHARDSCOPE_ISA
#error "compile vector_avx512.cpp, vector_avx2.cpp or vector_baseline.cpp"
#endif
#define SHARDSCOPE_INLINE [[maybe_unused]] static inline __attribute__((always_inline))

namespace shardscope::kernels::cpu::SHARDSCOPE_ISA {

inline constexpr int64_t width = 16;
typedef float F16 __attribute__((vector_size(64)));
typedef int32_t I16 __attribute__((vector_size(64)));
typedef uint32_t U16 __attribute__((vector_size(64)));
typedef uint64_t L8 __attribute__((vector_size(64)));
typedef uint16_t H16 __attribute__((vector_size(32)));
typedef double D8 __attribute__((vector_size(64)));
typedef double D4 __attribute__((vector_size(32)));
typedef float F8 __attribute__((vector_size(32)));
typedef float F4 __attribute__((vector_size(16)));

SHARDSCOPE_INLINE F16 splat(float v) { return F16{v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v}; }
SHARDSCOPE_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

SHARDSCOPE_INLINE int64_t paddedTo16(int64_t n) { return (n + 15) / 16 * 16; }

// Zero extension and truncation of the halves; gcc's own code for the conversions takes several times the instructions.
#if defined(__AVX512F__)
SHARDSCOPE_INLINE U16 widenHalves(H16 h) { return (U16)_mm512_cvtepu16_epi32((__m256i)h); }
SHARDSCOPE_INLINE H16 narrowHalves(U16 u) { return (H16)_mm512_cvtepi32_epi16((__m512i)u); }
#else
SHARDSCOPE_INLINE U16 widenHalves(H16 h) { return __builtin_convertvector(h, U16); }
SHARDSCOPE_INLINE H16 narrowHalves(U16 u) { return __builtin_convertvector(u, H16); }
#endif

SHARDSCOPE_INLINE F16 fromBits(H16 h) { return (F16)(widenHalves(h) << 16); }
// The same rounding as bfloat16(float): to nearest even, NaN stays NaN.
SHARDSCOPE_INLINE H16 toBits(F16 v) {
    const U16 u = (U16)v;
    const U16 rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    const U16 quiet = (u >> 16) | 0x40u;
    return narrowHalves((u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

// float16 likewise, with the results of its constructor and its conversion; F16C and AVX-512 have instructions for
// both.
#if defined(__AVX512F__)
SHARDSCOPE_INLINE F16 fromHalf(H16 h) { return (F16)_mm512_cvtph_ps((__m256i)h); }
SHARDSCOPE_INLINE H16 toHalf(F16 v) {
    return (H16)_mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#elif defined(__F16C__)
struct HalfParts {
    __m128i low, high;
};
SHARDSCOPE_INLINE F16 fromHalf(H16 h) {
    const HalfParts part = __builtin_bit_cast(HalfParts, h);
    struct {
        __m256 low, high;
    } wide = {_mm256_cvtph_ps(part.low), _mm256_cvtph_ps(part.high)};
    return __builtin_bit_cast(F16, wide);
}
SHARDSCOPE_INLINE H16 toHalf(F16 v) {
    struct Wide {
        __m256 low, high;
    };
    const Wide wide = __builtin_bit_cast(Wide, v);
    return __builtin_bit_cast(H16, HalfParts{_mm256_cvtps_ph(wide.low, _MM_FROUND_TO_NEAREST_INT),
                                             _mm256_cvtps_ph(wide.high, _MM_FROUND_TO_NEAREST_INT)});
}
#else
SHARDSCOPE_INLINE F16 fromHalf(H16 h) {
    const U16 u = widenHalves(h), magnitude = (u & 0x7fffu) << 13;
    const U16 quiet = magnitude > 0x0f800000u ? magnitude | 0x400000u : magnitude;
    const U16 subnormal = (U16)(__builtin_convertvector((I16)(magnitude >> 13), F16) * 0x1p-24f);
    const U16 finite = magnitude >= 0x00800000u ? magnitude + (112u << 23) : subnormal;
    return (F16)((u & 0x8000u) << 16 | (magnitude >= 0x0f800000u ? quiet | 0x7f800000u : finite));
}
SHARDSCOPE_INLINE H16 toHalf(F16 v) {
    const U16 u = (U16)v, magnitude = u & 0x7fffffffu;
    const U16 normal = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    const U16 subnormal = (U16)((F16)magnitude + 0.5f) - 0x3f000000u;
    const U16 finite = magnitude < 0x38800000u ? subnormal : normal;
    const U16 not_finite = magnitude > 0x7f800000u ? 0x7e00u | (magnitude >> 13 & 0x3ffu) : (magnitude & 0u) + 0x7c00u;
    return narrowHalves((u >> 16 & 0x8000u) | (magnitude >= 0x477ff000u ? not_finite : finite));
}
#endif

// A whole vector, or the `count` < 16 elements at the end of a range: the missing lanes read as zero and are not
// written, the others see the arithmetic of a whole vector.
struct Whole {};
struct Part {
    int64_t count;
};
SHARDSCOPE_INLINE F16 load(const float* p, Whole = {}) {
    F16 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
SHARDSCOPE_INLINE F16 load(const float* p, Part part) {
    F16 v = {};
    __builtin_memcpy(&v, p, static_cast<size_t>(part.count) * sizeof(float));
    return v;
}
SHARDSCOPE_INLINE F16 load(const bfloat16* p, Whole = {}) {
    H16 h;
    __builtin_memcpy(&h, p, sizeof h);
    return fromBits(h);
}
SHARDSCOPE_INLINE F16 load(const bfloat16* p, Part part) {
    H16 h = {};
    __builtin_memcpy(&h, p, static_cast<size_t>(part.count) * sizeof(bfloat16));
    return fromBits(h);
}
SHARDSCOPE_INLINE F16 load(const float16* p, Whole = {}) {
    H16 h;
    __builtin_memcpy(&h, p, sizeof h);
    return fromHalf(h);
}
SHARDSCOPE_INLINE F16 load(const float16* p, Part part) {
    H16 h = {};
    __builtin_memcpy(&h, p, static_cast<size_t>(part.count) * sizeof(float16));
    return fromHalf(h);
}
SHARDSCOPE_INLINE void store(float* p, F16 v, Whole = {}) { __builtin_memcpy(p, &v, sizeof v); }
SHARDSCOPE_INLINE void store(float* p, F16 v, Part part) {
    __builtin_memcpy(p, &v, static_cast<size_t>(part.count) * sizeof(float));
}
SHARDSCOPE_INLINE void store(bfloat16* p, F16 v, Whole = {}) {
    const H16 h = toBits(v);
    __builtin_memcpy(static_cast<void*>(p), &h, sizeof h);
}
SHARDSCOPE_INLINE void store(bfloat16* p, F16 v, Part part) {
    const H16 h = toBits(v);
    __builtin_memcpy(static_cast<void*>(p), &h, static_cast<size_t>(part.count) * sizeof(bfloat16));
}
SHARDSCOPE_INLINE void store(float16* p, F16 v, Whole = {}) {
    const H16 h = toHalf(v);
    __builtin_memcpy(static_cast<void*>(p), &h, sizeof h);
}
SHARDSCOPE_INLINE void store(float16* p, F16 v, Part part) {
    const H16 h = toHalf(v);
    __builtin_memcpy(static_cast<void*>(p), &h, static_cast<size_t>(part.count) * sizeof(float16));
}
// Past the caches, for what is written whole and read much later; from an address that is a multiple of the vector.
// Ends with pastCaches().
#if defined(__AVX__)
SHARDSCOPE_INLINE void storePast(bfloat16* p, F16 v) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(p), __builtin_bit_cast(__m256i, toBits(v)));
}
SHARDSCOPE_INLINE void storePast(float16* p, F16 v) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(p), __builtin_bit_cast(__m256i, toHalf(v)));
}
#else
SHARDSCOPE_INLINE void storePast(bfloat16* p, F16 v) { store(p, v); }
SHARDSCOPE_INLINE void storePast(float16* p, F16 v) { store(p, v); }
#endif
SHARDSCOPE_INLINE void storePast(float* p, F16 v) { store(p, v); }
SHARDSCOPE_INLINE void pastCaches() { _mm_sfence(); }
// body(first element, Whole or Part) over [first, last).
template <class Body> SHARDSCOPE_INLINE void forEachVector(int64_t first, int64_t last, Body body) {
    for (; first + width <= last; first += width) body(first, Whole{});
    if (first < last) body(first, Part{last - first});
}
SHARDSCOPE_INLINE float scalar(float v) { return v; }
SHARDSCOPE_INLINE float scalar(bfloat16 v) { return __builtin_bit_cast(float, static_cast<uint32_t>(v.bits) << 16); }
SHARDSCOPE_INLINE float scalar(float16 v) {
    H16 h = {};
    h[0] = v.bits;
    return fromHalf(h)[0];
}

// Keeps the lanes that exist; the others become `otherwise`.
SHARDSCOPE_INLINE F16 keep(F16 v, float, Whole) { return v; }
SHARDSCOPE_INLINE F16 keep(F16 v, float otherwise, Part part) {
    const I16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return lane < static_cast<int32_t>(part.count) ? v : splat(otherwise);
}

#if defined(__AVX512F__)
SHARDSCOPE_INLINE F16 mulAdd(F16 a, F16 b, F16 c) { return (F16)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
SHARDSCOPE_INLINE F16 squareRoot(F16 v) { return (F16)_mm512_maskz_sqrt_ps(0xffff, (__m512)v); }
#elif defined(__AVX__)
struct Halves {
    __m256 low, high;
};
SHARDSCOPE_INLINE F16 mulAdd(F16 a, F16 b, F16 c) {
    const Halves x = __builtin_bit_cast(Halves, a), y = __builtin_bit_cast(Halves, b),
                 z = __builtin_bit_cast(Halves, c);
    return __builtin_bit_cast(F16,
                              Halves{_mm256_fmadd_ps(x.low, y.low, z.low), _mm256_fmadd_ps(x.high, y.high, z.high)});
}
SHARDSCOPE_INLINE F16 squareRoot(F16 v) {
    const Halves x = __builtin_bit_cast(Halves, v);
    return __builtin_bit_cast(F16, Halves{_mm256_sqrt_ps(x.low), _mm256_sqrt_ps(x.high)});
}
#else
struct Quarters {
    __m128 part[4];
};
SHARDSCOPE_INLINE F16 mulAdd(F16 a, F16 b, F16 c) { return a * b + c; }
SHARDSCOPE_INLINE F16 squareRoot(F16 v) {
    Quarters x = __builtin_bit_cast(Quarters, v);
    for (__m128& part : x.part) part = _mm_sqrt_ps(part);
    return __builtin_bit_cast(F16, x);
}
#endif

// Sums of the lanes, halves onto halves: the same tree everywhere.
SHARDSCOPE_INLINE float sumLanes(F16 v) {
    F8 half[2];
    __builtin_memcpy(half, &v, sizeof v);
    const F8 eight = half[0] + half[1];
    F4 quarter[2];
    __builtin_memcpy(quarter, &eight, sizeof eight);
    const F4 four = quarter[0] + quarter[1];
    return (four[0] + four[2]) + (four[1] + four[3]);
}
SHARDSCOPE_INLINE F16 maxOf(F16 a, F16 b) { return a < b ? b : a; }
SHARDSCOPE_INLINE float maxLanes(F16 v) {
    F8 half[2];
    __builtin_memcpy(half, &v, sizeof v);
    const F8 eight = half[0] < half[1] ? half[1] : half[0];
    F4 quarter[2];
    __builtin_memcpy(quarter, &eight, sizeof eight);
    const F4 four = quarter[0] < quarter[1] ? quarter[1] : quarter[0];
    const float a = four[0] < four[2] ? four[2] : four[0], b = four[1] < four[3] ? four[3] : four[1];
    return a < b ? b : a;
}

// Squares in double, which are exact, of the lower and the upper eight lanes.
struct Squares {
    D8 low, high;
};
SHARDSCOPE_INLINE Squares squaresInDouble(F16 v) {
#if defined(__AVX512F__)
    const D8 low = (D8)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v));
    const D8 high = (D8)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1));
#else
    F4 part[4];
    __builtin_memcpy(part, &v, sizeof v);
    D4 wide[4];
    for (int i = 0; i < 4; ++i) wide[i] = __builtin_convertvector(part[i], D4);
    D8 low, high;
    __builtin_memcpy(&low, wide, sizeof low);
    __builtin_memcpy(&high, wide + 2, sizeof high);
#endif
    return {low * low, high * high};
}
SHARDSCOPE_INLINE double sumLanes(D8 v) {
    D4 half[2];
    __builtin_memcpy(half, &v, sizeof v);
    const D4 four = half[0] + half[1];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

// mixBits of kernels/random.h, eight at a time.
SHARDSCOPE_INLINE L8 mixBitsOf(L8 x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

// e^x within 2 ulp for -87.33 <= x <= 88.37; 0 below, infinity above, NaN for NaN. x = n ln 2 + r with |r| <= ln 2 / 2;
// e^r = 1 + r + r^2 q(r) with q interpolated at five Chebyshev nodes (0.12 ulp); 2^n by exponent bits.
SHARDSCOPE_INLINE F16 exponential(F16 x) {
    const F16 magic = splat(12582912.0f); // 1.5 * 2^23: adding it rounds to an integer
    const F16 shifted = mulAdd(x, splat(1.44269504f), magic);
    const F16 n = shifted - magic;
    const F16 r =
        mulAdd(n, splat(2.12194440e-4f), x - n * 0.693359375f); // ln 2 in two parts; n times the first is exact
    F16 q = mulAdd(splat(1.3926251e-3f), r, splat(8.3632329e-3f));
    q = mulAdd(q, r, splat(4.16665542e-2f));
    q = mulAdd(q, r, splat(1.66665766e-1f));
    q = mulAdd(q, r, splat(0.5f));
    const F16 power = (F16)(((U16)shifted - (U16)magic + 127u) << 23);
    const F16 result = (mulAdd(q * r, r, r) + 1.0f) * power;
    const F16 not_above = x > 88.37f ? splat(__builtin_inff()) : result;
    return x < -87.33f ? F16{} : not_above;
}

} // namespace shardscope::kernels::cpu::SHARDSCOPE_ISA
