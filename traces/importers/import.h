// SPDX-License-Identifier: Apache-2.0
// Turns files of other profilers into a *.shardscope trace: Nsight Systems SQLite exports, PyTorch profiler (Kineto)
// and other Chrome trace JSON, plain or gzip. The content of a file decides what it is, not its name. Sources are only
// read; the destination appears complete or not at all. Everything that was repaired, guessed or left out is counted by
// kind in the trace's warnings. docs/import.md says what becomes what.
#pragma once
#include "traces/result.h"
#include "traces/trace_event.h"
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace shardscope {

struct ImportOptions {
    bool with_environment = false;          // also copy environment dumps, host and user names of the source
    std::optional<bool> rows;               // event rows for SQL beside the columns; unset: up to a million events
    std::vector<std::string> comm_patterns; // globs of kernel names that count as communication beyond HTA's rules
    std::string command;                    // stored in the trace, if not empty
};

struct ImportProgress {
    enum class Stage { reading, writing } stage = Stage::reading;
    int64_t done = 0, total = 0; // reading: bytes of all sources as they lie on disk; writing: events
};
using ImportCallback = std::function<bool(const ImportProgress&)>; // false stops the import

struct ImportSummary {
    std::string format; // "Nsight Systems", "PyTorch profiler", "Chrome trace", or several of them
    int64_t bytes = 0;  // of the sources
    int64_t events = 0;
    int32_t ranks = 0;
    int32_t lanes = 0;
    bool rows = false;
    std::vector<WarningEvent> warnings; // also in the trace
};

// Several sources are the ranks of one run. Fails with a sentence: not readable, not a known format, nothing in it, the
// destination cannot be written, stopped by the callback.
Result<ImportSummary> importTrace(std::span<const std::string> sources, const std::string& destination,
                                  const ImportOptions& = {}, const ImportCallback& = {});

} // namespace shardscope
