// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/machine/cuda_driver.h"
#include "core_runtime/machine/gpu_memory.h"
#include <array>

namespace shardscope {
namespace {

// The driver's interface is stable C; these are its types and the numbers of its attributes.
using Status = int;
using DeviceOrdinal = int;
constexpr int multiprocessor_count = 16, capability_major = 75, capability_minor = 76;

struct Driver {
    Status (*init)(unsigned);
    Status (*count)(int*);
    Status (*get)(DeviceOrdinal*, int);
    Status (*name)(char*, int, DeviceOrdinal);
    Status (*memory)(size_t*, DeviceOrdinal);
    Status (*attribute)(int*, int, DeviceOrdinal);
    Status (*error_text)(Status, const char**);
    Status (*pci_address)(char*, int, DeviceOrdinal);

    explicit Driver(const OpenLibrary& library)
        : init(library.function<Status(unsigned)>("cuInit"))
        , count(library.function<Status(int*)>("cuDeviceGetCount"))
        , get(library.function<Status(DeviceOrdinal*, int)>("cuDeviceGet"))
        , name(library.function<Status(char*, int, DeviceOrdinal)>("cuDeviceGetName"))
        , memory(library.function<Status(size_t*, DeviceOrdinal)>("cuDeviceTotalMem_v2"))
        , attribute(library.function<Status(int*, int, DeviceOrdinal)>("cuDeviceGetAttribute"))
        , error_text(library.function<Status(Status, const char**)>("cuGetErrorString"))
        , pci_address(library.function<Status(char*, int, DeviceOrdinal)>("cuDeviceGetPCIBusId")) {}

    bool complete() const { return init && count && get && name && memory && attribute; }
    std::string text(Status status) const {
        const char* words = nullptr;
        const bool known = error_text && error_text(status, &words) == 0 && words;
        return known ? words : "error " + std::to_string(status);
    }
};

} // namespace

GpuList listGpus(const OpenLibrary& library) {
    if (!library.good()) return {{}, "The NVIDIA driver was not found (" + library.problem() + ")."};
    const Driver driver(library);
    if (!driver.complete()) return {{}, "'" + library.path() + "' is not a library of the NVIDIA driver."};
    int devices = 0;
    if (const Status status = driver.init(0); status != 0)
        return {{}, "The NVIDIA driver does not start: " + driver.text(status) + "."};
    if (const Status status = driver.count(&devices); status != 0)
        return {{}, "The NVIDIA driver does not list its devices: " + driver.text(status) + "."};
    if (devices == 0) return {{}, "The NVIDIA driver runs, but lists no device (CUDA_VISIBLE_DEVICES may hide them)."};
    GpuList list;
    const GpuManagement management;
    list.driver = management.driverVersion();
    for (int i = 0; i < devices; ++i) {
        DeviceOrdinal device = 0;
        std::array<char, 256> name{};
        size_t bytes = 0;
        GpuDevice gpu;
        for (const Status status :
             {driver.get(&device, i), driver.name(name.data(), static_cast<int>(name.size()) - 1, device),
              driver.memory(&bytes, device), driver.attribute(&gpu.compute_major, capability_major, device),
              driver.attribute(&gpu.compute_minor, capability_minor, device),
              driver.attribute(&gpu.multiprocessors, multiprocessor_count, device)})
            if (status != 0 && list.problem.empty())
                list.problem = "GPU " + std::to_string(i) + " does not answer: " + driver.text(status) + ".";
        gpu.name = name.data();
        gpu.memory_bytes = static_cast<int64_t>(bytes);
        std::array<char, 32> address{};
        if (driver.pci_address && driver.pci_address(address.data(), static_cast<int>(address.size()), device) == 0)
            gpu.free_bytes = management.freeBytes(address.data(), gpu.memory_bytes);
        list.devices.push_back(gpu);
    }
    return list;
}

} // namespace shardscope
