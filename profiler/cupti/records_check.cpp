// SPDX-License-Identifier: Apache-2.0
// Compiled only where NVIDIA's headers are: the layouts of records.h are those of <cupti.h>.
#include "profiler/cupti/api.h"
#include "profiler/cupti/records.h"
#include <cstddef>
#include <cupti.h>

namespace shardscope::cupti {

#define SAME(ours, mine, theirs, its)                                                                                  \
    static_assert(offsetof(ours, mine) == offsetof(theirs, its) && sizeof(ours::mine) == sizeof(theirs::its))

SAME(Kernel, start, CUpti_ActivityKernel10, start);
SAME(Kernel, end, CUpti_ActivityKernel10, end);
SAME(Kernel, device, CUpti_ActivityKernel10, deviceId);
SAME(Kernel, context, CUpti_ActivityKernel10, contextId);
SAME(Kernel, stream, CUpti_ActivityKernel10, streamId);
SAME(Kernel, correlation, CUpti_ActivityKernel10, correlationId);
SAME(Kernel, name, CUpti_ActivityKernel10, name);
SAME(Memcpy, copy_kind, CUpti_ActivityMemcpy6, copyKind);
SAME(Memcpy, source_kind, CUpti_ActivityMemcpy6, srcKind);
SAME(Memcpy, destination_kind, CUpti_ActivityMemcpy6, dstKind);
SAME(Memcpy, bytes, CUpti_ActivityMemcpy6, bytes);
SAME(Memcpy, start, CUpti_ActivityMemcpy6, start);
SAME(Memcpy, end, CUpti_ActivityMemcpy6, end);
SAME(Memcpy, device, CUpti_ActivityMemcpy6, deviceId);
SAME(Memcpy, context, CUpti_ActivityMemcpy6, contextId);
SAME(Memcpy, stream, CUpti_ActivityMemcpy6, streamId);
SAME(Memcpy, correlation, CUpti_ActivityMemcpy6, correlationId);
SAME(MemcpyBetweenDevices, copy_kind, CUpti_ActivityMemcpyPtoP4, copyKind);
SAME(MemcpyBetweenDevices, bytes, CUpti_ActivityMemcpyPtoP4, bytes);
SAME(MemcpyBetweenDevices, start, CUpti_ActivityMemcpyPtoP4, start);
SAME(MemcpyBetweenDevices, end, CUpti_ActivityMemcpyPtoP4, end);
SAME(MemcpyBetweenDevices, device, CUpti_ActivityMemcpyPtoP4, deviceId);
SAME(MemcpyBetweenDevices, context, CUpti_ActivityMemcpyPtoP4, contextId);
SAME(MemcpyBetweenDevices, stream, CUpti_ActivityMemcpyPtoP4, streamId);
SAME(MemcpyBetweenDevices, source_device, CUpti_ActivityMemcpyPtoP4, srcDeviceId);
SAME(MemcpyBetweenDevices, destination_device, CUpti_ActivityMemcpyPtoP4, dstDeviceId);
SAME(MemcpyBetweenDevices, correlation, CUpti_ActivityMemcpyPtoP4, correlationId);
SAME(Memset, bytes, CUpti_ActivityMemset4, bytes);
SAME(Memset, start, CUpti_ActivityMemset4, start);
SAME(Memset, end, CUpti_ActivityMemset4, end);
SAME(Memset, device, CUpti_ActivityMemset4, deviceId);
SAME(Memset, context, CUpti_ActivityMemset4, contextId);
SAME(Memset, stream, CUpti_ActivityMemset4, streamId);
SAME(Memset, correlation, CUpti_ActivityMemset4, correlationId);
SAME(Memset, memory_kind, CUpti_ActivityMemset4, memoryKind);
SAME(Memory, operation, CUpti_ActivityMemory4, memoryOperationType);
SAME(Memory, memory_kind, CUpti_ActivityMemory4, memoryKind);
SAME(Memory, correlation, CUpti_ActivityMemory4, correlationId);
SAME(Memory, address, CUpti_ActivityMemory4, address);
SAME(Memory, bytes, CUpti_ActivityMemory4, bytes);
SAME(Memory, timestamp, CUpti_ActivityMemory4, timestamp);
SAME(Memory, device, CUpti_ActivityMemory4, deviceId);
SAME(Memory, context, CUpti_ActivityMemory4, contextId);
SAME(Memory, stream, CUpti_ActivityMemory4, streamId);
SAME(Synchronization, type, CUpti_ActivitySynchronization2, type);
SAME(Synchronization, start, CUpti_ActivitySynchronization2, start);
SAME(Synchronization, end, CUpti_ActivitySynchronization2, end);
SAME(Synchronization, correlation, CUpti_ActivitySynchronization2, correlationId);
SAME(Synchronization, context, CUpti_ActivitySynchronization2, contextId);
SAME(Synchronization, stream, CUpti_ActivitySynchronization2, streamId);
SAME(ApiCall, function, CUpti_ActivityAPI, cbid);
SAME(ApiCall, start, CUpti_ActivityAPI, start);
SAME(ApiCall, end, CUpti_ActivityAPI, end);
SAME(ApiCall, thread, CUpti_ActivityAPI, threadId);
SAME(ApiCall, correlation, CUpti_ActivityAPI, correlationId);
SAME(ExternalCorrelation, external_kind, CUpti_ActivityExternalCorrelation, externalKind);
SAME(ExternalCorrelation, external_id, CUpti_ActivityExternalCorrelation, externalId);
SAME(ExternalCorrelation, correlation, CUpti_ActivityExternalCorrelation, correlationId);
SAME(Overhead, overhead_kind, CUpti_ActivityOverhead3, overheadKind);
SAME(Overhead, start, CUpti_ActivityOverhead3, start);
SAME(Overhead, end, CUpti_ActivityOverhead3, end);
SAME(Overhead, correlation, CUpti_ActivityOverhead3, correlationId);
SAME(Overhead, data, CUpti_ActivityOverhead3, overheadData);
#undef SAME

template <class Ours, class Theirs> constexpr bool same(Ours ours, Theirs theirs) {
    return static_cast<int64_t>(ours) == static_cast<int64_t>(theirs);
}
static_assert(same(Kind::memcpy, CUPTI_ACTIVITY_KIND_MEMCPY) && same(Kind::memset, CUPTI_ACTIVITY_KIND_MEMSET) &&
              same(Kind::driver, CUPTI_ACTIVITY_KIND_DRIVER) && same(Kind::runtime, CUPTI_ACTIVITY_KIND_RUNTIME) &&
              same(Kind::concurrent_kernel, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) &&
              same(Kind::overhead, CUPTI_ACTIVITY_KIND_OVERHEAD) &&
              same(Kind::memcpy_between_devices, CUPTI_ACTIVITY_KIND_MEMCPY2) &&
              same(Kind::synchronization, CUPTI_ACTIVITY_KIND_SYNCHRONIZATION) &&
              same(Kind::external_correlation, CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION) &&
              same(Kind::memory, CUPTI_ACTIVITY_KIND_MEMORY2));
static_assert(same(custom_correlation, CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0) &&
              same(stream_wait_event, CUPTI_ACTIVITY_SYNCHRONIZATION_TYPE_STREAM_WAIT_EVENT) &&
              same(driver_compiler, CUPTI_ACTIVITY_OVERHEAD_DRIVER_COMPILER) &&
              same(buffer_flush, CUPTI_ACTIVITY_OVERHEAD_CUPTI_BUFFER_FLUSH) &&
              same(module_loading, CUPTI_ACTIVITY_OVERHEAD_RUNTIME_TRIGGERED_MODULE_LOADING) &&
              same(function_loading, CUPTI_ACTIVITY_OVERHEAD_LAZY_FUNCTION_LOADING) &&
              same(command_buffer_full, CUPTI_ACTIVITY_OVERHEAD_COMMAND_BUFFER_FULL) &&
              same(MemoryOperation::allocation, CUPTI_ACTIVITY_MEMORY_OPERATION_TYPE_ALLOCATION) &&
              same(MemoryOperation::release, CUPTI_ACTIVITY_MEMORY_OPERATION_TYPE_RELEASE) &&
              same(device, CUPTI_ACTIVITY_MEMORY_KIND_DEVICE));
static_assert(same(Status::max_limit_reached, CUPTI_ERROR_MAX_LIMIT_REACHED) &&
              same(Status::not_initialized, CUPTI_ERROR_NOT_INITIALIZED) &&
              same(Status::insufficient_privileges, CUPTI_ERROR_INSUFFICIENT_PRIVILEGES) &&
              same(Status::another_subscriber, CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED) &&
              same(Status::virtual_device, CUPTI_ERROR_VIRTUALIZED_DEVICE_INSUFFICIENT_PRIVILEGES) &&
              same(Status::device_refused, CUPTI_ERROR_CMP_DEVICE_NOT_SUPPORTED) &&
              same(Status::unknown, CUPTI_ERROR_UNKNOWN));
static_assert(same(per_thread_buffers, CUPTI_ACTIVITY_ATTR_PER_THREAD_ACTIVITY_BUFFER) &&
              same(zeroed_buffers, CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER) &&
              same(system_thread_ids, CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM) &&
              same(flush_forced, CUPTI_ACTIVITY_FLAG_FLUSH_FORCED));

} // namespace shardscope::cupti
