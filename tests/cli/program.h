// SPDX-License-Identifier: Apache-2.0
// Calls the built program with a model small enough that a step takes a millisecond.
#pragma once
#include "support/process.h"

namespace shardscope::test {

inline ProcessResult shardscopeProgram(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SHARDSCOPE_PROGRAM);
    return runProcess(arguments);
}

inline std::string smallModel(const TestFolder& folder) {
    return folder.write(
        "small.json",
        R"({"name": "small", "layers": 2, "channels": 32, "heads": 2, "vocabulary": 256, "context": 16})");
}

// `run` of that model on two ranks, with further arguments.
inline std::vector<std::string> smallRun(const TestFolder& folder, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"run", "--model", smallModel(folder), "--ranks", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

} // namespace shardscope::test
