// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/device.h"
#include "kernels/cuda/ops.h"
#include "kernels/cuda/product_library.h"
#ifdef __CUDACC__
#include <stdexcept>
#include <string>
#endif

namespace shardscope::kernels::cuda {
namespace {

thread_local cudaStream_t stream_of_thread = nullptr;
thread_local ProductLibrary* products_of_thread = nullptr;

} // namespace

void useStream(Stream stream) { stream_of_thread = stream; }
cudaStream_t currentStream() { return stream_of_thread; }
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
