// SPDX-License-Identifier: Apache-2.0
// A trace without event rows, seen from SQL: `event_row` and the views on it, served from the columns of its lanes, one
// lane in memory at a time. Only traces/ includes this.
#pragma once
#include "traces/sqlite_db.h"

namespace shardscope {

class TraceReader;

// Puts temporary tables of those names before the empty ones of the file. The reader must outlive the connection.
bool serveColumns(Database&, const TraceReader&);

} // namespace shardscope
