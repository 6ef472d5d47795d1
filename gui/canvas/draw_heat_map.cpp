// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/format.h"
#include "gui/canvas/heat_map.h"
#include "gui/canvas/timeline_drawing.h"
#include <algorithm>
#include <cmath>
#include <cstdio>

namespace shardscope::gui {

namespace {

using namespace heat_metrics;

constexpr float narrowest_column = 37, small_column = 48, widest_column = 104, margin = 12, wheel_px = 44;
constexpr double tooltip_delay_s = 0.3;

const char* leastName(std::optional<MemoryCategory>); // where even the short one has no room

const char* shortName(std::optional<MemoryCategory> category) {
    if (!category) return "total";
    switch (*category) {
    case MemoryCategory::parameters:
        return "params";
    case MemoryCategory::gradients:
        return "grads";
    case MemoryCategory::optimizer:
        return "optim";
    case MemoryCategory::master_weights:
        return "master";
    case MemoryCategory::activations:
        return "activ";
    case MemoryCategory::comm_buffers:
        return "comm";
    case MemoryCategory::workspace:
        return "work";
    case MemoryCategory::other:
        break;
    }
    return "other";
}

const char* leastName(std::optional<MemoryCategory> category) {
    if (category == MemoryCategory::parameters) return "param";
    if (category == MemoryCategory::master_weights) return "mast";
    if (category == MemoryCategory::gradients) return "grad";
    return shortName(category);
}

struct ByteUnit {
    const char* name;
    double size;
};

ByteUnit unitOf(int64_t largest) {
    constexpr std::array units = {ByteUnit{"B", 1}, ByteUnit{"KiB", 1024.0}, ByteUnit{"MiB", 1048576.0},
                                  ByteUnit{"GiB", 1073741824.0}, ByteUnit{"TiB", 1099511627776.0}};
    size_t u = 0;
    while (u + 1 < units.size() && static_cast<double>(largest) >= units[u + 1].size) ++u;
    return units[u];
}

std::string inUnit(int64_t bytes, const ByteUnit& unit) {
    if (bytes == 0) return "–";
    const double value = static_cast<double>(bytes) / unit.size;
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", unit.size == 1 || value >= 999.5 ? 0 : value >= 99.95 ? 1 : 2, value);
    return std::string(text) == "0.00" ? "<0.01" : text;
}

int64_t valueOf(const HeatMapRow& row, std::optional<MemoryCategory> category) {
    return category ? row.bytes[static_cast<size_t>(*category)] : row.total_bytes;
}

struct Drawing {
    const HeatMapModel& model;
    HeatMapState& state;
    Painter& p;
    HeatMapRow sum{};    // of all ranks
    int64_t highest = 1; // of any category of any rank
    int64_t highest_total = 1;
    ByteUnit unit{"B", 1};
    float bottom = 0;                   // of the rows; the sum stands below
    bool says_planned = false;          // there is room for it behind the total
    std::vector<MemoryCategory> folded; // into other, the smallest first, where not all have room

