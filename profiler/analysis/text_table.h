// SPDX-License-Identifier: Apache-2.0
// Aligned columns for a terminal, and numbers in units that suit a whole table.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace shardscope {

// The first column and those named by alignLeft are text and start at the left, the others end at the right.
class TextTable {
public:
    void add(std::vector<std::string> row) { m_rows.push_back(std::move(row)); }
    void addRule() { m_rows.emplace_back(); }
    void alignLeft(size_t column) { m_left.insert(column); }
    std::string text(const std::string& indent) const; // every line ends with a newline

private:
    std::vector<std::vector<std::string>> m_rows; // empty: a rule
    std::set<size_t> m_left = {0};
};

// One unit for all times of a table, so that they can be compared by eye.
struct TimeUnit {
    const char* name; // "ms"
    double ns;
    static TimeUnit fitting(int64_t largest_ns);
    std::string text(int64_t ns) const; // without the unit
};

std::string mebibytes(int64_t bytes); // two decimals, exact zero as "0"
std::string grouped(double number);   // rounded: 1 234 567

} // namespace shardscope
