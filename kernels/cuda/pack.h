// SPDX-License-Identifier: Apache-2.0
// A few neighbouring elements in registers, read and written in accesses of up to 16 bytes, the widest of a thread. A
// kernel is written for `n` elements at a time and instantiated for packs and for n = 1: what a thread does with an
// element is the same in both, so that the bits of a result do not depend on how its operands are aligned.
#pragma once
#include "kernels/cuda/device.h"
#include "kernels/dtype.h"
#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

namespace shardscope::kernels::cuda {

constexpr int access_bytes = 16;
template <class T> constexpr int elements_per_access = access_bytes / static_cast<int>(sizeof(T));
// So many of the largest type are one access; of the smaller types they are a part of one.
template <class... T> constexpr int pack_elements = std::min({elements_per_access<T>...});

template <class T, int n = elements_per_access<T>> struct alignas(std::min<size_t>(access_bytes, n * sizeof(T))) Pack {
    T at[n];
};

#ifdef __CUDA_ARCH__
// Written as instructions, because the compiler cuts some assignments into several accesses and puts off loads that
// should be under way.
template <int n, class T> __device__ Pack<T, n> loadPack(const T* from) {
    if constexpr (sizeof(Pack<T, n>) == 16) {
        std::array<uint32_t, 4> w;
        asm volatile("ld.global.v4.b32 {%0, %1, %2, %3}, [%4];"
                     : "=r"(w[0]), "=r"(w[1]), "=r"(w[2]), "=r"(w[3])
                     : "l"(from)
                     : "memory");
        return std::bit_cast<Pack<T, n>>(w);
    } else if constexpr (sizeof(Pack<T, n>) == 8) {
        std::array<uint32_t, 2> w;
        asm volatile("ld.global.v2.b32 {%0, %1}, [%2];" : "=r"(w[0]), "=r"(w[1]) : "l"(from) : "memory");
        return std::bit_cast<Pack<T, n>>(w);
    } else {
        static_assert(n == 1);
        return {*from};
    }
}
template <class T, int n> __device__ void storePack(T* to, const Pack<T, n>& pack) {
    if constexpr (sizeof pack == 16) {
        const auto w = std::bit_cast<std::array<uint32_t, 4>>(pack);
        asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(to), "r"(w[0]), "r"(w[1]), "r"(w[2]), "r"(w[3])
                     : "memory");
    } else if constexpr (sizeof pack == 8) {
        const auto w = std::bit_cast<std::array<uint32_t, 2>>(pack);
        asm volatile("st.global.v2.b32 [%0], {%1, %2};" ::"l"(to), "r"(w[0]), "r"(w[1]) : "memory");
    } else {
        static_assert(n == 1);
        *to = pack.at[0];
    }
}
#else
template <int n, class T> __device__ Pack<T, n> loadPack(const T* from) {
    return *reinterpret_cast<const Pack<T, n>*>(from);
}
template <class T, int n> __device__ void storePack(T* to, const Pack<T, n>& pack) {
    *reinterpret_cast<Pack<T, n>*>(to) = pack;
}
#endif

#ifdef __CUDA_ARCH__
__device__ inline float toFloat(float16 value) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
    return wide;
}
// Two numbers rounded to nearest even by one instruction; the first one in the lower half.
template <class T> __device__ uint32_t roundPair(float first, float second) {
    uint32_t both;
    if constexpr (std::is_same_v<T, bfloat16>)
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
    else
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(second), "f"(first));
    return both;
}
#else
__device__ inline float toFloat(float16 value) { return static_cast<float>(value); }
template <class T> __device__ uint32_t roundPair(float first, float second) {
    return T(first).bits | static_cast<uint32_t>(T(second).bits) << 16;
}
#endif
__device__ inline float toFloat(float value) { return value; }
__device__ inline float toFloat(bfloat16 value) { return static_cast<float>(value); }

template <class T> __device__ T rounded(float value) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return value;
    } else {
        T narrow;
        narrow.bits = static_cast<uint16_t>(roundPair<T>(value, 0.0f));
        return narrow;
    }
}

template <class T, int n> __device__ void widen(float (&to)[n], const Pack<T, n>& from) {
    if constexpr (std::is_same_v<T, bfloat16> && n > 1) { // by words: an instruction each
        const auto pairs = std::bit_cast<std::array<uint32_t, n / 2>>(from);
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; k += 2) {
            to[k] = std::bit_cast<float>(pairs[k / 2] << 16);
            to[k + 1] = std::bit_cast<float>(pairs[k / 2] & 0xffff0000u);
        }
    } else {
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) to[k] = toFloat(from.at[k]);
    }
}

template <class T, int n> __device__ Pack<T, n> roundedPack(const float (&from)[n]) {
    if constexpr (sizeof(T) == sizeof(float) || n == 1) {
        Pack<T, n> pack;
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n; ++k) pack.at[k] = rounded<T>(from[k]);
        return pack;
    } else {
        std::array<uint32_t, n / 2> pairs;
        SHARDSCOPE_UNROLL
        for (int k = 0; k < n / 2; ++k) pairs[k] = roundPair<T>(from[2 * k], from[2 * k + 1]);
        return std::bit_cast<Pack<T, n>>(pairs);
    }
}

template <int n, class T> __device__ void loadFloats(float (&to)[n], const T* from) { widen(to, loadPack<n>(from)); }
template <class T, int n> __device__ void storeRounded(T* to, const float (&from)[n]) {
    storePack(to, roundedPack<T>(from));
}

// The same where `left` elements are there, at the end of a row. Not `whole`: n or more of them may be no access.
template <int n, class T> __device__ Pack<T, n> loadSome(const T* from, int64_t left, bool whole, T beyond) {
    if (whole) return loadPack<n>(from);
    Pack<T, n> pack;
    SHARDSCOPE_UNROLL
    for (int k = 0; k < n; ++k) pack.at[k] = k < left ? from[k] : beyond;
    return pack;
}
template <class T, int n> __device__ void storeSome(T* to, const Pack<T, n>& pack, int64_t left, bool whole) {
    if (whole) return storePack(to, pack);
    SHARDSCOPE_UNROLL
    for (int k = 0; k < n; ++k)
        if (k < left) to[k] = pack.at[k];
}

// Whether packs of n elements of each operand begin where one access can take them; an operand may be null.
template <int n, class... T> bool startsPack(const T*... operands) {
    return ((reinterpret_cast<uintptr_t>(operands) % alignof(Pack<T, n>) == 0) && ...);
}

} // namespace shardscope::kernels::cuda
