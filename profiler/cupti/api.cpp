// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti/api.h"

namespace shardscope::cupti {

std::string Api::bind(const Symbols& symbols) {
    std::string missing;
    const auto find = [&](auto& function, const char* name) {
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbols(name));
        if (!function && missing.empty()) missing = name;
    };
    find(version, "cuptiGetVersion");
    find(subscribe, "cuptiSubscribe");
    find(unsubscribe, "cuptiUnsubscribe");
    find(set_attribute, "cuptiActivitySetAttribute");
    find(set_thread_id_type, "cuptiSetThreadIdType");
    find(register_timestamp, "cuptiActivityRegisterTimestampCallback");
    find(register_callbacks, "cuptiActivityRegisterCallbacks");
    find(enable, "cuptiActivityEnable");
    find(disable, "cuptiActivityDisable");
    find(enable_driver_function, "cuptiActivityEnableDriverApi");
    find(next_record, "cuptiActivityGetNextRecord");
    find(flush, "cuptiActivityFlushAll");
    find(dropped_records, "cuptiActivityGetNumDroppedRecords");
    find(push_correlation, "cuptiActivityPushExternalCorrelationId");
    find(pop_correlation, "cuptiActivityPopExternalCorrelationId");
    find(stream_id, "cuptiGetStreamIdEx");
    return missing;
}

const char* toText(Availability availability) {
    switch (availability) {
    case Availability::available:
        return "available";
    case Availability::library_missing:
        return "library_missing";
    case Availability::another_profiler:
        return "another_profiler";
    case Availability::no_permission:
        return "no_permission";
    case Availability::no_driver:
        return "no_driver";
    case Availability::refused:
        break;
    }
    return "refused";
}

CaptureState available(const Api& api) {
    uint32_t version = 0;
    api.version(&version);
    return {Availability::available,
            "Kernels and copies are recorded by CUPTI (interface version " + std::to_string(version) + ")."};
}

CaptureState refused(Status status, const char* call) {
    switch (status) {
    case Status::another_subscriber:
        return {Availability::another_profiler,
                "Another profiler is attached to this process (Nsight Systems, Nsight Compute, cuda-gdb or "
                "compute-sanitizer), and CUPTI serves one at a time: times of ops are recorded, kernels are not. Run "
                "without it to record kernels."};
    case Status::insufficient_privileges:
    case Status::virtual_device:
    case Status::device_refused:
        return {Availability::no_permission,
                "The driver does not permit CUPTI to record on this device (error " +
                    std::to_string(static_cast<int>(status)) +
                    "): times of ops are recorded, kernels are not. A container may need --cap-add SYS_ADMIN, a "
                    "virtual GPU a profile that permits profiling."};
    case Status::unknown:
    case Status::not_initialized:
        return {
            Availability::no_driver,
            "CUPTI finds no NVIDIA driver to record from: times of ops are recorded, kernels are not. nvidia-smi says "
            "whether the driver runs."};
    default:
        return {Availability::refused, std::string("CUPTI does not start: ") + call + " gave error " +
                                           std::to_string(static_cast<int>(status)) +
                                           ". Times of ops are recorded, kernels are not."};
    }
}

} // namespace shardscope::cupti
