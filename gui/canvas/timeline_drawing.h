// SPDX-License-Identifier: Apache-2.0
// What the parts of the timeline share while one frame is drawn. Internal to this folder.
#pragma once
#include "gui/canvas/painter.h"
#include "gui/canvas/timeline_cache.h"
#include "gui/canvas/timeline_colour.h"
#include "gui/canvas/timeline_layout.h"
#include <map>
#include <string>
#include <utility>

namespace shardscope::gui {

struct HoveredBlock {
    EventRef ref;
    LaneBlock block;
};

struct LegendEntry {
    BlockPaint paint;
    std::string name;
    float width_px = 0; // drawn with it in this frame
};

struct TimelineDrawing {
    const TimelineModel& model;
    const TimelineSelection& selection;
    Painter& painter;
    TimelineCache& cache;
    TimeAxis axis;
    Box content{};              // below the ruler, all of the width
    bool mouse_in_plot = false; // and nothing is being dragged
    int reserved_labels = 60;   // of the budget, for heads, axes and the names of rows
    ImVec2 mouse{};
    // found while drawing
    std::optional<HoveredBlock> hovered_block;
    std::optional<MemoryRef> hovered_memory;
    std::optional<RankRef> folded = {};
    std::map<int64_t, LegendEntry> legend = {}; // by BlockPaint::key
    bool wants_finer = false;                   // the next frame can show more
    bool drew_waiting = false, drew_emulated = false, drew_exposed = false;
    const NoteFlag* hovered_note = nullptr;

    const TraceView& view(int trace) const { return model.traces[static_cast<size_t>(trace)]; }
    TimeRange traceRange(int trace) const { // the visible range in the trace's own time
        const int64_t origin = view(trace).origin_ns;
        return {axis.visible.start_ns + origin, axis.visible.end_ns + origin};
    }
    Box plot() const { return {axis.x0, content.y0, axis.x1, content.y1}; }
};

std::pair<size_t, size_t> visiblePart(const std::vector<LaneBlock>&, TimeRange); // of blocks in order: [first, end)
bool dimmedBySearch(const TraceView&, const LaneBlock&); // something is searched for, and this is not it

bool isTwin(const TraceView&, EventId); // of the selected one

// Each trace's lanes share one resolution, chosen so that the whole frame stays within its budget.
double laneResolution(TimelineDrawing&, const std::vector<TimelineRow>& visible_rows);
void drawLane(TimelineDrawing&, const TimelineRow&, float y, double ns_per_px);
// What is different about a block against the baseline, or null; drawn over the block.
const OpMark* differenceOf(TimelineDrawing&, int trace, const LaneBlock&, float width);
void drawDifference(Painter&, Box block, const OpMark&);
void drawDifferenceStrip(Painter&, Box block, const OpMark&); // where there is no room for a sign
inline constexpr float equal_share = 0.6f; // of the background in what does not differ, while differences are marked
void drawLaneLabel(TimelineDrawing&, const TimelineRow&, float y); // also of summary lanes, with the head of a rank
void drawSummaryLane(TimelineDrawing&, const TimelineRow&, float y, double ns_per_px);
void drawBands(TimelineDrawing&, const TimelineRow&, float y, double ns_per_px);
void countForLegend(TimelineDrawing&, const BlockPaint&, float width_px, const std::string* name);
void drawPattern(Painter&, Box, Pattern, Rgb on);
void drawLegend(TimelineDrawing&);

int64_t memoryScale(const TimelineModel&, const TimelineLayout&,
                    MemoryTier); // top of the axis, the same for all traces
void drawMemory(TimelineDrawing&, const TimelineRow&, float y, int64_t scale, int rect_budget);

struct Ticks {
    int64_t step_ns = 1;
    std::vector<int64_t> at; // view times
};
Ticks timeTicks(const TimeAxis&);
void drawGrid(TimelineDrawing&, const Ticks&);
void drawHead(TimelineDrawing&, const TimelineRow&, float y);
// The axis of the canvas, also of pictures that are no timelines; a pill says where the cursor is.
void drawRuler(Painter&, const TimeAxis&, Box, const Ticks&, const std::string& caption, std::optional<int64_t> cursor);
void drawMinimap(TimelineDrawing&, TimeRange full, bool empty);
void drawCursor(TimelineDrawing&, std::optional<int64_t> cursor);
void drawRangeBand(TimelineDrawing&);
// Follows the drag of a rank's head: draws where it would go, and says so when the button comes up; call after
// navigate.
std::optional<RankMove> dragRank(TimelineDrawing&, const TimelineLayout&, TimelineState&);
void drawFlows(TimelineDrawing&, const TimelineLayout&, float scroll_y);
// Above the rows; the note whose flag is under the mouse.
const NoteFlag* drawNotes(TimelineDrawing&, const TimelineLayout&, float scroll_y);

// The tooltip's text: a title, rows of name and value, and a last line in the accent colour.
struct TooltipText {
    std::string title, subtitle;
    std::vector<std::pair<std::string, std::string>> rows;
    std::string because; // the config key that caused it
};
TooltipText blockTooltip(TimelineDrawing&, const HoveredBlock&);
TooltipText memoryTooltip(TimelineDrawing&, const MemoryRef&);
void drawTooltip(Painter&, const TooltipText&, ImVec2 mouse);

// What may stand on a block, the most telling first; `name` is empty where it was not looked up.
std::vector<std::string> blockLabels(const LaneBlock&, const std::string& name, int32_t head_layer);

// What the user wants to see next, or nothing. Updates the drag state and scroll_y.
std::optional<TimeRange> navigate(const TimelineDrawing&, const TimelineInput&, TimeRange full, float content_height,
                                  TimelineState&);
// The stretch that is being drawn with Ctrl or Shift held, in view time; call after navigate.
std::optional<TimeRange> draggedRange(const TimelineDrawing&, const TimelineState&);
TimeRange clampVisible(TimeRange wanted, TimeRange full);
std::optional<Box> scrollThumb(const TimelineDrawing&, float content_height, float scroll_y);
bool clickedNow(); // the left button came up where it went down

std::string elided(std::string text, float width, Font = Font::regular);

} // namespace shardscope::gui
