// SPDX-License-Identifier: Apache-2.0
// The SQL side of reading a trace: opens the file without trusting it and hands out rows and chunks as values. A file
// can claim anything, so ids must rise, texts may not add up to more than the file, and numbers are forced into limits.
#pragma once
#include "traces/lane_index.h"
#include "traces/memory_ledger.h"
#include "traces/result.h"
#include "traces/sqlite_db.h"
#include <array>
#include <map>
#include <string>

namespace shardscope {

// Everything small, and how far the growing tables have been read.
struct LoadedTrace {
    std::map<std::string, std::string> run;
    std::vector<std::string> names;
    std::vector<LaneInfo> lanes;
    std::vector<ProgramOpEvent> program;
    std::vector<BucketEvent> buckets;
    std::vector<StepEvent> steps;
    std::vector<PlannedPeakEvent> planned_peaks;
    std::vector<WarningEvent> warnings;
    std::vector<ProcessGroupEvent> process_groups;
    int64_t last_op = -1, last_bucket = -1, last_step = -1, last_peak = 0, last_warning = 0, last_event = -1,
            last_memory = -1, last_group = -1;

    std::vector<LaneIndex> lane_indexes; // as many as lanes
    std::map<std::pair<int32_t, MemoryTier>, MemoryLedger> memory;
};

class TraceLoader {
public:
    explicit TraceLoader(std::string path)
        : m_path(std::move(path)) {}

    enum class Access { ready, busy };
    Result<Access> connect(int busy_timeout_ms); // no-op while connected
    void disconnect();
    bool connected() const { return m_db.isOpen(); }
    Database& database() { return m_db; } // while connected

    // All of these add what is new since the last call; they return whether there was anything.
    Result<bool> loadTables(LoadedTrace&);
    Result<bool> loadEvents(LoadedTrace&);
    Result<bool> loadMemory(LoadedTrace&);
    // The extents of all chunks; false if the file has no usable columns.
    bool loadChunkDirectory(LoadedTrace&, bool rows);
    bool loadChunk(LoadedTrace&, LaneId, size_t level, size_t slot, bool details);
    bool loadEvent(EventId, LaneEntry&, LaneId&);
    Result<std::vector<CounterCurve>> loadCounters(const LoadedTrace&);
    bool hasRows(); // false: the events stand in columns only

private:
    template <class Row> bool scan(const char* sql, int64_t& last_id, Row);
    Result<void> checkSchema();
    Error damaged(const std::string& what) const;
    std::string text(const Statement&, int column);

    std::string m_path;
    int64_t m_version = 0;
    Database m_db;
    std::array<Statement, 2> m_read_chunk; // without details and with them; good as long as the connection
    int64_t m_text_budget = 0;
};

// Adds to the warning of this kind, or starts it.
void addWarning(std::vector<WarningEvent>&, const std::string& kind, const std::string& text, int64_t count);

} // namespace shardscope
