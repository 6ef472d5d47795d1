// SPDX-License-Identifier: Apache-2.0
// CUPTI's activity records, as far as they are read here: the layouts of version 13.0, to which later versions only
// append. Written down so that everything compiles and is tested without NVIDIA's headers; records_check.cpp compares
// each offset with <cupti.h> where a toolkit is installed. Sizes are never used to step through a buffer.
#pragma once
#include <cstdint>

namespace shardscope::cupti {

enum class Kind : int32_t {
    memcpy = 1,
    memset = 2,
    driver = 4,
    runtime = 5,
    concurrent_kernel = 10,
    overhead = 17,
    memcpy_between_devices = 22, // MEMCPY2
    synchronization = 38,
    external_correlation = 39,
    memory = 49, // MEMORY2
};

enum MemoryKind : uint8_t { pageable = 1, pinned = 2, device = 3 };
enum class MemoryOperation : int32_t { allocation = 1, release = 2 };
inline constexpr int32_t custom_correlation = 3; // CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0
inline constexpr int32_t stream_wait_event = 2;  // a synchronization in which no thread waits

// Kinds of overhead. Those of CUDA are no cost of recording: a program pays them without it as well.
inline constexpr int32_t driver_compiler = 1, buffer_flush = 1 << 16, module_loading = 4 << 16,
                         function_loading = 5 << 16,
                         command_buffer_full = 6 << 16; // whose data the reader has to free

#pragma pack(push, 1)
struct Record {
    Kind kind;
};

struct Kernel { // CUpti_ActivityKernel10
    Kind kind;
    uint8_t skipped_a[12];
    uint64_t start, end;
    uint8_t skipped_b[8];
    uint32_t device, context, stream;
    uint8_t skipped_c[40];
    uint32_t correlation;
    uint8_t skipped_d[8];
    const char* name; // belongs to CUPTI
};

struct Memcpy { // CUpti_ActivityMemcpy6
    Kind kind;
    uint8_t copy_kind, source_kind, destination_kind, flags;
    uint64_t bytes, start, end;
    uint32_t device, context, stream, correlation;
};

struct MemcpyBetweenDevices { // CUpti_ActivityMemcpyPtoP4
    Kind kind;
    uint8_t copy_kind, source_kind, destination_kind, flags;
    uint64_t bytes, start, end;
    uint32_t device, context, stream;
    uint32_t source_device, source_context, destination_device, destination_context;
    uint32_t correlation;
};

struct Memset { // CUpti_ActivityMemset4
    Kind kind;
    uint32_t value;
    uint64_t bytes, start, end;
    uint32_t device, context, stream, correlation;
    uint16_t flags, memory_kind;
};

struct Memory { // CUpti_ActivityMemory4
    Kind kind;
    MemoryOperation operation;
    int32_t memory_kind;
    uint32_t correlation;
    uint64_t address, bytes, timestamp, program_counter;
    uint32_t process, device, context, stream;
};

struct Synchronization { // CUpti_ActivitySynchronization2
    Kind kind;
    int32_t type;
    uint64_t start, end;
    uint32_t correlation, context, stream;
};

struct ApiCall { // CUpti_ActivityAPI
    Kind kind;
    uint32_t function;
    uint64_t start, end;
    uint32_t process, thread, correlation, result;
};

struct ExternalCorrelation { // CUpti_ActivityExternalCorrelation
    Kind kind;
    int32_t external_kind;
    uint64_t external_id;
    uint32_t correlation;
};

struct Overhead { // CUpti_ActivityOverhead3
    Kind kind;
    int32_t overhead_kind;
    uint8_t skipped_a[16];
    uint64_t start, end;
    uint32_t correlation;
    uint8_t skipped_b[4];
    void* data;
};
#pragma pack(pop)

} // namespace shardscope::cupti
