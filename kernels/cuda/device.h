// SPDX-License-Identifier: Apache-2.0
// What every kernel source includes: CUDA itself, or the emulation of its execution model on the processor that the
// tests compile the same sources with. Kernels are launched through launch() only.
#pragma once
#include <cstdint>
#ifdef __CUDACC__
#include <cuda_runtime.h>
#define SHARDSCOPE_DYNAMIC_SHARED(type, name) extern __shared__ type name[]
#define SHARDSCOPE_UNROLL _Pragma("unroll") // a loop whose index chooses registers
#else
#include "cuda_emulation.h"
#include <tuple>
#define SHARDSCOPE_DYNAMIC_SHARED(type, name) type* name = emulation::dynamicShared<type>()
#define SHARDSCOPE_UNROLL
#endif

namespace shardscope::kernels::cuda {

constexpr int warp_size = 32;
constexpr unsigned whole_warp = 0xffffffffu;

// What a launch needs besides the arguments.
struct Grid {
    int64_t blocks;
    int threads;
    int64_t shared_bytes = 0; // dynamic
};

cudaStream_t currentStream(); // of the calling thread, see useStream() in ops.h
struct DeviceLimits {
    int multiprocessors, shared_bytes; // that one block may have
};
const DeviceLimits& deviceLimits(); // of the thread's device; asked once
void checkLaunch(const char* kernel);
// More shared memory than a block gets without asking has to be asked for, once for a kernel and device.
void allowShared(const void* kernel, int64_t bytes);
constexpr int64_t shared_without_asking = 48 << 10;
constexpr int64_t shared_of_reductions =
    2 << 10; // kernels that reduce over a block have so much beside what they ask for

#ifdef __CUDACC__
template <class... Parameters, class... Arguments>
void launch(const char* name, const Grid& grid, void (*kernel)(Parameters...), Arguments... arguments) {
    if (grid.blocks == 0) return;
    if (grid.shared_bytes > shared_without_asking)
        allowShared(reinterpret_cast<const void*>(kernel), grid.shared_bytes);
    kernel<<<static_cast<unsigned>(grid.blocks), grid.threads, static_cast<size_t>(grid.shared_bytes),
             currentStream()>>>(static_cast<Parameters>(arguments)...);
    checkLaunch(name);
}
#else
template <class... Parameters, class... Arguments>
void launch(const char* name, const Grid& grid, void (*kernel)(Parameters...), Arguments... arguments) {
    if (grid.blocks == 0) return;
    if (grid.shared_bytes > shared_without_asking)
        allowShared(reinterpret_cast<const void*>(kernel), grid.shared_bytes);
    emulation::enqueue(currentStream(), [=, given = std::tuple<Parameters...>(static_cast<Parameters>(arguments)...)] {
        emulation::run(name, grid.blocks, grid.threads, grid.shared_bytes, [&] { std::apply(kernel, given); });
    });
}
#endif

// For kernels that stride over their elements, or packs of them: as many blocks as are resident at once, `resident` on
// a multiprocessor, and never more than there is work. No result may depend on it.
constexpr int element_threads = 256;
inline Grid elementGrid(int64_t elements, int resident) {
    const int64_t blocks = (elements + element_threads - 1) / element_threads;
    const int64_t most = int64_t{deviceLimits().multiprocessors} * resident;
    return {blocks < most ? blocks : most, element_threads};
}

__device__ inline int64_t globalThread() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t globalThreads() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

__device__ inline int32_t lesser(int32_t a, int32_t b) { return a < b ? a : b; }

template <class T> __device__ T warpSum(T value) {
    for (int distance = warp_size / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(whole_warp, value, distance);
    return value;
}
__device__ inline float warpMax(float value) {
    for (int distance = warp_size / 2; distance > 0; distance /= 2) {
        const float other = __shfl_xor_sync(whole_warp, value, distance);
        value = value < other ? other : value; // NaN stays where it is met first, as fmaxf would not
    }
    return value;
}

// Of the whole block, in a fixed order, known to every thread. All threads call it; blockDim.x is a multiple of 32.
template <class T, class OfWarp, class Join> __device__ T blockReduce(T value, T none, OfWarp ofWarp, Join join) {
    __shared__ T of_warp[warp_size];
    value = ofWarp(value);
    __syncthreads(); // the last reduction's results have been read
    if (threadIdx.x % warp_size == 0) of_warp[threadIdx.x / warp_size] = value;
    __syncthreads();
    T all = none;
    for (unsigned w = 0; w < blockDim.x / warp_size; ++w) all = join(all, of_warp[w]);
    return all;
}
template <class T> __device__ T blockSum(T value) {
    return blockReduce<T>(
        value, T(0), [](T v) { return warpSum(v); }, [](T a, T b) { return a + b; });
}
__device__ inline float blockMax(float value) {
    return blockReduce<float>(
        value, -INFINITY, [](float v) { return warpMax(v); }, [](float a, float b) { return a < b ? b : a; });
}

} // namespace shardscope::kernels::cuda
