// SPDX-License-Identifier: Apache-2.0
// The part of CUDA's runtime that Shardscope calls, over host memory. What is enqueued on a stream is not run before
// somebody waits for it, and then no more is run than that asks for: a wait that is missing in the caller does not
// happen to be fast enough here, it gives wrong results. One thread runs everything, as one device does.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

struct CUstream_st;
struct CUevent_st;
using cudaStream_t = CUstream_st*;
using cudaEvent_t = CUevent_st*;

enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorIllegalAddress = 700
};
enum cudaMemcpyKind { cudaMemcpyDefault = 4 };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount = 16, cudaDevAttrMaxSharedMemoryPerBlockOptin = 97 };
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventBlockingSync = 1, cudaHostAllocPortable = 1,
                   cudaDeviceScheduleBlockingSync = 4;

cudaError_t cudaMalloc(void** start, size_t bytes);
cudaError_t cudaFree(void*);
cudaError_t cudaHostAlloc(void** start, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void*);
cudaError_t cudaMemset(void*, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void*, int value, size_t bytes, cudaStream_t);
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes);
cudaError_t cudaSetDevice(int);
cudaError_t cudaGetDevice(int*);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int device);
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value);
cudaError_t cudaSetDeviceFlags(unsigned);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest);
cudaError_t cudaStreamCreateWithPriority(cudaStream_t*, unsigned flags, int priority);
cudaError_t cudaStreamDestroy(cudaStream_t);
cudaError_t cudaStreamSynchronize(cudaStream_t);
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t*, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t);
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t);
cudaError_t cudaEventSynchronize(cudaEvent_t);
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t from, cudaEvent_t to);
const char* cudaGetErrorString(cudaError_t);

namespace shardscope::emulation {

// The device as tests see and disturb it.
struct DeviceState {
    size_t memory_bytes = size_t{1} << 30; // cudaMalloc fails beyond
    std::vector<size_t> free_bytes;        // of each device, as it says itself; empty: what is left of memory_bytes
    size_t used_bytes = 0;                 // by cudaMalloc
    size_t pinned_bytes = 0;
    size_t streams = 0, events = 0;
    int multiprocessors = 3;      // what kernels choose their grids by
    int shared_bytes = 227 << 10; // of a block
    int kernels_allowed = 0;      // calls of cudaFuncSetAttribute
    int64_t fail_after = -1;      // so many enqueued commands from now the device fails, and stays so; -1: never
};
DeviceState& deviceState();

// A command that several streams have in common, as a kernel of NCCL is: it runs when every stream has come to it.
class Meeting {
public:
    explicit Meeting(size_t members)
        : m_arrived(members) {}
    void arrive(size_t member, cudaStream_t); // the next command of the stream is this one
    bool hold();                              // by the command: waits for all; false after abort()
    void abort();

private:
    std::vector<std::pair<cudaStream_t, int64_t>> m_arrived; // where each stream was before
    bool m_aborted = false;
};

} // namespace shardscope::emulation
