// SPDX-License-Identifier: Apache-2.0
// What the Run place asks for: the values of the form, their checks, and the command line that starts the run. The
// DeepSpeed JSON is the truth for every key it can hold (config_text.h); the form is a view of it.
#pragma once
#include "core_runtime/config.h"
#include "gui/config_text.h"
#include "traces/vocabulary.h"
#include <map>
#include <string>
#include <vector>

namespace shardscope::gui {

struct RunRequest {
    std::string model = "gpt2-tiny";
    std::string link = "pcie4";
    std::string host_link = "none", storage_link = "none"; // only offload uses them
    std::string ranks = "4", steps = "20";                 // texts, because the form must be able to hold what is wrong
    std::string sequence;                                  // empty: the model's context
    std::string seed;                                      // empty: the runtime's own
    std::string data;                                      // a path; empty: the built-in text
    std::string trace;                                     // a path; empty: defaultTracePath
    std::string config;                                    // the DeepSpeed JSON
    bool operator==(const RunRequest&) const = default;
};

// What is wrong, by field; the key "config" is the JSON as a whole. Empty: the run can start.
std::map<std::string, std::string> problems(const RunRequest&);
// Remarks that do not prevent the run, by config key: "one bucket holds the whole model: nothing can overlap".
std::map<std::string, std::string> remarks(const RunRequest&);

struct PlannedStage { // peak of one rank, by category, when the total peaks
    int stage = 0;
    std::array<int64_t, all_memory_categories.size()> bytes{};
    int64_t total = 0;
    int64_t host = 0, nvme = 0; // peaks of the other tiers
};
// The plan of the same request at the stages that can have it; empty when it is not valid at its own.
std::vector<PlannedStage> plannedMemory(const RunRequest&);

std::string defaultTracePath(const RunRequest&); // in the user's documents, a number that is not taken yet
std::vector<std::string> commandArguments(const RunRequest&, const std::string& config_path,
                                          const std::string& trace_path);

} // namespace shardscope::gui
