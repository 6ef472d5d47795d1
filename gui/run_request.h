// SPDX-License-Identifier: Apache-2.0
// What the Run place asks for: the values of the form, their checks, and the command line that starts the run. The
// DeepSpeed JSON is the truth for every key it can hold (config_text.h); the form is a view of it.
#pragma once
#include "core_runtime/config.h"
#include "gui/config_text.h"
#include "gui/known_devices.h"
#include "traces/vocabulary.h"
#include <array>
#include <map>
#include <string>
#include <vector>

namespace shardscope {
class TraceReader;
}

namespace shardscope::gui {

struct RunRequest {
    std::string model = "gpt2-tiny";
    std::string backend = "auto"; // cpu, cuda, or auto: GPUs where there are some and no link is emulated
    std::string devices;          // "0,2": GPUs in the order of the ranks; empty: all, in the driver's order
    std::string link = "pcie4";
    std::string host_link = "none", storage_link = "none"; // only offload uses them
    std::string ranks = "4", steps = "20";                 // texts, because the form must be able to hold what is wrong
    std::string sequence;                                  // empty: the model's context
    std::string seed;                                      // empty: the runtime's own
    std::string data;                                      // a path; empty: the built-in text
    std::string initial_weights;                           // a path; empty: made from the seed
    std::string device_memory;                             // "80 GB" per rank; empty: this machine's, by all ranks
    std::string trace;                                     // a path; empty: defaultTracePath
    std::string measure_tax;                               // steps without recording; empty: 5 on GPUs, else none
    std::string checkpoint_folder, checkpoint_every, checkpoint_keep, resume, weights; // empty: none
    std::string config;                                                                // the DeepSpeed JSON
    bool operator==(const RunRequest&) const = default;
};

// What is wrong, by field; the key "config" is the JSON as a whole. Empty: the run can start. Reads files and plans
// the step, which may take a second: for workers.
// `devices`: what ranks of a GPU backend will find; none: not known yet.
std::map<std::string, std::string> problems(const RunRequest&, const std::optional<KnownDevices>& devices = {});
// The part of it that is known at once: texts that are no numbers, a JSON that the engine does not take.
std::map<std::string, std::string> problemsAtSight(const RunRequest&, const std::optional<KnownDevices>& devices = {});
// Remarks that do not prevent the run, by field: "104x the whole model: one bucket, nothing overlaps".
std::map<std::string, std::string> remarks(const RunRequest&);

struct PlannedStage { // peak of one rank, by category, when the total peaks
    int stage = 0;
    std::array<int64_t, all_memory_categories.size()> bytes{};
    int64_t total = 0;
    int64_t host = 0, nvme = 0; // peaks of the other tiers
    int64_t memory_bytes() const { return total + host; }
};
// The plan of the same request at a stage; none where it cannot have one (offload needs a stage that shards).
std::optional<PlannedStage> plannedStage(const RunRequest&, int stage);
// At all stages that can have it; empty when it is not valid at its own.
std::vector<PlannedStage> plannedMemory(const RunRequest&);

int64_t integerOr(const std::string& text, int64_t otherwise);
int64_t bytesOf(const std::string& text); // "80 GB", "512 MiB"; 0: not a size
int64_t machineMemoryBytes();
int stageOf(const RunRequest&); // 0 where the JSON gives none or something else

// What the request is called in lists: "ZeRO-2 · gpt2-tiny".
std::string requestTitle(const RunRequest&);
// The request whose run a trace is; fields that the trace does not tell keep their defaults.
RunRequest requestOf(const TraceReader&);

struct RequestDifference {
    std::string field;         // name of a field, or a key of the JSON
    std::string before, after; // empty: not given
};
// In the order of the form, keys without a field last. Where the trace goes is no difference.
std::vector<RequestDifference> differences(const RunRequest& before, const RunRequest& after);

std::string defaultTracePath(const RunRequest&);          // in the user's documents, a number that is not taken yet
std::string numberedPath(const std::string&, int number); // "zero2-3.shardscope"
std::vector<std::string> commandArguments(const RunRequest&, const std::string& config_path,
                                          const std::string& trace_path);

} // namespace shardscope::gui
