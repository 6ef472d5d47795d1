// SPDX-License-Identifier: Apache-2.0
// The tables of the Details panel, made from a trace without Qt: the program, what ran by name, every collective, the
// peaks of memory, and what is to be known about the numbers. Rows beyond a limit are left out and counted in a note.
#pragma once
#include "gui/tables/table_data.h"
#include "traces/trace_reader.h"
#include <atomic>

namespace shardscope::gui {

enum class DetailsKind { program, statistics, collectives, memory_peaks, warnings };
inline constexpr std::array all_details = {DetailsKind::program, DetailsKind::statistics, DetailsKind::collectives,
                                           DetailsKind::memory_peaks, DetailsKind::warnings};
const char* titleOf(DetailsKind); // "Ops"

struct DetailsLimits {
    size_t rows = 20'000;
    const std::atomic<bool>* stop = nullptr;
};

Result<TableData> detailsTable(const TraceReader&, DetailsKind, const DetailsLimits& = {});

// The event that a link means, or none.
EventId eventOf(const TraceReader&, const TableLink&);

} // namespace shardscope::gui
