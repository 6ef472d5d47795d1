// SPDX-License-Identifier: Apache-2.0
// The [memory] instants of the PyTorch profiler as changes of the memory ledger. What was allocated before recording
// began is added at the first change: the profiler's running total says how much, or, where there is none, the least
// amount that keeps the curve from falling below zero. The address is the buffer's name, so that a release ends the
// allocation it belongs to.
#pragma once
#include "traces/importers/chrome_arguments.h"
#include "traces/importers/import_table.h"

namespace shardscope::importers {

class ChromeMemory {
public:
    explicit ChromeMemory(ImportTable& table)
        : m_table(table) {}
    bool take(const ChromeArguments&, int64_t time_ns); // false: these are no arguments of a memory change
    void finish(RankIndex);                             // hands everything to the table

private:
    struct Change {
        int64_t time_ns, bytes;
        std::optional<int64_t> total; // after the change
        NameId buffer;
    };
    ImportTable& m_table;
    std::map<std::pair<MemoryTier, std::string>, std::vector<Change>> m_changes; // tier and device
};

} // namespace shardscope::importers
