// SPDX-License-Identifier: Apache-2.0
// How far the times of a run can be taken for a real one's: what recording cost, whether ranks shared one GPU, and
// whether a GPU's kernels were recorded. Read leniently: what a trace does not say stays empty.
#pragma once
#include "traces/trace_reader.h"
#include <optional>
#include <string>

namespace shardscope {

enum class GpuRecording : uint8_t {
    none,       // the run used no GPU, or an older one does not say
    kernels,    // all of them
    incomplete, // some were lost
    events      // times of ops only
};

struct RecordingFacts {
    std::string virtual_ranks; // "4 ranks share one GPU"; empty: each has its own, or they are on the processor
    std::string backend;       // "cpu", "cuda"
    std::string device;        // "NVIDIA H200", with "2 x " before it where there are several
    GpuRecording gpu = GpuRecording::none;
    std::string gpu_reason;   // short, where kernels are missing: "another profiler is attached"
    std::string gpu_sentence; // whole, with what to do
    std::optional<double> tax_percent, writer_percent;
    std::string tax_method;
};

RecordingFacts recordingFacts(const TraceReader&);
std::string taxText(const RecordingFacts&); // "0.02 % of a step"; empty: not stored

} // namespace shardscope
