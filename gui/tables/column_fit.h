// SPDX-License-Identifier: Apache-2.0
// Widths of the columns of a table, kept while the table is resized and type grows: each as wide as its head and its
// first rows ask for, or what column_widths.h makes of the room there is. A column that somebody has dragged stays as
// it was dragged.
#pragma once
#include <Qt>
#include <set>

class QTableView;

namespace shardscope::gui {

// What a model answers in headerData() for a column that may go where there is no room: 1 goes first, then 2 …
constexpr int gives_way_role = Qt::UserRole + 40;

// `widest`: of any column but the last. `unwanted` columns are hidden whatever the room.
void fitColumns(QTableView&, int widest, const std::set<int>& unwanted = {});
int columnsWithoutRoom(const QTableView&);

} // namespace shardscope::gui
