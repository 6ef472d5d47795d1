// SPDX-License-Identifier: Apache-2.0
// What NVIDIA's management library tells of a GPU while nobody uses it: free memory and the driver's version. It comes
// with the driver, is opened and not linked, and needs no CUDA context, which would itself take memory.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace shardscope {

class GpuManagement {
public:
    GpuManagement(); // opens the library, where there is one
    ~GpuManagement();
    GpuManagement(const GpuManagement&) = delete;
    GpuManagement& operator=(const GpuManagement&) = delete;

    std::string driverVersion() const; // "580.82.07"; empty: not known
    // Of the device at this PCI address; -1: not known, also where `total_bytes` is a slice of the device (MIG).
    int64_t freeBytes(const std::string& pci_address, int64_t total_bytes) const;

private:
    struct Library;
    std::unique_ptr<Library> m_library;
};

} // namespace shardscope
