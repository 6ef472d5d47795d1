// SPDX-License-Identifier: Apache-2.0
// Which backend a run uses. The default, without a function, is CPU ranks.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardscope {

class Backend;
struct MemoryPlan;
struct StepProgram;

struct BackendChoice {
    std::string name = "cpu"; // as in the trace and on the command line
    // Makes the backend of a run; the program and the plan outlive it. Errors: a sentence, like too little memory.
    std::function<Result<std::unique_ptr<Backend>>(const StepProgram&, const MemoryPlan&)> create;
    std::vector<std::pair<std::string, std::string>> facts; // for the trace, by key
    // CUPTI's functions by name, for a backend whose kernels it can record; an empty function: it was not found.
    std::optional<std::function<void*(const char* name)>> cupti;
};

// "cpu"; "cuda", an error where this machine or this build cannot; "auto": CUDA where it can be used, else CPU ranks.
// With as many GPUs as ranks each rank has one and NCCL moves the data; with fewer, all ranks share the first.
// `devices` chooses and orders the GPUs, "0,2"; empty: all.
Result<BackendChoice> chooseBackend(const std::string& name, int64_t ranks, const std::string& devices = "");

} // namespace shardscope
