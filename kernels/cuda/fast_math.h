// SPDX-License-Identifier: Apache-2.0
// Functions that kernels bounded by memory traffic use. T: the type that a result is rounded to. For float they are as
// exact as CUDA's own, to one or two units in the last place; for the sixteen-bit types, which keep 11 bits at most,
// they are single instructions with an error of some 2^-21.
#pragma once
#include "kernels/cuda/device.h"

namespace shardscope::kernels::cuda {

template <class T> __device__ float exponential(float x) {
#ifdef __CUDA_ARCH__
    if constexpr (sizeof(T) == 2) {
        float power;
        asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x * 1.4426950408889634f));
        return power;
    }
#endif
    return expf(x);
}

template <class T> __device__ float quotient(float a, float b) {
#ifdef __CUDA_ARCH__
    if constexpr (sizeof(T) == 2) return __fdividef(a, b);
#endif
    return a / b;
}

} // namespace shardscope::kernels::cuda
