// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/bench_ops.h"
#include "core_runtime/backend_choice.h"
#include "kernels/bench.h"
#ifdef SHARDSCOPE_WITH_CUDA
#include "core_runtime/cuda/bench_ops.h"
#endif

namespace shardscope {

Result<std::string> benchOps(const std::string& backend, bool json) {
    if (backend == "cpu") return kernels::benchOps(json);
    const Result<BackendChoice> choice = chooseBackend("cuda", 1);
    if (!choice) return choice.error();
#ifdef SHARDSCOPE_WITH_CUDA
    cudaDeviceProp properties{};
    if (const cudaError_t status = cudaGetDeviceProperties(&properties, 0); status != cudaSuccess)
        return Error{std::string("GPU 0 does not answer: ") + cudaGetErrorString(status)};
    cuda::OpBench bench{.device_name = properties.name, .products = {}};
    if (Result<cuda::CublasLtApi> api = cuda::CublasLtApi::load()) bench.products = *std::move(api);
    return cuda::benchOps(bench, json);
#else
    return Error{"this program was built without CUDA"};
#endif
}

} // namespace shardscope
