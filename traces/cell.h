// SPDX-License-Identifier: Apache-2.0
// One value of a result table: nothing, an exact integer, a real number or a text. What SQL answers with and what the
// analyses print are both made of these.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace shardscope {

using Cell = std::variant<std::monostate, int64_t, double, std::string>;
using Row = std::vector<Cell>;

} // namespace shardscope
