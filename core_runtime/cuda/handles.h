// SPDX-License-Identifier: Apache-2.0
// Streams, events and memory that are given back by themselves. They belong to the device that is current when they are
// made; giving back does not complain, because after a failed kernel every call fails.
#pragma once
#include "core_runtime/cuda/api.h"
#include <cstddef>
#include <cstdint>
#include <utility>

namespace shardscope::cuda {

template <class Handle, auto give_back> class Owned {
public:
    Owned() = default;
    explicit Owned(Handle handle)
        : m_handle(handle) {}
    Owned(Owned&& other) noexcept
        : m_handle(std::exchange(other.m_handle, nullptr)) {}
    Owned& operator=(Owned&& other) noexcept {
        std::swap(m_handle, other.m_handle);
        return *this;
    }
    ~Owned() {
        if (m_handle) give_back(m_handle);
    }
    Handle get() const { return m_handle; }

private:
    Handle m_handle = nullptr;
};

inline void destroyStream(cudaStream_t s) { cudaStreamDestroy(s); }
inline void destroyEvent(cudaEvent_t e) { cudaEventDestroy(e); }
inline void freeDevice(std::byte* p) { cudaFree(p); }
inline void freePinned(std::byte* p) { cudaFreeHost(p); }

using Stream = Owned<cudaStream_t, destroyStream>;
using Event = Owned<cudaEvent_t, destroyEvent>;
using DeviceMemory = Owned<std::byte*, freeDevice>;
using PinnedMemory = Owned<std::byte*, freePinned>; // of the host, page-locked: copies to and from it are asynchronous

inline Stream makeStream(int priority) {
    cudaStream_t stream = nullptr;
    SHARDSCOPE_CUDA_CALL(cudaStreamCreateWithPriority, &stream, cudaStreamNonBlocking, priority);
    return Stream(stream);
}

inline Event makeEvent() { // with a time
    cudaEvent_t event = nullptr;
    SHARDSCOPE_CUDA_CALL(cudaEventCreateWithFlags, &event, cudaEventBlockingSync);
    return Event(event);
}

} // namespace shardscope::cuda
