// SPDX-License-Identifier: Apache-2.0
// What a trace says about its run, read leniently from the run keys: a key that is absent or malformed leaves its fact
// empty, because an imported or hand-made trace must still open.
#pragma once
#include "traces/trace_reader.h"
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

struct RecordingNotice {
    std::string words;    // for a line
    std::string sentence; // what it means and what to do
};

struct RunFacts {
    std::string model;     // "gpt2-tiny"
    std::string precision; // "bf16" | "fp32"
    std::string link;      // "pcie4"
    std::string source;    // of an imported trace: the files' names
    std::string format;    // and what wrote them: "Nsight Systems"
    std::string status;    // running | finished | stopped | failed
    bool link_emulated = false;
    bool virtual_ranks = false;           // they share one GPU and take turns
    std::vector<RecordingNotice> notices; // see recording_notice.h
    int32_t ranks = 0;
    int stage = -1;
    std::string title() const;    // "ZeRO-2"
    std::string subtitle() const; // "gpt2-tiny · 4 ranks · bf16"
};

RunFacts runFacts(const TraceReader&);
std::string stageSentence(int stage); // what the stage adds, for the head line of a trace

// One key of the run's configuration: its value as JSON text and whether the user gave it.
struct ConfigFact {
    std::string key;
    std::string value;
    std::string unit;
    std::string default_value; // empty if the key has none
    bool given = false;
};
std::optional<ConfigFact> configFact(const TraceReader&, const std::string& key);

} // namespace shardscope::gui
