// SPDX-License-Identifier: Apache-2.0
// Traces as files that other tools open. All of them stream: one lane is in memory at a time. Errors are sentences; the
// output appears whole or not at all.
#pragma once
#include "traces/trace_reader.h"

namespace shardscope {

struct ExportOptions {
    std::optional<TimeRange> range; // intervals are cut to it; none: everything
    bool flows = true;              // arrows from what an op waited for
};

struct ExportEnd {
    std::vector<std::string> files;
    int64_t events = 0;
};

// Chrome's trace event format as ui.perfetto.dev and chrome://tracing read it: a process per rank, a thread per lane, a
// second one where intervals of a lane overlap without nesting, counters for memory, arrows for waits.
Result<ExportEnd> exportChrome(const std::string& trace, const std::string& output, const ExportOptions&);

// The same as PyTorch's profiler writes it, so that HTA and TensorBoard plug-ins read it: one file per rank. With
// several ranks "{rank}" in the name is replaced by the rank; without it ".rank3" goes before the ending.
Result<ExportEnd> exportKineto(const std::string& trace, const std::string& output, const ExportOptions&);

// Any table or view of FORMAT.md as CSV; a range keeps the rows that touch it.
Result<ExportEnd> exportCsv(const std::string& trace, const std::string& output, const std::string& table,
                            const ExportOptions&);

// A plain SQLite database with words instead of numbers: tables event, memory and the small ones.
Result<ExportEnd> exportSqlite(const std::string& trace, const std::string& output, const ExportOptions&);

} // namespace shardscope
