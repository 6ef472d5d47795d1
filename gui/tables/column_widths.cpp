// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/column_widths.h"
#include <algorithm>
#include <cstddef>

namespace shardscope::gui {

std::vector<int> columnWidths(const std::vector<ColumnWish>& columns, int room) {
    std::vector<bool> gone(columns.size(), false);
    const auto sum = [&](int ColumnWish::*width) {
        int all = 0;
        for (size_t i = 0; i < columns.size(); ++i) all += gone[i] ? 0 : columns[i].*width;
        return all;
    };
    while (sum(&ColumnWish::least) > room) {
        size_t next = columns.size();
        for (size_t i = 0; i < columns.size(); ++i)
            if (!gone[i] && columns[i].gives_way > 0 &&
                (next == columns.size() || columns[i].gives_way < columns[next].gives_way))
                next = i;
        if (next == columns.size()) break; // the rest is scrolled
        gone[next] = true;
    }
    // No column is wider than this unless its least is; the greatest such width that leaves none of the others out.
    const auto under = [](const ColumnWish& wish, int cap) { return std::clamp(cap, wish.least, wish.natural); };
    int cap = 0, too_wide = 1;
    for (const ColumnWish& wish : columns) too_wide = std::max(too_wide, wish.natural + 1);
    while (too_wide - cap > 1) {
        const int middle = (cap + too_wide) / 2;
        int all = 0;
        for (size_t i = 0; i < columns.size(); ++i) all += gone[i] ? 0 : under(columns[i], middle);
        (all <= room ? cap : too_wide) = middle;
    }
    std::vector<int> widths(columns.size(), 0);
    int used = 0;
    size_t last = columns.size();
    for (size_t i = 0; i < columns.size(); ++i) {
        if (gone[i]) continue;
        widths[i] = under(columns[i], cap);
        used += widths[i];
        last = i;
    }
    if (last == columns.size()) return widths;
    widths[last] = std::max(columns[last].least, widths[last] + room - used); // also what rounding left
    return widths;
}

} // namespace shardscope::gui
