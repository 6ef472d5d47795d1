// SPDX-License-Identifier: Apache-2.0
// Composes the timeline: layout, navigation, then rows, ruler, cursor and tooltip in the order they lie above each
// other.
#include "gui/canvas/timeline.h"
#include "gui/canvas/timeline_drawing.h"
#include <algorithm>
#include <array>

namespace shardscope::gui {

namespace {

using namespace timeline_metrics;

constexpr double tooltip_delay_s = 0.3;
constexpr int memory_budget = 2'500; // rectangles of all visible memory rows together

void drawRows(TimelineDrawing& d, const TimelineLayout& layout, float scroll_y) {
    std::vector<TimelineRow> visible;
    int memory_rows = 0;
    for (const TimelineRow& row : layout.rows) {
        const float y = d.content.y0 + row.y - scroll_y;
        if (y + row.height < d.content.y0 || y > d.content.y1) continue;
        visible.push_back(row);
        d.reserved_labels += row.kind == RowKind::memory ? 5 : row.kind == RowKind::head ? 4 : 2;
        memory_rows += row.kind == RowKind::memory;
    }
    const double ns_per_px = laneResolution(d, visible);
    std::array<int64_t, 3> scales{};
    for (const TimelineRow& row : visible) {
        const float y = d.content.y0 + row.y - scroll_y;
        switch (row.kind) {
        case RowKind::head:
            drawHead(d, row, y);
            break;
        case RowKind::lane:
            drawLaneLabel(d, row, y);
            d.painter.pushClip(d.plot());
            drawLane(d, row, y, ns_per_px);
            d.painter.popClip();
            break;
        case RowKind::memory: {
            int64_t& scale = scales[static_cast<size_t>(row.tier)];
            if (scale == 0) scale = memoryScale(d.model, layout, row.tier);
            drawMemory(d, row, y, scale, memory_budget / memory_rows);
            break;
        }
        }
    }
}

void drawEmpty(TimelineDrawing& d) {
    const std::string text = d.model.traces.empty() ? "Open a trace or start a run to see its timeline."
                                                    : "Nothing recorded yet: blocks appear here as the run goes on.";
    const float x = (d.content.x1 - Painter::textWidth(text)) / 2;
    d.painter.textInRow(std::max(12.0f, x), d.content, text, d.painter.theme().dim);
}

// The tooltip waits until the mouse has rested on one thing; the canvas asks for a frame when that time has come.
void drawHoverTooltip(TimelineDrawing& d, TimelineState& state) {
    std::string key;
    TooltipText text;
    if (d.hovered_block) {
        const LaneBlock& block = d.hovered_block->block;
        key = "event " + std::to_string(d.hovered_block->ref.trace) + " " + std::to_string(block.start_ns) + " " +
              std::to_string(static_cast<int64_t>(block.event));
    } else if (d.hovered_memory) {
        key = "memory " + std::to_string(d.hovered_memory->trace) + " " + std::to_string(d.hovered_memory->rank) + " " +
              std::to_string(d.mouse.x);
    }
    if (key != state.hover_key) {
        state.hover_key = key;
        state.hover_since = ImGui::GetTime();
    }
    state.tooltip_shown = !key.empty() && ImGui::GetTime() - state.hover_since >= tooltip_delay_s;
    if (!state.tooltip_shown) return;
    text = d.hovered_block ? blockTooltip(d, *d.hovered_block) : memoryTooltip(d, *d.hovered_memory);
    d.painter.toForeground();
    drawTooltip(d.painter, text, d.mouse);
}

TimeRange eventRange(const TimelineDrawing& d, const HoveredBlock& hovered) {
    const int64_t origin = d.view(hovered.ref.trace).origin_ns;
    const int64_t margin = (hovered.block.end_ns - hovered.block.start_ns) / 4;
    return {viewTime(hovered.block.start_ns, origin) - margin, viewTime(hovered.block.end_ns, origin) + margin};
}

} // namespace

TimelineIntents drawTimeline(const TimelineModel& model, const TimelineSelection& selection, const TimelineInput& input,
                             const Theme& theme, TimelineState& state) {
    if (!state.cache) state.cache = std::make_shared<TimelineCache>();
    state.cache->beginFrame(model);
    const ImGuiIO& io = ImGui::GetIO();
    const TimeRange full = fullRange(model);
    const TimeRange wished{std::clamp(selection.visible.start_ns, -farthest_ns, farthest_ns),
                           std::clamp(selection.visible.end_ns, -farthest_ns, farthest_ns)};
    const bool everything = wished.duration() <= 0;
    const float right = std::max(io.DisplaySize.x - right_margin, gutter + 16);

    Painter painter(theme);
    TimelineDrawing d{.model = model,
                      .selection = selection,
                      .painter = painter,
                      .cache = *state.cache,
                      .axis = {everything ? full : wished, gutter, right},
                      .content = {0, topHeight(), io.DisplaySize.x, std::max(io.DisplaySize.y, topHeight() + 1)},
                      .hovered_block = {},
                      .hovered_memory = {}};
    const TimelineLayout layout = layoutRows(model, d.content.height());
    const bool empty = full == TimeRange{0, 1};

    TimelineIntents intents;
    const std::optional<TimeRange> wanted = navigate(d, input, full, layout.height, state);
    if (!empty) intents.visible = wanted;
    const bool dragging = state.pressed != TimelineZone::none && io.MouseDragMaxDistanceSqr[0] > 16;
    d.mouse = io.MousePos;
    d.mouse_in_plot = d.plot().contains(io.MousePos) && !dragging && state.pressed != TimelineZone::scrollbar;
    std::optional<int64_t> cursor = selection.cursor_ns;
    if (d.plot().contains(io.MousePos)) cursor = intents.cursor_ns = d.axis.timeAt(io.MousePos.x);

    const Ticks ticks = timeTicks(d.axis);
    painter.pushClip(d.content);
    if (!empty) drawGrid(d, ticks);
    drawRows(d, layout, state.scroll_y);
    if (empty)
        drawEmpty(d);
    else
        drawCursor(d, cursor);
    if (const std::optional<Box> thumb = scrollThumb(d, layout.height, state.scroll_y))
        painter.block(*thumb, theme.faint, 3, state.pressed == TimelineZone::scrollbar ? 0.9f : 0.5f);
    painter.popClip();
    drawRuler(d, empty ? Ticks{} : ticks, empty ? std::nullopt : cursor);
    drawMinimap(d, full, empty);

    if (d.hovered_block) intents.hovered = d.hovered_block->ref;
    if (clickedNow() && d.mouse_in_plot && d.plot().contains(io.MouseClickedPos[0])) {
        if (d.hovered_block)
            intents.clicked = d.hovered_block->ref;
        else
            intents.clicked_empty = true;
    }
    if (io.MouseDoubleClicked[0] && d.hovered_block)
        intents.visible = clampVisible(eventRange(d, *d.hovered_block), full);
    drawHoverTooltip(d, state);
    state.drawn_rects = painter.rects();
    state.drawn_labels = painter.labels();
    return intents;
}

} // namespace shardscope::gui
