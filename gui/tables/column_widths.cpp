// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/column_widths.h"
#include <algorithm>
#include <cstddef>
#include <cstdint>

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
    const int natural = sum(&ColumnWish::natural), least = sum(&ColumnWish::least);
    const int64_t missing = std::clamp(natural - room, 0, natural - least), yielding = std::max(1, natural - least);
    std::vector<int> widths(columns.size(), 0);
    int used = 0;
    size_t last = columns.size();
    for (size_t i = 0; i < columns.size(); ++i) {
        if (gone[i]) continue;
        const ColumnWish& wish = columns[i];
        widths[i] = wish.natural - static_cast<int>((wish.natural - wish.least) * missing / yielding);
        used += widths[i];
        last = i;
    }
    if (last == columns.size()) return widths;
    widths[last] = std::max(columns[last].least, widths[last] + room - used); // also what rounding left
    return widths;
}

} // namespace shardscope::gui
