// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/device_choice.h"
#include "core_runtime/cuda/cuda_backend.h"
#include "core_runtime/cuda/nccl_communicator.h"
#include "core_runtime/cuda/virtual_ranks.h"
#include "core_runtime/machine/cupti_library.h"
#include <nlohmann/json.hpp>

namespace shardscope::cuda {
namespace {

std::string devicesJson(const std::vector<int>& device_of_rank) {
    nlohmann::json devices = nlohmann::json::array();
    for (const int device : device_of_rank) {
        cudaDeviceProp properties{};
        if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) continue;
        devices.push_back(
            {{"device", device},
             {"name", properties.name},
             {"memory_bytes", properties.totalGlobalMem},
             {"multiprocessors", properties.multiProcessorCount},
             {"compute_capability", std::to_string(properties.major) + "." + std::to_string(properties.minor)}});
    }
    return devices.dump();
}

} // namespace

Result<BackendChoice> chooseDevices(int64_t ranks) {
    int count = 0;
    if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess || count == 0)
        return Error{std::string("no NVIDIA GPU can be used here: ") +
                     (status != cudaSuccess ? cudaGetErrorString(status) : "the driver lists none") +
                     "; shardscope doctor says what was found, --backend cpu does without"};
    std::vector<int> device_of_rank(static_cast<size_t>(ranks), 0);
    BackendChoice choice{.name = "cuda"};
    MakeCommunicator makeCommunicator = [](const StepProgram& program, const std::vector<int>&) {
        return Result<std::unique_ptr<Communicator>>(std::make_unique<VirtualRanks>(program));
    };
    std::string communicator = "virtual ranks";
    if (ranks > 1 && ranks <= count) {
        const Result<NcclApi> nccl = NcclApi::load();
        if (!nccl) return nccl.error();
        for (size_t r = 0; r < device_of_rank.size(); ++r) device_of_rank[r] = static_cast<int>(r);
        communicator = "NCCL " + nccl->version;
        makeCommunicator = [api = *nccl](const StepProgram& program, const std::vector<int>&) {
            return NcclCommunicator::create(program, api);
        };
    }
    choice.facts = {{"devices", devicesJson(device_of_rank)}, {"communicator", communicator}};
    if (ranks > count) choice.facts.emplace_back("virtual_ranks", std::to_string(ranks) + " ranks share one GPU");
    choice.cupti = cuptiSymbols();
    choice.create = [device_of_rank, makeCommunicator](const StepProgram& program, const MemoryPlan& memory) {
        return CudaBackend::create(program, memory, device_of_rank, makeCommunicator);
    };
    return choice;
}

} // namespace shardscope::cuda
