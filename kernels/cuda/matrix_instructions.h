// SPDX-License-Identifier: Apache-2.0
// The instructions of tensor cores and of asynchronous copies that kernels are built from, as PTX (PTX ISA 8.0,
// sections 9.7.13.4 "mma.sync", 9.7.13.4.15 "ldmatrix" and 9.7.8.22 "cp.async"; compute capability 8.0), or over the
// emulation of the tests, which moves the same fragments between the fibers of a warp.
//
// A warp holds a matrix as fragments, 32 bits of two neighbouring 16-bit elements in a register. Of lane 4 g + t:
//   a [16 rows][16 k]:     a[0] row g, k 2t;  a[1] row g + 8, k 2t;  a[2] row g, k 2t + 8;  a[3] row g + 8, k 2t + 8
//   b [16 k][8 columns]:   b[0] k 2t, column g;  b[1] k 2t + 8, column g
//   c [16 rows][8 columns] in float:  c[0], c[1] row g, columns 2t, 2t + 1;  c[2], c[3] the same of row g + 8
// So c of two neighbouring products, packed, is an a of the next product.
#pragma once
#include "kernels/cuda/device.h"
#include "kernels/dtype.h"
#ifndef __CUDACC__
#include "matrix_emulation.h"
#endif

namespace shardscope::kernels::cuda {

#ifdef __CUDACC__
#define SHARDSCOPE_PRAGMA(text) _Pragma(#text)
#define SHARDSCOPE_UNROLL_BY(count) SHARDSCOPE_PRAGMA(unroll count)

using SharedAddress = uint32_t; // of a byte in shared memory
__device__ inline SharedAddress sharedAddress(const void* at) {
    return static_cast<SharedAddress>(__cvta_generic_to_shared(at));
}

// Four 8 x 8 matrices of 16-bit elements: lane l names the 16 bytes of row l % 8 of matrix l / 8 and gets the elements
// 2t and 2t + 1 of row g of each matrix. Transposed: of column g.
__device__ inline void loadMatrices(uint32_t (&to)[4], SharedAddress row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(row)
                 : "memory");
}
__device__ inline void loadMatricesTransposed(uint32_t (&to)[4], SharedAddress row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(row)
                 : "memory");
}

// c += a * b
__device__ inline void multiplyAdd(bfloat16, float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
__device__ inline void multiplyAdd(float16, float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Two floats rounded to nearest even, as a register of a fragment.
__device__ inline uint32_t packRounded(bfloat16, float low, float high) {
    uint32_t both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}
__device__ inline uint32_t packRounded(float16, float low, float high) {
    uint32_t both;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

// The two elements of a register.
__device__ inline void widen(bfloat16, uint32_t both, float& low, float& high) {
    low = __uint_as_float(both << 16);
    high = __uint_as_float(both & 0xffff0000u);
}
__device__ inline void widen(float16, uint32_t both, float& low, float& high) {
    asm("{\n\t.reg .b16 l, h;\n\tmov.b32 {l, h}, %2;\n\tcvt.f32.f16 %0, l;\n\tcvt.f32.f16 %1, h;\n\t}"
        : "=f"(low), "=f"(high)
        : "r"(both));
}

// Fills 16 or 4 bytes of shared memory with the bytes that exist from `from` on, from global memory, and zeros. They
// are there, for the thread that asked, after awaitCopies<n>() with n less than the groups that it has committed since.
__device__ inline void copyPiece(SharedAddress to, const void* from, int bytes) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
__device__ inline void copyWord(SharedAddress to, const void* from, int bytes) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
__device__ inline void storePiece(SharedAddress to, const uint32_t (&pairs)[4]) { // at once
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(pairs[0]), "r"(pairs[1]), "r"(pairs[2]),
                 "r"(pairs[3])
                 : "memory");
}
__device__ inline void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int still_pending> __device__ void awaitCopies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(still_pending) : "memory");
}

__device__ inline float powerOfTwo(float x) { // 2^x, relative error about 2^-22; what would be subnormal is zero
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
#else
#define SHARDSCOPE_UNROLL_BY(count)

using SharedAddress = uintptr_t;
inline SharedAddress sharedAddress(const void* at) { return reinterpret_cast<SharedAddress>(at); }
inline void loadMatrices(uint32_t (&to)[4], SharedAddress row) {
    emulation::loadMatrices(to, reinterpret_cast<const char*>(row), false);
}
inline void loadMatricesTransposed(uint32_t (&to)[4], SharedAddress row) {
    emulation::loadMatrices(to, reinterpret_cast<const char*>(row), true);
}
template <class T> void multiplyAdd(T, float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    emulation::multiplyAdd(c, a, b0, b1, [](uint16_t bits) { return static_cast<float>(std::bit_cast<T>(bits)); });
}
template <class T> uint32_t packRounded(T, float low, float high) {
    return static_cast<uint32_t>(T(high).bits) << 16 | T(low).bits;
}
template <class T> void widen(T, uint32_t both, float& low, float& high) {
    low = static_cast<float>(std::bit_cast<T>(static_cast<uint16_t>(both)));
    high = static_cast<float>(std::bit_cast<T>(static_cast<uint16_t>(both >> 16)));
}
inline void copyPiece(SharedAddress to, const void* from, int bytes) {
    emulation::copyLater(reinterpret_cast<char*>(to), from, 16, bytes);
}
inline void copyWord(SharedAddress to, const void* from, int bytes) {
    emulation::copyLater(reinterpret_cast<char*>(to), from, 4, bytes);
}
inline void storePiece(SharedAddress to, const uint32_t (&pairs)[4]) {
    std::memcpy(reinterpret_cast<char*>(to), pairs, sizeof pairs);
}
inline void commitCopies() { emulation::commitCopies(); }
template <int still_pending> void awaitCopies() { emulation::awaitCopies(still_pending); }
inline float powerOfTwo(float x) { return std::exp2(x); }
#endif

} // namespace shardscope::kernels::cuda
