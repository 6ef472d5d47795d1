// SPDX-License-Identifier: Apache-2.0
#include "cuda_emulation.h"
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

struct CUstream_st {
    std::deque<std::function<void()>> commands; // those that have not run
    int64_t enqueued = 0, done = 0;             // ever
};

struct CUevent_st {
    CUstream_st* stream = nullptr; // of the latest record; null: never recorded, which counts as complete
    int64_t position = 0;          // in that stream
    int64_t stamp_ns = 0;
};

namespace shardscope::emulation {
namespace {

int64_t nowNs() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// Everything is guarded by one lock; only the device's thread runs commands.
class Device {
public:
    Device()
        : m_thread([this] { work(); }) {}
    ~Device() {
        {
            std::lock_guard lock(mutex);
            m_quit = true;
        }
        m_wakes.notify_all();
        m_thread.join();
    }

    cudaError_t enqueue(CUstream_st* stream, std::function<void()> command) {
        std::lock_guard lock(mutex);
        if (state.fail_after == 0) return cudaErrorIllegalAddress;
        if (state.fail_after > 0) --state.fail_after;
        stream->commands.push_back(std::move(command));
        ++stream->enqueued;
        return cudaSuccess;
    }
    // Blocks until the commands of the stream up to a position have run.
    cudaError_t await(CUstream_st* stream, int64_t position) {
        std::unique_lock lock(mutex);
        m_wanted.push_back({stream, position});
        m_wakes.notify_all();
        m_done.wait(lock, [&] { return stream->done >= position; });
        // Another wait may have run it before its turn; the stream may not live until then.
        std::erase_if(m_wanted, [&](const auto& w) { return w.first == stream && w.second <= stream->done; });
        return state.fail_after == 0 ? cudaErrorIllegalAddress : cudaSuccess;
    }
    cudaError_t awaitAll() {
        std::vector<std::pair<CUstream_st*, int64_t>> all;
        {
            std::lock_guard lock(mutex);
            for (CUstream_st* stream : streams) all.emplace_back(stream, stream->enqueued);
        }
        cudaError_t worst = cudaSuccess;
        for (auto [stream, position] : all)
            if (const cudaError_t error = await(stream, position); error != cudaSuccess) worst = error;
        return worst;
    }
    // By a command: lets others enqueue until `ready`, which is asked under the lock.
    void blockUntil(const std::function<bool()>& ready) { m_wakes.wait(*m_working, ready); }
    void wake() { m_wakes.notify_all(); }
    void reach(CUstream_st* stream, int64_t position) { // on the device's thread
        while (stream->done < position) {
            const std::function<void()> command = std::move(stream->commands.front());
            stream->commands.pop_front();
            command(); // may reach() positions of other streams first
            ++stream->done;
        }
    }

    std::mutex mutex;
    DeviceState state;
    std::set<CUstream_st*> streams;
    std::map<void*, size_t> device_memory, pinned_memory;

private:
    void work() {
        std::unique_lock lock(mutex);
        m_working = &lock;
        for (;;) {
            m_wakes.wait(lock, [&] { return m_quit || !m_wanted.empty(); });
            if (m_quit) return;
            const auto [stream, position] = m_wanted.front();
            m_wanted.pop_front();
            reach(stream, position);
            m_done.notify_all();
        }
    }
    std::condition_variable m_wakes, m_done;
    std::deque<std::pair<CUstream_st*, int64_t>> m_wanted;
    bool m_quit = false;
    std::unique_lock<std::mutex>* m_working = nullptr;
    std::thread m_thread;
};

Device& device() {
    static Device only;
    return only;
}

cudaError_t allocate(std::map<void*, size_t>& memory, size_t& used, size_t limit, void** start, size_t bytes) {
    std::lock_guard lock(device().mutex);
    if (used + bytes > limit) return cudaErrorMemoryAllocation;
    *start = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    std::memset(*start, 0xff, bytes); // NaN: nothing is there at the start
    memory[*start] = bytes;
    used += bytes;
    return cudaSuccess;
}

cudaError_t giveBack(std::map<void*, size_t>& memory, size_t& used, void* start) {
    std::lock_guard lock(device().mutex);
    const auto found = memory.find(start);
    if (found == memory.end()) return cudaErrorInvalidValue;
    used -= found->second;
    memory.erase(found);
    std::free(start);
    return cudaSuccess;
}

} // namespace

DeviceState& deviceState() { return device().state; }

void enqueue(cudaStream_t stream, std::function<void()> work) {
    if (stream)
        device().enqueue(stream, std::move(work));
    else
        work();
}

void Meeting::arrive(size_t member, cudaStream_t stream) {
    std::lock_guard lock(device().mutex);
    m_arrived[member] = {stream, stream->enqueued};
    device().wake();
}

void Meeting::abort() {
    std::lock_guard lock(device().mutex);
    m_aborted = true;
    device().wake();
}

bool Meeting::hold() {
    device().blockUntil([&] { return m_aborted || std::ranges::all_of(m_arrived, [](auto& a) { return a.first; }); });
    if (m_aborted) return false;
    for (auto [stream, position] : m_arrived) device().reach(stream, position);
    return true;
}

} // namespace shardscope::emulation

