// SPDX-License-Identifier: Apache-2.0
// Read-only SQL over a *.shardscope file. One statement that only reads: no writes, no ATTACH, no loading of code, and
// both rows and time have limits, because neither the statement nor the file is trusted. Never modifies the file.
#pragma once
#include "traces/cell.h"
#include "traces/result.h"
#include <atomic>
#include <functional>

namespace shardscope {

struct QueryLimits {
    int64_t rows = 0;                        // 0: all
    int64_t milliseconds = 0;                // 0: as long as it takes
    const std::atomic<bool>* stop = nullptr; // set by another thread, it ends the query with an error
};

struct QueryEnd {
    int64_t rows = 0;
    bool more = false; // the row limit left some out
};

// Where SQLite found fault with a statement, in bytes from its start; -1: it does not say.
struct QueryFault {
    int64_t at = -1;
};

using ColumnsFunction = std::function<void(const std::vector<std::string>&)>; // once, before the first row
using RowFunction = std::function<bool(const Row&)>;                          // false ends the query

// The error is a sentence with SQLite's reason. A blob comes as a text such as "(1234 bytes)".
Result<QueryEnd> queryTrace(const std::string& path, const std::string& sql, const QueryLimits&, const ColumnsFunction&,
                            const RowFunction&, QueryFault* fault = nullptr);

// Tables and views that `export` and people may name, with their columns: one line "event(id, rank, ...)" each.
Result<std::vector<std::string>> describeTables(const std::string& path);

} // namespace shardscope
