// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/backend_choice.h"
#include "core_runtime/backend.h"
#ifdef SHARDSCOPE_WITH_CUDA
#include "core_runtime/cuda/device_choice.h"
#endif

namespace shardscope {

Result<BackendChoice> chooseBackend(const std::string& name, [[maybe_unused]] int64_t ranks,
                                    [[maybe_unused]] const std::string& devices) {
    if (name == "cpu") return BackendChoice{};
    if (name != "auto" && name != "cuda")
        return Error{"the backend '" + name + "' is not known; there are auto, cpu and cuda"};
#ifdef SHARDSCOPE_WITH_CUDA
    Result<BackendChoice> found = cuda::chooseDevices(ranks, devices);
    if (!found && name == "auto" && devices.empty()) return BackendChoice{};
    return found;
#else
    if (name == "auto" && devices.empty()) return BackendChoice{};
    return Error{"this program was built without CUDA; build it with the preset 'cuda', or use the backend cpu"};
#endif
}

} // namespace shardscope
