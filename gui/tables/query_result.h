// SPDX-License-Identifier: Apache-2.0
// The answer of an SQL query as a table whose rows lead into the timeline. What leads there: `event_id`, or `id` beside
// times of an interval; a column whose name ends in `time_ns` or `start_ns`, beside `rank` and `tier` as a moment of
// memory.
#pragma once
#include "gui/tables/table_data.h"

namespace shardscope::gui {

TableData queryResult(const std::vector<std::string>& columns, std::vector<Row> rows);

} // namespace shardscope::gui
