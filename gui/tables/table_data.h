// SPDX-License-Identifier: Apache-2.0
// What a table knows without Qt: columns with a meaning, rows of exact values, where each row leads to, and how values
// are compared, filtered and written. One unit serves a whole column and stands in its head; files get exact numbers.
#pragma once
#include "gui/units.h"
#include "profiler/analysis/table.h"
#include "traces/vocabulary.h"
#include <optional>

namespace shardscope::gui {

// rate: a real number whose digits are not worth more than four, such as GB/s.
enum class ColumnKind { text, count, time, bytes, percent, rate, real };

struct TableColumn {
    std::string name; // as people read it: "total"
    ColumnKind kind = ColumnKind::text;
    std::string help;  // one line for the tooltip of the head; may be empty
    int gives_way = 0; // in a narrow table: 1 goes first, then 2 …; 0 stays
};

// Where a row leads: to an event, to what begins on a lane at a time, to a moment, to a moment of the memory of a rank,
// or to something the owner of the table numbers itself.
struct TableLink {
    EventId event = EventId::none;
    LaneId lane = LaneId::none;
    std::optional<int64_t> time_ns;                       // trace time
    std::optional<std::pair<int32_t, MemoryTier>> memory; // rank and tier
    int64_t item = -1;
    bool leadsSomewhere() const { return event != EventId::none || time_ns || item >= 0; }
};

struct TableData {
    std::string name; // of the file it is saved to: "collectives"
    std::vector<TableColumn> columns;
    std::vector<Row> rows;
    std::vector<TableLink> links;   // by row; empty: rows lead nowhere
    std::vector<std::string> notes; // sentences: what is left out, what the trace does not tell
    size_t sorted_by = 0;
    bool descending = false;
};

// Made once for a table: the unit of every column and its head.
class TableText {
public:
    explicit TableText(const TableData&);
    std::string head(size_t column) const;                // "total, ms"
    std::string cell(size_t row, size_t column) const;    // in the column's unit
    std::string tooltip(size_t row, size_t column) const; // exact where the cell is rounded; else empty
    bool alignsRight(size_t column) const;

private:
    const TableData& m_table;
    std::vector<Unit> m_units;
    std::vector<int> m_decimals; // of rates, as their largest needs for four digits
};

bool cellLess(const Cell&, const Cell&);                      // nothing < numbers < texts
bool rowMatches(const Row&, const std::string& lower_needle); // any cell contains it, letters of either case
std::string lowered(std::string);

std::string tableTsv(const TableData&, const std::vector<size_t>& rows); // with heads, in units: for pasting
std::string tableCsv(const TableData&, const std::vector<size_t>& rows); // with column names and exact values
// A table of an analysis: the end of a column's name says what it is (_ns, _bytes, _percent).
TableData tableOf(const Table&);

} // namespace shardscope::gui
