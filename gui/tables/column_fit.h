// SPDX-License-Identifier: Apache-2.0
// Widths of the columns of a table: each as wide as its head and its first rows ask for, the last what is left.
#pragma once

class QTableView;

namespace shardscope::gui {

// `widest`: of any column. The last visible one keeps at least `least_last` pixels, or what it asks for if that is
// less; where even that does not fit, the table scrolls.
void fitColumns(QTableView&, int widest, int least_last);

} // namespace shardscope::gui
