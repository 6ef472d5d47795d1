// SPDX-License-Identifier: Apache-2.0
// What the kernels of a run reached: arithmetic and traffic per second, and their share of the roofline, where the
// trace tells what an op works (run key op_work) and what its device can do (device_peaks, or given by the caller).
#pragma once
#include "profiler/analysis/table.h"
#include "traces/trace_reader.h"
#include <optional>

namespace shardscope {

struct DevicePeaks {
    double flops_per_s = 0, bytes_per_s = 0; // of the run's precision; 0: not known
    std::string source;                      // "data sheet of NVIDIA H200"
};
std::optional<DevicePeaks> devicePeaks(const TraceReader&);

struct OpRate { // one op of the program, all its calls together
    OpId op = OpId::none;
    std::string kind;            // "matmul_forward"
    int64_t calls = 0;           // on all ranks and in all steps
    int64_t intervals = 0;       // kernels, where they were recorded
    int64_t total_ns = 0;        // their time
    double flops = 0, bytes = 0; // of all calls
    void add(const OpRate&);
    double flopsPerSecond() const { return total_ns > 0 ? flops * 1e9 / static_cast<double>(total_ns) : 0; }
    double bytesPerSecond() const { return total_ns > 0 ? bytes * 1e9 / static_cast<double>(total_ns) : 0; }
    // The least time that the device needs for this work, in percent of the time it took; none: peaks not known.
    std::optional<double> rooflinePercent(const DevicePeaks&) const;
    bool boundByMemory(const DevicePeaks&) const;
};

struct KernelOptions {
    int64_t limit = 20;               // rows of each table; 0: all
    int32_t rank = -1, step = -1;     // -1: all
    std::optional<DevicePeaks> peaks; // instead of the trace's
};

std::vector<OpRate> opRates(const TraceReader&, int32_t rank = -1, int32_t step = -1); // ops that ran, by op
// Tables "ops" by kind, and "kernels" by name where the trace has them.
Result<Report> kernelReport(const TraceReader&, const KernelOptions&);

} // namespace shardscope
