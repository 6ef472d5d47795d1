// SPDX-License-Identifier: Apache-2.0
// What this machine offers to ranks: processor, memory, asynchronous I/O, GPUs, and the vendor libraries that GPU ranks
// would need. Looks only; starts no CUDA context and changes nothing.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace shardscope {

struct GpuDevice {
    std::string name;
    int64_t memory_bytes = 0;
    int64_t free_bytes = -1;                  // now; -1: not known
    int compute_major = 0, compute_minor = 0; // compute capability
    int multiprocessors = 0;
};

struct LibraryState {
    std::string name;
    std::string version;    // empty: not found, or it does not tell
    std::string path;       // empty: not found
    std::string problem;    // why it was not found, in the loader's words
    std::string without_it; // what that costs
};

struct Machine {
    std::string processor;
    int64_t cores = 0;
    std::string instructions; // those that the kernels use, best first: "AVX-512 with bf16"
    int64_t memory_bytes = 0;
    std::string huge_pages; // "always", "madvise" or "never"; empty: the system does not say
    std::string async_io;   // "io_uring", or why it is not used
    std::vector<GpuDevice> gpus;
    std::string gpu_driver;  // "580.82.07"; empty: not known
    std::string gpu_problem; // why there is none, a sentence; empty otherwise
    std::string gpu_capture; // whether kernels can be recorded, and by which version of CUPTI; a sentence
    std::vector<LibraryState> libraries;
};

Machine inspectMachine();
std::string processorName(); // "unknown" if the system does not say
int64_t memoryBytes();       // of the whole machine

} // namespace shardscope