using shardscope::emulation::allocate, shardscope::emulation::device, shardscope::emulation::giveBack;

cudaError_t cudaMalloc(void** start, size_t bytes) {
    auto& d = device();
    return allocate(d.device_memory, d.state.used_bytes, d.state.memory_bytes, start, bytes);
}
cudaError_t cudaFree(void* start) { return giveBack(device().device_memory, device().state.used_bytes, start); }
cudaError_t cudaHostAlloc(void** start, size_t bytes, unsigned) {
    auto& d = device();
    return allocate(d.pinned_memory, d.state.pinned_bytes, SIZE_MAX / 2, start, bytes);
}
cudaError_t cudaFreeHost(void* start) { return giveBack(device().pinned_memory, device().state.pinned_bytes, start); }

cudaError_t cudaMemset(void* start, int value, size_t bytes) {
    std::memset(start, value, bytes);
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* start, int value, size_t bytes, cudaStream_t stream) {
    return device().enqueue(stream, [=] { std::memset(start, value, bytes); });
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
    std::memcpy(to, from, bytes);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
    return device().enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}
static thread_local int current_device = 0;

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
    std::lock_guard lock(device().mutex);
    *total_bytes = device().state.memory_bytes;
    const std::vector<size_t>& told = device().state.free_bytes;
    const auto current = static_cast<size_t>(current_device);
    *free_bytes = current < told.size() ? told[current] : *total_bytes - device().state.used_bytes;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int number) {
    current_device = number;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int* current) {
    *current = current_device;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    std::lock_guard lock(device().mutex);
    *value = attribute == cudaDevAttrMultiProcessorCount ? device().state.multiprocessors : device().state.shared_bytes;
    return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
    std::lock_guard lock(device().mutex);
    ++device().state.kernels_allowed;
    return cudaSuccess;
}
cudaError_t cudaSetDeviceFlags(unsigned) { return cudaSuccess; }
cudaError_t cudaDeviceSynchronize() { return device().awaitAll(); }
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
    *stream = new CUstream_st;
    std::lock_guard lock(device().mutex);
    device().streams.insert(*stream);
    ++device().state.streams;
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    std::lock_guard lock(device().mutex);
    device().streams.erase(stream);
    --device().state.streams;
    delete stream;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    int64_t position = 0;
    {
        std::lock_guard lock(device().mutex);
        position = stream->enqueued;
    }
    return device().await(stream, position);
}
// The record that the event has now, not what it may get later.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    CUstream_st* other = nullptr;
    int64_t position = 0;
    {
        std::lock_guard lock(device().mutex);
        other = event->stream;
        position = event->position;
    }
    if (!other || other == stream) return cudaSuccess;
    return device().enqueue(stream, [=] { device().reach(other, position); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    *event = new CUevent_st;
    std::lock_guard lock(device().mutex);
    ++device().state.events;
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    std::lock_guard lock(device().mutex);
    --device().state.events;
    delete event;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    const cudaError_t error = device().enqueue(stream, [event] { event->stamp_ns = shardscope::emulation::nowNs(); });
    if (error != cudaSuccess) return error;
    std::lock_guard lock(device().mutex);
    event->stream = stream;
    event->position = stream->enqueued; // one thread enqueues on a stream
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    CUstream_st* stream = nullptr;
    int64_t position = 0;
    {
        std::lock_guard lock(device().mutex);
        stream = event->stream;
        position = event->position;
    }
    return stream ? device().await(stream, position) : cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t from, cudaEvent_t to) {
    std::lock_guard lock(device().mutex);
    for (const cudaEvent_t event : {from, to})
        if (!event->stream || event->stream->done < event->position) return cudaErrorInvalidValue;
    *ms = static_cast<float>(static_cast<double>(to->stamp_ns - from->stamp_ns) * 1e-6);
    return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t error) {
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorInvalidValue:
        return "invalid argument";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorIllegalAddress:
        return "an illegal memory access was encountered";
    }
    return "unknown error";
}
