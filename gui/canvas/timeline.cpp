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

void drawRow(TimelineDrawing& d, const TimelineLayout& layout, const TimelineRow& row, float y, double ns_per_px,
             int memory_rows, std::array<int64_t, 3>& scales) {
    switch (row.kind) {
    case RowKind::head:
        drawHead(d, row, y);
        break;
    case RowKind::bands:
        drawBands(d, row, y, ns_per_px);
        break;
    case RowKind::lane:
    case RowKind::summary:
        drawLaneLabel(d, row, y);
        d.painter.pushClip(d.plot());
        if (row.kind == RowKind::lane)
            drawLane(d, row, y, ns_per_px);
        else
            drawSummaryLane(d, row, y, ns_per_px);
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

int labelsOf(RowKind kind) { // what a row writes whatever it shows
    switch (kind) {
    case RowKind::head:
        return 4;
    case RowKind::bands:
        return 40;
    case RowKind::memory:
        return 5;
    case RowKind::lane:
    case RowKind::summary:
        break;
    }
    return 2;
}

// Rows scroll below the head and the bands of the trace they belong to, which stay.
void drawRows(TimelineDrawing& d, const TimelineLayout& layout, float scroll_y) {
    const PinnedRows pinned = pinnedRows(layout, scroll_y);
    const float top = d.content.y0 + pinned.y + pinned.height;
    std::vector<TimelineRow> visible;
    int memory_rows = 0;
    for (size_t i = pinned.end; i < layout.rows.size(); ++i) {
        const TimelineRow& row = layout.rows[i];
        const float y = d.content.y0 + row.y - scroll_y;
        if (y + row.height < top || y > d.content.y1) continue;
        visible.push_back(row);
        d.reserved_labels += labelsOf(row.kind);
        memory_rows += row.kind == RowKind::memory;
    }
    const double ns_per_px = laneResolution(d, visible);
    std::array<int64_t, 3> scales{};
    const bool in_plot = d.mouse_in_plot;
    d.mouse_in_plot = in_plot && d.mouse.y >= top;
    d.painter.pushClip({0, top, d.content.x1, d.content.y1});
    for (const TimelineRow& row : visible)
        drawRow(d, layout, row, d.content.y0 + row.y - scroll_y, ns_per_px, memory_rows, scales);
    d.painter.popClip();
    d.mouse_in_plot = in_plot;
    float y = d.content.y0 + pinned.y;
    for (size_t i = pinned.first; i < pinned.end; ++i) {
        drawRow(d, layout, layout.rows[i], y, ns_per_px, memory_rows, scales);
        y += layout.rows[i].height;
    }
}

// Scrolls so that a lane asked for is in sight.
void reveal(const TimelineDrawing& d, const TimelineLayout& layout, TimelineState& state) {
    if (!state.reveal) return;
    const EventRef event = *state.reveal;
    const LaneId lane = state.reveal_lane;
    state.reveal.reset();
    if (event.trace < 0 || static_cast<size_t>(event.trace) >= d.model.traces.size()) return;
    const auto lanes = d.view(event.trace).reader->lanes();
    if (lane < LaneId{0} || static_cast<size_t>(lane) >= lanes.size()) return;
    const float pinned = pinnedRows(layout, state.scroll_y).height;
    for (const TimelineRow& row : layout.rows) {
        const bool is_it = row.trace == event.trace &&
                           (row.kind == RowKind::lane      ? row.lane == lane
                            : row.kind == RowKind::summary ? row.rank == lanes[static_cast<size_t>(lane)].rank
                                                           : false);
        if (!is_it) continue;
        const float highest = std::max(0.0f, layout.height - d.content.height());
        if (row.y - state.scroll_y < pinned) state.scroll_y = std::clamp(row.y - pinned, 0.0f, highest);
        if (row.y + row.height - state.scroll_y > d.content.height())
            state.scroll_y = std::clamp(row.y + row.height - d.content.height() / 2, 0.0f, highest);
        return;
    }
}

std::optional<TimelineMenu> askedMenu(const TimelineDrawing& d, const TimelineLayout& layout, float scroll_y) {
    const ImGuiIO& io = ImGui::GetIO();
    if (!io.MouseReleased[1] || !d.content.contains(io.MousePos)) return {};
    TimelineMenu menu{.x = io.MousePos.x, .y = io.MousePos.y, .event = {}};
    const float y = io.MousePos.y - d.content.y0 + scroll_y;
    for (const TimelineRow& row : layout.rows)
        if (y >= row.y && y < row.y + row.height) {
            menu.trace = row.trace;
            if (row.kind == RowKind::lane) menu.lane = row.lane;
        }
    if (d.hovered_block) menu.event = d.hovered_block->ref;
    if (!menu.event && menu.lane == LaneId::none) return {};
    return menu;
}

void drawEmpty(TimelineDrawing& d) {
    const auto& traces = d.model.traces;
    const bool grows = std::any_of(traces.begin(), traces.end(), [](const TraceView& view) { return view.grows; });
    const std::string text = traces.empty() ? "Open a trace or start a run to see its timeline."
                             : grows        ? "Nothing recorded yet: blocks appear here as the run goes on."
                                            : "This trace holds no events: it ended before anything was recorded.";
    const float x = (d.content.x1 - Painter::textWidth(text)) / 2;
    d.painter.textInRow(std::max(12.0f, x), d.content, text, d.painter.theme().dim);
}

TooltipText noteTooltip(const NoteFlag& note) {
    constexpr size_t longest = 400;
    TooltipText text;
    text.title = note.text.empty() ? "Mark" : "Note";
    if (!note.text.empty()) text.subtitle = note.text.size() > longest ? note.text.substr(0, longest) + "…" : note.text;
    return text;
}

// The tooltip waits until the mouse has rested on one thing; the canvas asks for a frame when that time has come.
void drawHoverTooltip(TimelineDrawing& d, TimelineState& state) {
    std::string key;
    TooltipText text;
    if (d.hovered_note) {
        key = "note " + std::to_string(d.hovered_note->id);
    } else if (d.hovered_block) {
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
    text = d.hovered_note    ? noteTooltip(*d.hovered_note)
           : d.hovered_block ? blockTooltip(d, *d.hovered_block)
                             : memoryTooltip(d, *d.hovered_memory);
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
    state.cache->beginFrame(model, state.defers);
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
                      .content = {0, topHeight(model.frame), io.DisplaySize.x,
                                  topHeight(model.frame) + contentHeight(model, io.DisplaySize.y)},
                      .hovered_block = {},
                      .hovered_memory = {}};
    const TimelineLayout layout = layoutRows(model, d.content.height());
    const bool empty = full == TimeRange{0, 1};

    TimelineIntents intents;
    reveal(d, layout, state);
    const std::optional<TimeRange> wanted = navigate(d, input, full, layout.height, state);
    if (!empty) intents.visible = wanted;
    if (const std::optional<TimeRange> range = draggedRange(d, state); range && !empty) {
        intents.range = range;
        intents.range_done = io.MouseReleased[0];
    }
    const bool dragging = state.pressed != TimelineZone::none && io.MouseDragMaxDistanceSqr[0] > 16;
    d.mouse = io.MousePos;
    d.mouse_in_plot = d.plot().contains(io.MousePos) && !dragging && state.pressed != TimelineZone::scrollbar;
    std::optional<int64_t> cursor = selection.cursor_ns;
    if (d.plot().contains(io.MousePos)) cursor = intents.cursor_ns = d.axis.timeAt(io.MousePos.x);

    const Ticks ticks = timeTicks(d.axis);
    painter.pushClip(d.content);
    if (!empty) drawGrid(d, ticks);
    drawRows(d, layout, state.scroll_y);
    if (empty) {
        drawEmpty(d);
    } else {
        painter.pushClip(d.plot());
        drawFlows(d, layout, state.scroll_y);
        drawRangeBand(d);
        painter.popClip();
        drawCursor(d, cursor);
        d.hovered_note = drawNotes(d, layout, state.scroll_y);
    }
    intents.moved = dragRank(d, layout, state);
    if (const std::optional<Box> thumb = scrollThumb(d, layout.height, state.scroll_y))
        painter.block(*thumb, theme.faint, 3, state.pressed == TimelineZone::scrollbar ? 0.9f : 0.5f);
    painter.popClip();
    if (model.frame != TimelineFrame::none)
        drawRuler(d.painter, d.axis, {0, d.content.y0 - ruler_height, d.content.x1, d.content.y0},
                  empty ? Ticks{} : ticks, model.axis_caption, empty ? std::nullopt : cursor);
    if (model.frame == TimelineFrame::whole) drawMinimap(d, full, empty);
    if (hasLegend(model) && !empty) drawLegend(d);

    if (d.hovered_block) intents.hovered = d.hovered_block->ref;
    intents.folded = d.folded;
    if (!empty) intents.menu = askedMenu(d, layout, state.scroll_y);
    if (clickedNow() && d.mouse_in_plot && d.plot().contains(io.MouseClickedPos[0])) {
        if (d.hovered_note)
            intents.note_clicked = d.hovered_note->id;
        else if (d.hovered_block)
            intents.clicked = d.hovered_block->ref;
        else if (d.hovered_memory)
            intents.clicked_memory = d.hovered_memory;
        else
            intents.clicked_empty = true;
    }
    if (io.MouseDoubleClicked[0] && d.hovered_block)
        intents.visible = clampVisible(eventRange(d, *d.hovered_block), full);
    drawHoverTooltip(d, state);
    intents.wants_finer = d.wants_finer;
    intents.incomplete = state.cache->incomplete() || d.wants_finer;
    state.drawn_rects = painter.rects();
    state.drawn_labels = painter.labels();
    return intents;
}

} // namespace shardscope::gui
