// SPDX-License-Identifier: Apache-2.0
// The GPUs that the NVIDIA driver lists, asked through its own library, which is opened and not linked. Creates no
// context.
#pragma once
#include "core_runtime/machine/machine.h"
#include "core_runtime/machine/vendor_library.h"

namespace shardscope {

struct GpuList {
    std::vector<GpuDevice> devices;
    std::string problem; // a sentence where `devices` is empty
    std::string driver;  // its version, where its management library tells it
};

GpuList listGpus(const OpenLibrary& driver);

} // namespace shardscope
