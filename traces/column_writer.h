// SPDX-License-Identifier: Apache-2.0
// What is added to a trace when it ends: every lane as compressed columns with its coarser levels, so that a picture of
// any zoom reads a bounded part of the file. Everything happens inside the caller's transaction; false leaves the
// reason in the database.
#pragma once
#include "traces/lane_index.h"
#include <cstdint>
#include <memory>
#include <span>

namespace shardscope {

class Database;

// Columns of events that come lane after lane, each in order of start. Memory: a few chunks, and the coarser levels.
class SortedColumns {
public:
    explicit SortedColumns(Database&);
    ~SortedColumns();
    bool prepare();
    bool add(int64_t lane, std::span<const IntervalEvent>, std::span<const int64_t> ids); // times within limits
    bool finish();

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

inline constexpr const char* event_index_sql = "CREATE INDEX event_by_lane ON event_row(lane, start_ns)";

// Index and columns of the rows that were recorded.
bool writeColumns(Database&, int64_t lanes);

} // namespace shardscope