    std::optional<MemoryCategory> category(size_t column) const {
        return column < state.columns.size() ? std::optional(state.columns[column]) : std::nullopt;
    }
    size_t columns() const { return state.columns.size() + 1; }
    int64_t value(const HeatMapRow& row, std::optional<MemoryCategory> category) const {
        int64_t bytes = valueOf(row, category);
        if (category == MemoryCategory::other)
            for (const MemoryCategory small : folded) bytes += valueOf(row, small);
        return bytes;
    }
    Box cell(size_t column, float y) const {
        const float x = label_width + static_cast<float>(column) * state.column_width;
        return {x + 1, y + 1, x + state.column_width - 1, y + row_height - 1};
    }
};

void drawHeads(Drawing& d) {
    const Theme& theme = d.p.theme();
    d.p.textInRow(margin, {0, 0, label_width, head_height}, d.unit.name, theme.dim, Font::axis);
    bool long_names = true;
    for (size_t c = 0; c < d.columns(); ++c)
        if (const auto category = d.category(c))
            long_names =
                long_names && Painter::textWidth(categoryName(*category), Font::axis) + 16 < d.state.column_width;
    bool short_names = true;
    for (size_t c = 0; c < d.columns(); ++c)
        short_names =
            short_names && Painter::textWidth(shortName(d.category(c)), Font::axis) + 6 < d.state.column_width;
    for (size_t c = 0; c < d.columns(); ++c) {
        const auto category = d.category(c);
        const Box head{d.cell(c, 0).x0, 0, d.cell(c, 0).x1, head_height};
        const std::string name = category && long_names ? categoryName(*category)
                                 : short_names          ? shortName(category)
                                                        : leastName(category);
        const float width = Painter::textWidth(name, Font::axis);
        d.p.textRight(head.x1 - 2, head, name, theme.dim, Font::axis);
        const float x = head.x1 - 4 - width - 10;
        if (!category) continue;
        if (x > head.x0 && short_names)
            d.p.block({x, 8, x + 7, 15}, memoryColour(*category), 2);
        else // no room beside the name
            d.p.rect({head.x0, head_height - 2, head.x1, head_height}, memoryColour(*category));
    }
}

void drawNumbers(Drawing& d, const HeatMapRow& row, float y, bool coloured, std::optional<size_t> index) {
    const Theme& theme = d.p.theme();
    for (size_t c = 0; c < d.columns(); ++c) {
        const auto category = d.category(c);
        const int64_t bytes = d.value(row, category);
        const Box box = d.cell(c, y);
        Rgb fill = theme.background;
        if (coloured && bytes > 0) {
            const auto most = static_cast<double>(category ? d.highest : d.highest_total);
            const auto heat = static_cast<float>(std::sqrt(std::min(1.0, static_cast<double>(bytes) / most)));
            fill = mix(theme.background, category ? theme.accent : theme.dim, 0.08f + 0.72f * heat);
            d.p.rect(box, fill);
        }
        const bool hovered = index && d.state.hover == HeatMapCell{*index, category};
        if (hovered) d.p.outline(box, theme.text, 2, 1.5f);
        if (!d.p.roomForLabels(20)) continue;
        const Rgb ink = bytes == 0 ? theme.dim : coloured ? textOn(fill) : theme.text;
        const bool small = d.state.column_width < small_column;
        d.p.textRight(box.x1 - (small ? 2 : 5), box, inUnit(bytes, d.unit), ink,
                      small      ? Font::axis
                      : coloured ? Font::regular
                                 : Font::bold);
    }
}

void drawRowOf(Drawing& d, size_t index, float y) {
    const HeatMapRow& row = d.model.rows[index];
    const Theme& theme = d.p.theme();
    const bool focus = d.model.focus_rank == row.rank;
    if (focus) d.p.rect({0, y + 1, 3, y + row_height - 1}, theme.accent);
    d.p.textInRow(margin, {0, y, label_width, y + row_height}, "rank " + std::to_string(row.rank),
                  focus ? theme.text : theme.dim);
    drawNumbers(d, row, y, true, index);
    if (!row.planned_bytes) return;
    const bool equal = *row.planned_bytes == row.total_bytes;
    if (!d.says_planned) return; // the tooltip of the total says it
    const float x = d.cell(d.columns() - 1, y).x1 + 6;
    d.p.textInRow(x, {x, y, x + 80, y + row_height}, equal ? "= planned" : "≠ planned",
                  readableOn(theme.background, equal ? theme.good : theme.attention), Font::axis);
}

TooltipText tooltipOf(const Drawing& d, HeatMapCell cell) {
    const HeatMapRow& row = d.model.rows[cell.row];
    TooltipText text;
    text.title = formatBytes(d.value(row, cell.category));
    text.subtitle =
        "rank " + std::to_string(row.rank) + " · " + (cell.category ? categoryName(*cell.category) : "total");
    text.rows.emplace_back("bytes", formatCount(d.value(row, cell.category)));
    if (cell.category == MemoryCategory::other && !d.folded.empty()) {
        text.rows.emplace_back("other itself", formatBytes(valueOf(row, MemoryCategory::other)));
        for (const MemoryCategory small : d.folded)
            text.rows.emplace_back(categoryName(small), formatBytes(valueOf(row, small)));
    }
    if (!cell.category && row.planned_bytes) text.rows.emplace_back("planned", formatCount(*row.planned_bytes));
    if (cell.category && row.total_bytes > 0)
        text.rows.emplace_back("of the total", formatPercent(100.0 * static_cast<double>(d.value(row, cell.category)) /
                                                             static_cast<double>(row.total_bytes)));
    return text;
}

void findHover(Drawing& d, ImVec2 mouse) {
    std::optional<HeatMapCell> hover;
    if (mouse.y >= head_height && mouse.y < d.bottom && mouse.x >= label_width) {
        const auto row = static_cast<size_t>((mouse.y - head_height + d.state.scroll_y) / row_height);
        const auto column = static_cast<size_t>((mouse.x - label_width) / d.state.column_width);
        if (row < d.model.rows.size() && column < d.columns()) hover = HeatMapCell{row, d.category(column)};
    }
    if (hover == d.state.hover) return;
    d.state.hover = hover;
    d.state.hover_since = ImGui::GetTime();
}

// In a narrow picture the smallest categories are counted as other, so that the total is always seen.
void foldSmallest(Drawing& d, float room) {
    auto& columns = d.state.columns;
    const auto smaller = [&](MemoryCategory a, MemoryCategory b) { return valueOf(d.sum, a) < valueOf(d.sum, b); };
    while (columns.size() > 2 && static_cast<float>(d.columns()) * narrowest_column > room) {
        const bool has_other = columns.back() == MemoryCategory::other;
        const auto smallest = std::min_element(columns.begin(), columns.end() - (has_other ? 1 : 0), smaller);
        d.folded.push_back(*smallest);
        columns.erase(smallest);
        if (!has_other) columns.push_back(MemoryCategory::other);
    }
}

void measure(Drawing& d, float width) {
    d.state.columns.clear();
    for (const MemoryCategory category : stacking_order) {
        int64_t& sum = d.sum.bytes[static_cast<size_t>(category)];
        for (const HeatMapRow& row : d.model.rows) {
            const int64_t bytes = d.value(row, category);
            d.highest = std::max(d.highest, bytes);
            sum += std::min(bytes, int64_t{1} << 40);
        }
        if (sum != 0) d.state.columns.push_back(category);
    }
    for (const HeatMapRow& row : d.model.rows) {
        d.highest_total = std::max(d.highest_total, row.total_bytes);
        d.sum.total_bytes += std::min(row.total_bytes, int64_t{1} << 46);
    }
    d.unit = unitOf(d.highest_total);
    foldSmallest(d, width - label_width - margin);
    const bool plans = std::any_of(d.model.rows.begin(), d.model.rows.end(),
                                   [](const HeatMapRow& row) { return row.planned_bytes.has_value(); });
    const float room_for_plans = Painter::textWidth("= planned", Font::axis) + 6 + margin;
    d.says_planned =
        plans && width - label_width - room_for_plans >= static_cast<float>(d.columns()) * narrowest_column;
    const float room = width - label_width - (d.says_planned ? room_for_plans : margin);
    d.state.column_width =
        std::clamp(std::floor(room / static_cast<float>(d.columns())), narrowest_column, widest_column);
}

} // namespace

std::string categoryName(MemoryCategory category) {
    std::string name(toText(category));
    std::replace(name.begin(), name.end(), '_', ' ');
    return name;
}

float heatMapHeight(const HeatMapModel& model) {
    return head_height + static_cast<float>(model.rows.size() + (model.rows.size() > 1)) * row_height + 8;
}

HeatMapIntents drawHeatMap(const HeatMapModel& model, const Theme& theme, HeatMapState& state) {
    const ImGuiIO& io = ImGui::GetIO();
    Painter painter(theme);
    HeatMapIntents intents;
    if (model.rows.empty()) {
        const Box everything{0, 0, io.DisplaySize.x, io.DisplaySize.y};
        painter.textInRow(margin, everything, elided(model.sentence, everything.x1 - 2 * margin), theme.dim);
        return intents;
    }
    Drawing d{.model = model, .state = state, .p = painter};
    measure(d, io.DisplaySize.x);
    const float content = static_cast<float>(model.rows.size()) * row_height;
    const bool sums = model.rows.size() > 1;
    d.bottom = std::min(head_height + content, io.DisplaySize.y - (sums ? row_height + 4 : 0));
    if (io.MousePos.x >= 0 && io.MousePos.y >= 0) state.scroll_y -= io.MouseWheel * wheel_px;
    state.scroll_y = std::clamp(state.scroll_y, 0.0f, std::max(0.0f, content - (d.bottom - head_height)));
    findHover(d, io.MousePos);
    drawHeads(d);
    painter.pushClip({0, head_height, io.DisplaySize.x, d.bottom});
    for (auto i = static_cast<size_t>(state.scroll_y / row_height); i < model.rows.size(); ++i) {
        const float y = head_height + static_cast<float>(i) * row_height - state.scroll_y;
        if (y > d.bottom) break;
        drawRowOf(d, i, y);
    }
    painter.popClip();
    if (sums) {
        const float right = d.cell(d.columns() - 1, 0).x1;
        painter.rect({margin, d.bottom + 1, right, d.bottom + 1 + painter.pixel()}, theme.line);
        painter.textInRow(margin, {0, d.bottom + 2, label_width, d.bottom + 2 + row_height}, "all", theme.text);
        drawNumbers(d, d.sum, d.bottom + 2, false, {});
    }
    intents.hovered = state.hover;
    if (clickedNow() && state.hover) intents.clicked = state.hover;
    state.tooltip_shown = state.hover && ImGui::GetTime() - state.hover_since >= tooltip_delay_s;
    if (state.tooltip_shown) {
        painter.toForeground();
        drawTooltip(painter, tooltipOf(d, *state.hover), io.MousePos);
    }
    state.drawn_rects = painter.rects();
    state.drawn_labels = painter.labels();
    return intents;
}

} // namespace shardscope::gui
