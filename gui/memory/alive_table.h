// SPDX-License-Identifier: Apache-2.0
// What was alive after one change of the ledger, as a table: the greatest first, each row linked to its life.
#pragma once
#include "gui/tables/table_data.h"
#include "profiler/analysis/buffer_lives.h"

namespace shardscope::gui {

constexpr size_t most_alive_rows = 5'000; // more are added up in one sentence

TableData aliveTable(const BufferLives&, const TraceReader&, uint32_t change);

} // namespace shardscope::gui
