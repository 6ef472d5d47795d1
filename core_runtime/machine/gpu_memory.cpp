// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/machine/gpu_memory.h"
#include "core_runtime/machine/vendor_library.h"
#include <array>
#include <cstdlib>

namespace shardscope {
namespace {

using Status = int;
using Device = void*;
struct Memory { // nvmlMemory_t
    unsigned long long total, free, used;
};

const VendorLibrary library_file{"NVIDIA management library",
                                 "SHARDSCOPE_NVML",
                                 "libnvidia-ml.so.1",
                                 nullptr,
                                 VersionCall::fills_pointer,
                                 1,
                                 1,
                                 "Free memory of GPUs is not known before a run."};

} // namespace

struct GpuManagement::Library {
    OpenLibrary file = OpenLibrary::open(library_file);
    Status (*init)() = file.function<Status()>("nvmlInit_v2");
    Status (*shutdown)() = file.function<Status()>("nvmlShutdown");
    Status (*driver_version)(char*, unsigned) = file.function<Status(char*, unsigned)>("nvmlSystemGetDriverVersion");
    Status (*by_address)(const char*,
                         Device*) = file.function<Status(const char*, Device*)>("nvmlDeviceGetHandleByPciBusId_v2");
    Status (*memory)(Device, Memory*) = file.function<Status(Device, Memory*)>("nvmlDeviceGetMemoryInfo");
    bool started = init && shutdown && init() == 0;
};

GpuManagement::GpuManagement()
    : m_library(std::make_unique<Library>()) {}

GpuManagement::~GpuManagement() {
    if (m_library->started) m_library->shutdown();
}

std::string GpuManagement::driverVersion() const {
    std::array<char, 96> text{};
    if (!m_library->started || !m_library->driver_version ||
        m_library->driver_version(text.data(), static_cast<unsigned>(text.size()) - 1) != 0)
        return {};
    return text.data();
}

int64_t GpuManagement::freeBytes(const std::string& pci_address, int64_t total_bytes) const {
    Device device = nullptr;
    Memory memory{};
    if (!m_library->started || !m_library->by_address || !m_library->memory || pci_address.empty() ||
        m_library->by_address(pci_address.c_str(), &device) != 0 || m_library->memory(device, &memory) != 0)
        return -1;
    const auto whole = static_cast<int64_t>(memory.total); // some of it is the driver's own
    if (std::abs(whole - total_bytes) > whole / 8) return -1;
    return static_cast<int64_t>(memory.free);
}

} // namespace shardscope
