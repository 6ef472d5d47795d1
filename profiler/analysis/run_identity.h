// SPDX-License-Identifier: Apache-2.0
// What a trace says about where it comes from: the file, the tool, the machine, the command. Read leniently: a key that
// is absent or malformed leaves its member empty, because an imported or hand-made trace must still compare.
#pragma once
#include "profiler/analysis/recording_facts.h"
#include <string>
#include <vector>

namespace shardscope {

struct RunIdentity {
    std::string path, file;  // as opened, and its name alone
    std::string tool;        // "Shardscope 0.1.0", "NVIDIA Nsight Systems 2026.2"
    std::string device;      // "AMD EPYC, 2 cores"
    std::string model;       // "gpt2-tiny"
    std::string precision;   // "bf16"
    std::string link;        // "pcie4"
    std::string command;     // as typed
    std::string status;      // running | finished | stopped | failed
    std::string source;      // of an imported trace: the files' names
    bool configured = false; // the trace has the configuration of the run
    bool link_emulated = false;
    int64_t world_size = 0; // of the run, of which a trace may hold fewer ranks
    int64_t steps = 0, events = 0;
    RecordingFacts recording;
    std::vector<WarningEvent> warnings;
};

RunIdentity identityOf(const TraceReader&);

} // namespace shardscope
