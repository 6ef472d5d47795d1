// SPDX-License-Identifier: Apache-2.0
// The tables of a comparison as they are shown: what was chosen differently, the ops, the numbers. Values are those of
// compare(), written for people.
#pragma once
#include "gui/compare/comparison_charts.h"
#include "gui/compare/view_table.h"

namespace shardscope::gui {

ViewTable configurationTable(const Comparison&); // key, unit, A, B ...
QString configurationNote(const Comparison&);    // "everything else equal (61 keys)"
ViewTable opsTable(const Comparison&); // op, phase, then time and change of each run; a row per Comparison::ops
QString opsNote(const Comparison&);
ViewTable numbersTable(const Comparison&); // metric, then value with spread and change of each run
QString numbersNote(const Comparison&);
size_t runOfColumn(const Comparison&, const ViewTable&, int column); // which run a column is about; runs.size(): none

} // namespace shardscope::gui
