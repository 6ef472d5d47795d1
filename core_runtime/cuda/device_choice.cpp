// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/device_choice.h"
#include "core_runtime/cuda/cuda_backend.h"
#include "core_runtime/cuda/nccl_communicator.h"
#include "core_runtime/cuda/virtual_ranks.h"
#include "core_runtime/device_list.h"
#include "core_runtime/machine/cupti_library.h"
#include "core_runtime/machine/device_peaks.h"
#include <algorithm>
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

// Of the slowest of the devices is asked: a step is as fast as that.
std::string peaksJson(const std::vector<int>& device_of_rank) {
    std::string name;
    SheetPeaks least{};
    for (const int device : device_of_rank) {
        cudaDeviceProp properties{};
        if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) return {};
        const std::optional<SheetPeaks> peaks = sheetPeaks(properties.name);
        if (!peaks) return {};
        if (!name.empty() && peaks->bytes_per_s >= least.bytes_per_s) continue;
        name = properties.name;
        least = *peaks;
    }
    return nlohmann::json{{"source", "the data sheet of " + name + ", without sparsity"},
                          {"f32_flops_per_s", least.f32_flops_per_s},
                          {"half_flops_per_s", least.half_flops_per_s},
                          {"bytes_per_s", least.bytes_per_s}}
        .dump();
}

} // namespace

Result<BackendChoice> chooseDevices(int64_t ranks, const std::string& wanted) {
    // Read when the device is first used. A kernel that is loaded while another rank's collective waits can wait for
    // ever; and streams of many ranks that share a hardware queue would wait for each other.
    setenv("CUDA_MODULE_LOADING", "EAGER", 0);
    setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
    int count = 0;
    if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess || count == 0)
        return Error{std::string("no NVIDIA GPU can be used here: ") +
                     (status != cudaSuccess ? cudaGetErrorString(status) : "the driver lists none") +
                     "; shardscope doctor says what was found, --backend cpu does without"};
    const Result<std::vector<int>> devices = devicesOf(wanted, count);
    if (!devices) return devices.error();
    count = static_cast<int>(devices->size());
    CudaOptions options{.device_of_rank = std::vector<int>(static_cast<size_t>(ranks), devices->front())};
    std::vector<int>& device_of_rank = options.device_of_rank;
    BackendChoice choice{.name = "cuda"};
    options.makeCommunicator = [](const StepProgram& program, const std::vector<int>&) {
        return Result<std::unique_ptr<Communicator>>(std::make_unique<VirtualRanks>(program));
    };
    std::string communicator = "virtual ranks";
    if (ranks > 1 && ranks <= count) {
        const Result<NcclApi> nccl = NcclApi::load();
        if (!nccl) return nccl.error();
        std::copy_n(devices->begin(), device_of_rank.size(), device_of_rank.begin());
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
    if (std::string peaks = peaksJson(device_of_rank); !peaks.empty())
        choice.facts.emplace_back("device_peaks", std::move(peaks));
    choice.cupti = cuptiSymbols();
    choice.create = [options](const StepProgram& program, const MemoryPlan& memory) {
        return CudaBackend::create(program, memory, options);
    };
    return choice;
}

} // namespace shardscope::cuda
