// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/rank_order.h"
#include "gui/canvas/timeline_drawing.h"
#include <algorithm>
#include <set>

namespace shardscope::gui {

namespace {

constexpr float head_width = 78, click_slop_px = 4;

struct RankRows { // the rows of one rank, on the screen
    RankRef rank;
    float y0 = 0, y1 = 0;
};

std::vector<RankRows> rankRows(const TimelineDrawing& d, const TimelineLayout& layout, float scroll_y) {
    std::vector<RankRows> groups;
    for (const TimelineRow& row : layout.rows) {
        const float y = d.content.y0 + row.y - scroll_y;
        if (row.names_rank)
            groups.push_back({{row.trace, row.rank}, y, y + row.height});
        else if (!groups.empty() && row.rank >= 0 && groups.back().rank == RankRef{row.trace, row.rank})
            groups.back().y1 = y + row.height;
    }
    return groups;
}

// The rank whose head is there.
std::optional<RankRef> rankHeadAt(const TimelineDrawing& d, const TimelineLayout& layout, float scroll_y, ImVec2 at) {
    if (at.x < 0 || at.x > head_width || at.y < d.content.y0 || at.y >= d.content.y1) return {};
    for (const TimelineRow& row : layout.rows) {
        const float y = d.content.y0 + row.y - scroll_y;
        if (row.names_rank && at.y >= y && at.y < y + std::min(row.height, metrics::lane_pitch))
            return RankRef{row.trace, row.rank};
    }
    return {};
}

} // namespace

std::vector<int32_t> inOrder(const std::vector<int32_t>& ranks, const std::vector<int32_t>& order) {
    if (order.empty()) return ranks;
    std::vector<int32_t> ordered;
    const std::set<int32_t> known(ranks.begin(), ranks.end());
    std::set<int32_t> placed;
    for (const int32_t rank : order)
        if (known.contains(rank) && placed.insert(rank).second) ordered.push_back(rank);
    for (const int32_t rank : ranks)
        if (!placed.contains(rank)) ordered.push_back(rank);
    return ordered;
}

std::vector<int32_t> orderAfterMove(int32_t rank_count, const std::vector<int32_t>& order, int32_t rank, int32_t to) {
    std::vector<int32_t> own;
    for (int32_t r = 0; r < rank_count; ++r) own.push_back(r);
    std::vector<int32_t> all = inOrder(own, order);
    const auto from = std::find(all.begin(), all.end(), rank), goal = std::find(all.begin(), all.end(), to);
    if (from != all.end() && goal != all.end()) {
        if (from < goal)
            std::rotate(from, from + 1, goal + 1);
        else
            std::rotate(goal, from, from + 1);
    }
    return all == own ? std::vector<int32_t>() : all;
}

std::optional<RankMove> dragRank(TimelineDrawing& d, const TimelineLayout& layout, TimelineState& state) {
    const ImGuiIO& io = ImGui::GetIO();
    if (io.MouseClicked[0] && state.pressed == TimelineZone::gutter) {
        state.dragged_rank = rankHeadAt(d, layout, state.scroll_y, io.MouseClickedPos[0]);
        if (state.dragged_rank) state.pressed = TimelineZone::rank_head; // the lanes do not scroll with it
    }
    if (state.pressed != TimelineZone::rank_head || !state.dragged_rank) return {};
    if (io.MouseDragMaxDistanceSqr[0] <= click_slop_px * click_slop_px) return {}; // a click folds it
    const std::vector<RankRows> groups = rankRows(d, layout, state.scroll_y);
    const RankRows *dragged = nullptr, *goal = nullptr;
    for (const RankRows& group : groups) {
        if (group.rank == *state.dragged_rank) dragged = &group;
        if (group.rank.trace == state.dragged_rank->trace && io.MousePos.y >= group.y0 && io.MousePos.y < group.y1)
            goal = &group;
    }
    if (!dragged || !goal || goal == dragged) return {};
    const float y = goal->y0 > dragged->y0 ? goal->y1 - 1 : goal->y0 - 1;
    d.painter.rect({0, y - 1, d.content.x1, y + 1}, d.painter.theme().accent);
    if (!io.MouseReleased[0]) return {};
    return RankMove{dragged->rank, goal->rank.rank};
}

} // namespace shardscope::gui
