// SPDX-License-Identifier: Apache-2.0
// The row of every kind of event: one prepared INSERT for each table of schema.sql. Values go in as they are; false
// leaves the reason in the database.
#pragma once
#include "traces/sqlite_db.h"
#include "traces/trace_event.h"

namespace shardscope {

class TraceRows {
public:
    explicit TraceRows(Database& db)
        : m_db(db) {}
    bool prepare();
    void finalize();

    bool putName(NameId, std::string_view);
    bool putLane(LaneId, const LaneInfo&);
    bool put(const IntervalEvent&, int64_t id);
    bool put(const MemoryEvent&);
    bool put(const StepEvent&);
    bool put(const RunInfoEvent&);
    bool put(const ProgramOpEvent&);
    bool put(const BucketEvent&);
    bool put(const PlannedPeakEvent&);
    bool put(const WarningEvent&);
    bool put(const ProcessGroupEvent&);
    bool put(const CounterEvent&);

private:
    Database& m_db;
    Statement m_run, m_name, m_lane, m_op, m_wait, m_bucket, m_peak, m_event, m_memory, m_step, m_warning, m_group,
        m_counter;
    int64_t m_memory_changes = 0, m_peaks = 0, m_warnings = 0, m_counters = 0; // numbers of rows
};

} // namespace shardscope
