// SPDX-License-Identifier: Apache-2.0
// How the columns of a table share a width: words are shortened before columns go, and nothing is lost of the room.
#include "gui/tables/column_widths.h"
#include "support/catch.h"
#include <numeric>

namespace shardscope::gui {

TEST_CASE("columns share the width of their table") {
    const std::vector<ColumnWish> columns = {{200, 70, 0}, {60, 60, 0}, {120, 70, 1}, {300, 90, 2}};
    const auto sum = [](const std::vector<int>& widths) { return std::accumulate(widths.begin(), widths.end(), 0); };
    SECTION("with room to spare the last one takes it") {
        CHECK(columnWidths(columns, 1000) == std::vector<int>{200, 60, 120, 620});
    }
    SECTION("with less, the longest words are shortened and short ones and numbers are not") {
        const std::vector<int> widths = columnWidths(columns, 500);
        CHECK(sum(widths) == 500);
        CHECK(widths[1] == 60);
        for (size_t i = 0; i < columns.size(); ++i) CHECK(widths[i] >= columns[i].least);
        CHECK(widths == std::vector<int>{160, 60, 120, 160});
    }
    SECTION("with still less, columns that may go do, in their order") {
        CHECK(columnWidths(columns, 290)[2] == 70); // all at their least
        CHECK(columnWidths(columns, 289)[2] == 0);
        CHECK(sum(columnWidths(columns, 289)) == 289);
        const std::vector<int> fewest = columnWidths(columns, 140);
        CHECK(fewest == std::vector<int>{80, 60, 0, 0});
    }
    SECTION("what stays is never narrower than its least; the rest is scrolled") {
        CHECK(columnWidths(columns, 50) == std::vector<int>{70, 60, 0, 0});
    }
    CHECK(columnWidths({}, 100).empty());
}

} // namespace shardscope::gui
