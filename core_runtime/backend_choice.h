// SPDX-License-Identifier: Apache-2.0
// Which backend a run uses. The default, without a function, is CPU ranks.
#pragma once
#include "traces/result.h"
#include <functional>
#include <memory>
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
};

} // namespace shardscope
