// SPDX-License-Identifier: Apache-2.0
// How columns of a table share the width there is, without Qt. What is read first never has to be scrolled for: where
// not all of it has room, words are shortened first, the longest before shorter ones (their tooltips tell the rest),
// then columns that may give way go.
#pragma once
#include <vector>

namespace shardscope::gui {

struct ColumnWish {
    int natural = 0;   // what its head and first rows ask for
    int least = 0;     // below that it says nothing; numbers do not shrink
    int gives_way = 0; // 0: never; else 1 goes first, 2 next
};

// One width per column, 0 for those that gave way. They add up to `room` unless even the least widths of what stays are
// wider; the last shown column takes what is left over.
std::vector<int> columnWidths(const std::vector<ColumnWish>&, int room);

} // namespace shardscope::gui
