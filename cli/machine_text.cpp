// SPDX-License-Identifier: Apache-2.0
#include "cli/machine_text.h"
#include "cli/command.h"
#include "profiler/analysis/text_table.h"
#include <algorithm>
#include <fmt/format.h>

namespace shardscope::cli {
namespace {

constexpr int64_t little_free = 16; // of which a part

const LibraryState* library(const Machine& machine, const std::string& name) {
    const auto found = std::ranges::find(machine.libraries, name, &LibraryState::name);
    return found == machine.libraries.end() ? nullptr : &*found;
}

bool missing(const Machine& machine, const std::string& name) {
    const LibraryState* state = library(machine, name);
    return state && state->path.empty();
}

std::string sentence(std::string text) {
    if (text.empty()) return text;
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
    if (text.back() != '.') text += '.';
    return text;
}

bool builtWithoutCuda(const std::string& refusal) { return refusal.find("without CUDA") != std::string::npos; }

std::string gpuRemedy(const Machine& machine) {
    if (missing(machine, "NVIDIA driver"))
        return machine.gpu_problem + " Install it on the machine itself; a container is started with --gpus all.";
    return machine.gpu_problem + " nvidia-smi says whether the driver runs and which devices it has.";
}

// GPUs that something else fills.
std::vector<std::string> fullGpus(const Machine& machine) {
    std::vector<std::string> sentences;
    for (size_t i = 0; i < machine.gpus.size(); ++i) {
        const GpuDevice& gpu = machine.gpus[i];
        if (gpu.free_bytes < 0 || gpu.free_bytes > gpu.memory_bytes / little_free) continue;
        sentences.push_back(fmt::format("GPU {} ({}) has {} of {} free. End what else uses it (nvidia-smi lists it){}.",
                                        i, gpu.name, bytesText(gpu.free_bytes), bytesText(gpu.memory_bytes),
                                        machine.gpus.size() > 1 ? ", or leave it out with --devices" : ""));
    }
    return sentences;
}

std::string block(const std::string& title, const TextTable& table) { return title + "\n" + table.text("  ") + "\n"; }

std::string machineBlock(const Machine& machine) {
    TextTable table;
    table.alignLeft(1);
    table.add({"processor", fmt::format("{}, {} cores", machine.processor, machine.cores)});
    table.add({"kernels use", machine.instructions});
    table.add({"memory", bytesText(machine.memory_bytes) +
                             (machine.huge_pages.empty() ? "" : ", huge pages: " + machine.huge_pages)});
    table.add({"NVMe offload", machine.async_io});
    return block("This machine", table);
}

std::string gpuBlock(const Machine& machine) {
    if (machine.gpus.empty()) return "GPUs\n  none that can be used\n\n";
    TextTable table;
    for (const size_t text : {1u, 2u}) table.alignLeft(text);
    table.add({"gpu", "name", "compute", "multiprocessors", "memory", "free"});
    for (size_t i = 0; i < machine.gpus.size(); ++i) {
        const GpuDevice& gpu = machine.gpus[i];
        table.add({std::to_string(i), gpu.name, fmt::format("{}.{}", gpu.compute_major, gpu.compute_minor),
                   std::to_string(gpu.multiprocessors), bytesText(gpu.memory_bytes),
                   gpu.free_bytes < 0 ? "not known" : bytesText(gpu.free_bytes)});
    }
    return block("GPUs" + (machine.gpu_driver.empty() ? "" : ", driver " + machine.gpu_driver), table);
}

std::string libraryBlock(const Machine& machine) {
    TextTable table;
    for (const size_t text : {1u, 2u}) table.alignLeft(text);
    for (const LibraryState& state : machine.libraries)
        table.add({state.name,
                   state.path.empty()      ? "not found"
                   : state.version.empty() ? "found"
                                           : state.version,
                   state.path.empty() ? state.without_it : state.path});
    return block("Libraries of NVIDIA, opened where they are found", table);
}

} // namespace

std::vector<std::string> machineRemedies(const Machine& machine, const std::string& refusal) {
    std::vector<std::string> found;
    if (!machine.gpu_problem.empty()) found.push_back(gpuRemedy(machine));
    if (builtWithoutCuda(refusal))
        found.push_back("This program was built without CUDA: build it with cmake --preset cuda && cmake --build "
                        "--preset cuda, which needs nvcc 12 or 13.");
    else if (!refusal.empty() && machine.gpu_problem.empty())
        found.push_back(sentence(refusal));
    if (machine.gpus.empty()) return found; // what recording needs is the second question
    if (machine.gpus.size() > 1 && missing(machine, "NCCL"))
        found.push_back("NCCL was not found, and ranks with a GPU each need it: install version 2.14 or later, or name "
                        "libnccl.so.2 in SHARDSCOPE_NCCL. Until then ranks can share one GPU.");
    if (machine.gpu_capture.find("are recorded by CUPTI") == std::string::npos) found.push_back(machine.gpu_capture);
    if (missing(machine, "cuBLASLt"))
        found.push_back("cuBLASLt was not found: install the CUDA toolkit, or name libcublasLt.so.13 in "
                        "SHARDSCOPE_CUBLASLT. Until then matrix products use our own, slower kernels.");
    for (std::string& full : fullGpus(machine)) found.push_back(std::move(full));
    return found;
}

std::string machineText(const Machine& machine, const std::string& refusal) {
    std::string text = machineBlock(machine) + gpuBlock(machine) + libraryBlock(machine);
    text += refusal.empty() ? "Runs use GPUs, unless --backend cpu is given or a link is emulated.\n"
                            : "Runs use the processor, with ranks that are threads of one process.\n";
    if (!machine.gpus.empty() && refusal.empty() && machine.gpu_capture.find("by CUPTI") != std::string::npos)
        text += machine.gpu_capture + "\n";
    const std::vector<std::string> remedies = machineRemedies(machine, refusal);
    if (remedies.empty()) return text + "Nothing has to be mended.\n";
    text += refusal.empty() ? "\nWorth mending\n" : "\nTo use a GPU\n";
    for (size_t i = 0; i < remedies.size(); ++i) text += fmt::format("  {}. {}\n", i + 1, remedies[i]);
    return text;
}

} // namespace shardscope::cli
