// SPDX-License-Identifier: Apache-2.0
// CUDA's execution model on the processor, enough for our kernels: the threads of a block are fibers of one thread and
// meet at __syncthreads() and at the shuffles of their warp; blocks run one after the other. Shared memory is static,
// device memory is ordinary memory, so that the address sanitizer watches what a kernel touches. A barrier that not all
// threads reach ends the program with the kernel's name. The part of CUDA's runtime that Shardscope calls is declared
// in cuda_runtime_emulation.h.
#pragma once
#include "cuda_runtime_emulation.h"
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

using std::isfinite; // as in CUDA

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __shared__ static thread_local
#define __launch_bounds__(...)

namespace shardscope::emulation {

struct Index3 {
    unsigned x = 0, y = 0, z = 0;
};

struct ThreadView { // what the fiber that runs now sees
    Index3 thread, block, block_size, grid_size;
};
extern thread_local constinit ThreadView now;

// What is given to no stream runs at once, else when something waits for it.
void enqueue(cudaStream_t, std::function<void()> work);
void run(const char* kernel, int64_t blocks, int threads, int64_t shared_bytes, const std::function<void()>& body);
void* dynamicSharedBytes();
template <class T> T* dynamicShared() { return static_cast<T*>(dynamicSharedBytes()); }
void syncBlock();
// All lanes of the warp give a value of up to eight bytes and get that of another lane.
uint64_t exchange(uint64_t value, int lane);
// All lanes of the warp come to the same instruction with its operands; the last one executes it for all of them.
void together(void* operands, void (*instruction)(void* const* of_lanes));
int lane();

template <class T> T shuffle(T value, int from) {
    static_assert(sizeof(T) <= 8);
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = exchange(bits, from);
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

} // namespace shardscope::emulation

#define threadIdx (::shardscope::emulation::now.thread)
#define blockIdx (::shardscope::emulation::now.block)
#define blockDim (::shardscope::emulation::now.block_size)
#define gridDim (::shardscope::emulation::now.grid_size)

inline void __syncthreads() { shardscope::emulation::syncBlock(); }
template <class T> T __shfl_xor_sync(unsigned, T value, int mask) {
    return shardscope::emulation::shuffle(value, shardscope::emulation::lane() ^ mask);
}
template <class T> T __shfl_sync(unsigned, T value, int from) { return shardscope::emulation::shuffle(value, from); }
inline void __syncwarp() {
    shardscope::emulation::together(nullptr, [](void* const*) {});
}
inline int __any_sync(unsigned, int predicate) {
    for (int distance = 16; distance > 0; distance /= 2) predicate |= __shfl_xor_sync(0u, predicate, distance);
    return predicate;
}
inline unsigned __ballot_sync(unsigned, int predicate) {
    unsigned lanes = predicate ? 1u << shardscope::emulation::lane() : 0u;
    for (int distance = 16; distance > 0; distance /= 2) lanes |= __shfl_xor_sync(0u, lanes, distance);
    return lanes;
}
inline int __ffs(int value) { return __builtin_ffs(value); }
inline int atomicAdd(int* sum, int addend) { // no other thread runs
    const int before = *sum;
    *sum += addend;
    return before;
}
