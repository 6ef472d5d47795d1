// SPDX-License-Identifier: Apache-2.0
// The order in which the ranks of a trace stand below each other.
#pragma once
#include <cstdint>
#include <vector>

namespace shardscope::gui {

// `ranks` as `order` wants them; those it does not name follow in their own order. Names of no rank are passed over.
std::vector<int32_t> inOrder(const std::vector<int32_t>& ranks, const std::vector<int32_t>& order);
// All ranks of a trace, after `rank` was put where `to` stands; empty where that is their own order.
std::vector<int32_t> orderAfterMove(int32_t rank_count, const std::vector<int32_t>& order, int32_t rank, int32_t to);

} // namespace shardscope::gui
