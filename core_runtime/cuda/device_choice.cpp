// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/device_choice.h"
#include "core_runtime/cuda/cuda_backend.h"
#include "core_runtime/cuda/nccl_communicator.h"
#include "core_runtime/cuda/virtual_ranks.h"
#include "core_runtime/machine/cupti_library.h"
#include <cstdlib>
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
    // Read when the device is first used. A kernel that is loaded while another rank's collective waits can wait for
    // ever; and streams of many ranks that share a hardware queue would wait for each other.
    setenv("CUDA_MODULE_LOADING", "EAGER", 0);
    setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
    int count = 0;
    if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess || count == 0)
        return Error{std::string("no NVIDIA GPU can be used here: ") +
                     (status != cudaSuccess ? cudaGetErrorString(status) : "the driver lists none") +
                     "; shardscope doctor says what was found, --backend cpu does without"};
    CudaOptions options{.device_of_rank = std::vector<int>(static_cast<size_t>(ranks), 0)};
    std::vector<int>& device_of_rank = options.device_of_rank;
    BackendChoice choice{.name = "cuda"};
    options.makeCommunicator = [](const StepProgram& program, const std::vector<int>&) {
        return Result<std::unique_ptr<Communicator>>(std::make_unique<VirtualRanks>(program));
    };
    std::string communicator = "virtual ranks";
    if (ranks > 1 && ranks <= count) {
        const Result<NcclApi> nccl = NcclApi::load();
        if (!nccl) return nccl.error();
        for (size_t r = 0; r < device_of_rank.size(); ++r) device_of_rank[r] = static_cast<int>(r);
        communicator = "NCCL " + nccl->version;
        options.makeCommunicator = [api = *nccl](const StepProgram& program, const std::vector<int>&) {
            return NcclCommunicator::create(program, api);
        };
    }
    std::string products = "own kernels";
    if (Result<CublasLtApi> api = CublasLtApi::load()) {
        products = "cuBLASLt " + api->version;
        options.products = *std::move(api);
    }
    choice.facts = {
        {"devices", devicesJson(device_of_rank)}, {"communicator", communicator}, {"matrix_products", products}};
    if (ranks > count) choice.facts.emplace_back("virtual_ranks", std::to_string(ranks) + " ranks share one GPU");
    choice.cupti = cuptiSymbols();
    choice.create = [options](const StepProgram& program, const MemoryPlan& memory) {
        return CudaBackend::create(program, memory, options);
    };
    return choice;
}

} // namespace shardscope::cuda
