// SPDX-License-Identifier: Apache-2.0
// What every analysis answers with: named tables and sentences, printed as text for people, CSV for spreadsheets or
// JSON for programs. The end of a column's name is its unit and decides how text shows it: _ns, _bytes, _percent.
#pragma once
#include "traces/cell.h"
#include "traces/result.h"
#include <string>
#include <vector>

namespace shardscope {

struct Table {
    std::string name;  // "stragglers": the key in JSON, and what --table takes
    std::string title; // above the table in text
    std::vector<std::string> columns;
    std::vector<Row> rows;
    size_t text_rows = 0; // text shows so many rows and says how many are left out; 0: all
    int largest_by = -1;  // the column of integers by which those are the largest, in their order; -1: the first ones
};

struct Report {
    std::vector<Table> tables;
    std::vector<std::string> notes; // sentences
};

std::string tableText(const Table&);
std::string reportText(const Report&);
std::string reportJson(const Report&); // {"<table>": [{"<column>": value}], ..., "notes": [...]}
// The table of that name, or the first one; CSV holds one table.
Result<std::string> reportCsv(const Report&, const std::string& table = {});

std::string printable(const std::string&); // control characters, which could steer a terminal, as '?'

} // namespace shardscope
