// SPDX-License-Identifier: Apache-2.0
// Ranks from top to bottom, memory categories from left to right, bytes as numbers in cells that are the more coloured
// the more they hold; a last column and a last row add up. Data and state in, intents out.
#pragma once
#include "gui/canvas/theme.h"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

struct HeatMapRow {
    int32_t rank = 0;
    std::array<int64_t, all_memory_categories.size()> bytes{};
    int64_t total_bytes = 0;
    std::optional<int64_t> planned_bytes; // of the total; only where peaks are shown
};

struct HeatMapModel {
    std::vector<HeatMapRow> rows;
    std::optional<int32_t> focus_rank; // whose buffers are shown
    std::string sentence;              // instead of rows
};

struct HeatMapCell {
    size_t row = 0;
    std::optional<MemoryCategory> category; // nothing: the total
    bool operator==(const HeatMapCell&) const = default;
};

struct HeatMapIntents {
    std::optional<HeatMapCell> hovered, clicked;
};

struct HeatMapState {
    float scroll_y = 0;
    std::optional<HeatMapCell> hover;
    double hover_since = 0;
    bool tooltip_shown = false;
    int drawn_rects = 0, drawn_labels = 0;
    std::vector<MemoryCategory> columns; // those shown, from left to right
    float column_width = 0;
};

namespace heat_metrics { // logical pixels
inline constexpr float label_width = 58, head_height = 22, row_height = 22;
}

float heatMapHeight(const HeatMapModel&); // that shows every rank without scrolling
HeatMapIntents drawHeatMap(const HeatMapModel&, const Theme&, HeatMapState&);

// From what stays to what comes and goes: the order of areas, bars and columns.
inline constexpr std::array stacking_order = {
    MemoryCategory::parameters,  MemoryCategory::master_weights, MemoryCategory::optimizer, MemoryCategory::gradients,
    MemoryCategory::activations, MemoryCategory::comm_buffers,   MemoryCategory::workspace, MemoryCategory::other};
std::string categoryName(MemoryCategory); // "master weights"

} // namespace shardscope::gui
