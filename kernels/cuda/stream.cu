// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/columns.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/ops.h"
#include "kernels/cuda/product_library.h"
#include "kernels/cuda/scratch.h"
#include <algorithm>
#include <cassert>
#include <map>
#include <mutex>
#include <utility>
#ifdef __CUDACC__
#include <stdexcept>
#include <string>
#endif

namespace shardscope::kernels::cuda {
namespace {

thread_local cudaStream_t stream_of_thread = nullptr;
thread_local DeviceLimits limits_of_thread = {}; // no multiprocessors: not known
thread_local std::byte* scratch_of_thread = nullptr;
thread_local int64_t scratch_bytes_of_thread = 0;
thread_local ProductLibrary* products_of_thread = nullptr;

} // namespace

void useStream(Stream stream) {
    stream_of_thread = stream;
    limits_of_thread = {};
}
cudaStream_t currentStream() { return stream_of_thread; }

const DeviceLimits& deviceLimits() {
    DeviceLimits& known = limits_of_thread;
    if (known.multiprocessors > 0) return known;
    int device = 0;
    const bool told =
        cudaGetDevice(&device) == cudaSuccess &&
        cudaDeviceGetAttribute(&known.shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) == cudaSuccess &&
        cudaDeviceGetAttribute(&known.multiprocessors, cudaDevAttrMultiProcessorCount, device) == cudaSuccess;
    if (!told) known = {1, static_cast<int>(shared_without_asking)}; // the launch will tell what is wrong
    return known;
}

void allowShared(const void* kernel, int64_t bytes) {
    static std::mutex mutex;
    static std::map<std::pair<const void*, int>, int64_t> allowed; // by kernel and device; only raised
    int device = 0;
    cudaGetDevice(&device);
    const std::lock_guard lock(mutex);
    int64_t& most = allowed[{kernel, device}];
    if (bytes > most && cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                             static_cast<int>(bytes)) == cudaSuccess)
        most = bytes;
}

void useScratch(std::byte* start, int64_t bytes) {
    scratch_of_thread = start;
    scratch_bytes_of_thread = bytes;
}
std::byte* currentScratch([[maybe_unused]] int64_t bytes) {
    assert(bytes <= scratch_bytes_of_thread);
    return scratch_of_thread;
}
int64_t scratchBytes(int64_t rows, int64_t columns) {
    constexpr int64_t of_token = 8; // its place in the order of ids
    return std::max(columnScratchBytes(rows, columns), rows * of_token);
}

void useProducts(ProductLibrary* library) { products_of_thread = library; }
ProductLibrary* currentProducts() { return products_of_thread; }

#ifdef __CUDACC__
void checkLaunch(const char* kernel) {
    if (const cudaError_t error = cudaGetLastError(); error != cudaSuccess)
        throw std::runtime_error(std::string("the kernel ") + kernel +
                                 " was not started: " + cudaGetErrorString(error));
}
#endif

} // namespace shardscope::kernels::cuda
