// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/machine/machine.h"
#include "core_runtime/machine/cuda_driver.h"
#include "core_runtime/machine/cupti_library.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/vector_table.h"
#include "profiler/gpu_capture.h"
#include <cstring>
#include <fstream>
#include <liburing.h>
#include <thread>
#include <unistd.h>

namespace shardscope {
namespace {

std::string instructionsUsed() {
    using kernels::cpu::Isa;
    const Isa isa = kernels::cpu::vectorTable().isa;
    const std::string vectors = isa == Isa::avx512 ? "AVX-512" : isa == Isa::avx2 ? "AVX2" : "SSE2";
    return vectors + (kernels::cpu::hasNativeBf16() ? " with bf16 products" : ", bf16 by conversion");
}

// The word in brackets of "always [madvise] never".
std::string hugePages() {
    std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
    std::string line;
    std::getline(file, line);
    const size_t open = line.find('['), close = line.find(']');
    return open == std::string::npos || close == std::string::npos ? "" : line.substr(open + 1, close - open - 1);
}

std::string asyncIo() {
    io_uring ring{};
    const int status = io_uring_queue_init(8, &ring, 0);
    if (status != 0) return std::string("threads, because io_uring is refused: ") + std::strerror(-status);
    io_uring_queue_exit(&ring);
    return "io_uring";
}

} // namespace

std::string processorName() {
    std::ifstream cpuinfo("/proc/cpuinfo");
    for (std::string line; std::getline(cpuinfo, line);)
        if (line.rfind("model name", 0) == 0 && line.find(": ") != std::string::npos)
            return line.substr(line.find(": ") + 2);
    return "unknown";
}

int64_t memoryBytes() { return static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE); }

Machine inspectMachine() {
    Machine machine;
    machine.processor = processorName();
    machine.cores = std::thread::hardware_concurrency();
    machine.instructions = instructionsUsed();
    machine.memory_bytes = memoryBytes();
    machine.huge_pages = hugePages();
    machine.async_io = asyncIo();
    for (const VendorLibrary& library : vendorLibraries()) {
        const OpenLibrary opened = OpenLibrary::open(library);
        const bool driver = &library == &vendorLibraries().front();
        if (driver) {
            GpuList list = listGpus(opened);
            machine.gpus = std::move(list.devices);
            machine.gpu_problem = std::move(list.problem);
            machine.gpu_driver = std::move(list.driver);
        }
        machine.libraries.push_back({.name = library.name,
                                     .version = versionOf(library, opened),
                                     .path = opened.path(),
                                     .problem = opened.problem(),
                                     .without_it = library.without_it});
    }
    machine.gpu_capture =
        machine.gpus.empty() ? "There is no GPU to record from." : GpuCapture::probe(cuptiSymbols()).sentence;
    return machine;
}

} // namespace shardscope
