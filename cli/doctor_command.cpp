// SPDX-License-Identifier: Apache-2.0
// doctor: what is wrong with a trace, in sentences; without a trace, what this machine offers to a run.
#include "cli/command.h"
#include "cli/machine_text.h"
#include "core_runtime/backend_choice.h"
#include "core_runtime/machine/machine.h"
#include "profiler/analysis/doctor.h"
#include "profiler/analysis/table.h"
#include "traces/trace_reader.h"
#include <CLI/CLI.hpp>

namespace shardscope::cli {
namespace {

struct DoctorCommand : ReportOptions {
    std::string file;
};

Report machineReport(const Machine& machine, const std::string& refusal) {
    Table facts{"machine", "This machine", {"fact", "value"}, {}};
    facts.rows = {{std::string("processor"), machine.processor},
                  {std::string("cores"), std::to_string(machine.cores)},
                  {std::string("kernels use"), machine.instructions},
                  {std::string("memory"), bytesText(machine.memory_bytes)},
                  {std::string("huge pages"), machine.huge_pages.empty() ? "unknown" : machine.huge_pages},
                  {std::string("storage lane"), machine.async_io},
                  {std::string("GPU recording"), machine.gpu_capture}};
    if (!machine.gpu_driver.empty()) facts.rows.push_back({std::string("NVIDIA driver"), machine.gpu_driver});
    Table gpus{
        "gpus", "GPUs", {"gpu", "name", "memory_bytes", "free_bytes", "compute_capability", "multiprocessors"}, {}};
    for (size_t i = 0; i < machine.gpus.size(); ++i) {
        const GpuDevice& gpu = machine.gpus[i];
        gpus.rows.push_back({static_cast<int64_t>(i), gpu.name, gpu.memory_bytes,
                             gpu.free_bytes < 0 ? Cell() : Cell(gpu.free_bytes),
                             std::to_string(gpu.compute_major) + "." + std::to_string(gpu.compute_minor),
                             static_cast<int64_t>(gpu.multiprocessors)});
    }
    Table libraries{
        "libraries", "Vendor libraries, opened where they are found", {"library", "version", "path", "without_it"}, {}};
    for (const LibraryState& library : machine.libraries) {
        const bool found = !library.path.empty();
        libraries.rows.push_back({library.name, found ? library.version : std::string("not found"), library.path,
                                  found ? std::string() : library.without_it});
    }
    Table backend{"backend", "What --backend auto takes", {"auto", "reason"}, {}};
    backend.rows = {{std::string(refusal.empty() ? "cuda" : "cpu"), refusal.empty() ? std::string("a GPU can be used")
                                                                    : machine.gpu_problem.empty()
                                                                        ? refusal
                                                                        : machine.gpu_problem}};
    Report report{{std::move(facts), std::move(gpus), std::move(libraries), std::move(backend)}, {}};
    report.notes = machineRemedies(machine, refusal);
    return report;
}

int describeMachine(const DoctorCommand& command) {
    const Machine machine = inspectMachine();
    const Result<BackendChoice> cuda = chooseBackend("cuda", 1);
    const std::string refusal = cuda ? std::string() : cuda.error().message;
    if (command.format != "text") return printReport(machineReport(machine, refusal), command);
    print(machineText(machine, refusal));
    return success;
}

int diagnoseTrace(const DoctorCommand& command) {
    const auto trace = TraceReader::open(command.file);
    if (!trace) return fail(trace.error());
    const std::vector<Finding> findings = diagnose(**trace);
    if (command.format != "text") return printReport(doctorReport(findings), command);
    print(doctorText(findings));
    return success;
}

} // namespace

void addDoctorCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<DoctorCommand>();
    CLI::App* sub = app.add_subcommand(
        "doctor", "In sentences: why a bucket did not overlap, why memory peaked. Without a trace: this machine");
    sub->add_option("file", command->file, "A trace; without it the report is on this machine, its GPUs and libraries")
        ->type_name("FILE");
    addReportOptions(*sub, *command);
    sub->footer("A library that lies elsewhere is named by SHARDSCOPE_CUDA_DRIVER, SHARDSCOPE_NVML, SHARDSCOPE_NCCL,\n"
                "SHARDSCOPE_CUPTI or SHARDSCOPE_CUBLASLT.\n"
                "Examples:\n"
                "  shardscope doctor zero3.shardscope\n"
                "  shardscope doctor");
    sub->callback([command, &invocation] {
        invocation.exit_code = command->file.empty() ? describeMachine(*command) : diagnoseTrace(*command);
    });
}

} // namespace shardscope::cli
