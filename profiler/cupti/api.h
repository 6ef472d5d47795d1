// SPDX-License-Identifier: Apache-2.0
// The functions of CUPTI that capture calls, found by name in a library that somebody else has opened, and what their
// answers mean. A failure is a state of the capture and never of the run.
#pragma once
#include "profiler/cupti/records.h"
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace shardscope::cupti {

enum class Status : int32_t {
    success = 0,
    max_limit_reached = 12, // no more records in the buffer
    not_initialized = 15,
    insufficient_privileges = 35,
    another_subscriber = 39,
    virtual_device = 40,
    device_refused = 42,
    unknown = 999, // what nearly every call answers without a driver
};

// Why there is a capture of the GPU, or none.
enum class Availability : uint8_t { available, library_missing, another_profiler, no_permission, no_driver, refused };
const char* toText(Availability); // the word itself
struct CaptureState {
    Availability availability = Availability::library_missing;
    std::string sentence; // for people: what it is and what to do
};

inline constexpr int32_t per_thread_buffers = 9, zeroed_buffers = 5; // attributes
inline constexpr int32_t system_thread_ids = 1;
inline constexpr uint32_t flush_forced = 1; // records that are not complete as well
// Launches that do not come through the runtime: cuLaunchKernel, cuLaunchKernelEx, cuMemcpyBatchAsync_v2.
inline constexpr uint32_t driver_launches[] = {307, 652, 796};

using Subscriber = void*;
using Symbols = std::function<void*(const char* name)>; // null: there is none

struct Api {
    using BufferRequested = void(uint8_t** buffer, size_t* bytes, size_t* most_records);
    using BufferCompleted = void(void* context, uint32_t stream, uint8_t* buffer, size_t bytes, size_t valid_bytes);

    Status (*version)(uint32_t*) = nullptr;
    Status (*subscribe)(Subscriber*, void* callback, void* user) = nullptr;
    Status (*unsubscribe)(Subscriber) = nullptr;
    Status (*set_attribute)(int32_t, size_t*, void*) = nullptr;
    Status (*set_thread_id_type)(int32_t) = nullptr;
    Status (*register_timestamp)(uint64_t (*)()) = nullptr;
    Status (*register_callbacks)(BufferRequested*, BufferCompleted*) = nullptr;
    Status (*enable)(Kind) = nullptr;
    Status (*disable)(Kind) = nullptr;
    Status (*enable_driver_function)(uint32_t, uint8_t) = nullptr;
    Status (*next_record)(uint8_t* buffer, size_t valid_bytes, Record**) = nullptr;
    Status (*flush)(uint32_t flags) = nullptr;
    Status (*dropped_records)(void* context, uint32_t stream, size_t*) = nullptr;
    Status (*push_correlation)(int32_t kind, uint64_t id) = nullptr;
    Status (*pop_correlation)(int32_t kind, uint64_t* last) = nullptr;
    Status (*stream_id)(void* context, void* stream, uint8_t per_thread, uint32_t*) = nullptr;

    // Names the first function that is missing; empty: all are there.
    std::string bind(const Symbols&);
};

CaptureState available(const Api&);
CaptureState refused(Status, const char* call); // of a call that failed

} // namespace shardscope::cupti
