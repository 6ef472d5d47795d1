// SPDX-License-Identifier: Apache-2.0
// The main canvas: one to four traces stacked on one time axis; per trace a head line, lanes per rank, and the memory
// of each rank as a stacked area with the planned peak as a dashed line. Draw functions read data and state, draw into
// the current ImGui frame and return what the user meant; they never wait, never touch SQL and never change the
// selection themselves.
#pragma once
#include "gui/canvas/difference_marks.h"
#include "gui/canvas/theme.h"
#include "gui/canvas/timeline_marks.h"
#include "profiler/analysis/outside_memory.h"
#include "profiler/analysis/planned_memory.h"
#include "traces/trace_reader.h"
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace shardscope::gui {

struct TraceView { // one trace as the canvas sees it; the reader is not owned
    const TraceReader* reader = nullptr;
    std::string label;      // "A"
    std::string title;      // "ZeRO-2"
    std::string subtitle;   // "gradients sharded: reduce-scatter per bucket"
    std::string notice;     // before it: "virtual ranks: they take turns on one GPU"
    std::string difference; // "+5.2 ms (13.0 %)" against the baseline; empty where nothing can be said
    bool difference_is_worse = false;
    bool is_baseline = false;
    int64_t origin_ns = 0;                  // trace time drawn at view time 0 (start of the aligned step, or 0)
    std::set<int32_t> collapsed = {};       // ranks that are one summary lane
    std::set<LaneId> hidden = {};           // lanes that are not shown
    std::vector<int32_t> rank_order = {};   // from the top, where ranks were moved; empty: by their numbers
    TraceMarks marks = {};                  // what lies over the lanes
    const PlannedCurves* planned = nullptr; // not owned; null while unknown
    const OutsideCurves* outside = nullptr; // the same of GPU memory beside the arenas
    bool difference_is_noise = false;
    bool grows = false;                                      // still being written
    std::shared_ptr<const DifferenceMarks> differences = {}; // null: not marked
};

struct EventRef {
    int trace = 0; // index into TimelineModel::traces
    EventId event = EventId::none;
    bool operator==(const EventRef&) const = default;
};

// What stands around the rows: minimap, ruler, head of each trace and legend; or the ruler alone, or nothing, for a
// canvas that is part of something that says the rest.
enum class TimelineFrame { whole, ruler, none };

enum class TimelineColouring { operation, layer, bucket, name };

// A moment of the memory of one rank.
struct MemoryRef {
    int trace = 0;
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    int64_t time_ns = 0; // trace time
    bool operator==(const MemoryRef&) const = default;
};

struct NoteFlag {  // a mark or a note, pinned to a trace's time and, if it has one, a lane
    int trace = 0; // index into TimelineModel::traces
    LaneId lane = LaneId::none;
    int64_t start_ns = 0, end_ns = 0; // trace time
    int id = 0;                       // whose it is; comes back as an intent
    bool chosen = false;
    std::string text; // empty: a mark
};

struct TimelineModel {
    std::vector<TraceView> traces;
    std::vector<NoteFlag> notes;
    TimelineColouring colouring = TimelineColouring::operation;
    int32_t only_rank = -1; // -1: all ranks
    TimelineFrame frame = TimelineFrame::whole;
    bool show_lanes = true;
    bool show_memory = true;
    bool exposed_only = false; // grey out everything but exposed communication
    std::string axis_caption;  // "step 12" or "all steps"
};

struct TimelineSelection { // owned by the Session, shared by all canvases
    TimeRange visible;     // in view time; empty: everything
    std::optional<EventRef> selected;
    std::optional<int64_t> cursor_ns; // view time under the mouse, in any canvas
    std::optional<TimeRange> range;   // a stretch of view time whose budget is wanted
    std::optional<MemoryRef> moment;  // whose live buffers are listed
};

struct RankRef {
    int trace = 0;
    int32_t rank = 0;
    bool operator==(const RankRef&) const = default;
};

struct RankMove { // `rank` goes where `to` stands
    RankRef rank;
    int32_t to = 0;
};

struct TimelineMenu { // asked for by the right button
    float x = 0, y = 0;
    std::optional<EventRef> event;
    int trace = 0;
    LaneId lane = LaneId::none;
};

struct TimelineIntents {
    std::optional<EventRef> hovered, clicked;
    std::optional<MemoryRef> clicked_memory; // near the mark of the peak: that moment
    bool clicked_empty = false;
    std::optional<int> note_clicked; // the id of its flag
    std::optional<int64_t> cursor_ns;
    std::optional<TimeRange> visible; // zoom or pan wanted
    std::optional<TimeRange> range;   // Ctrl or Shift and a drag, in view time
    bool range_done = false;          // the button came up
    std::optional<RankRef> folded;    // the head of a rank was clicked
    std::optional<RankMove> moved;    // it was dragged
    std::optional<TimelineMenu> menu;
    bool incomplete = false;  // something was drawn coarser than it should be: answer the wishes, or draw again
    bool wants_finer = false; // a frame that is drawn again can show more
};

class TimelineCache; // rects and decimated memory curves keyed by (trace, lane, range, width)

enum class TimelineZone { none, plot, range, gutter, rank_head, minimap, scrollbar };

struct TimelineState {
    // persists
    float scroll_y = 0;
    TimelineZone pressed = TimelineZone::none; // where the left button went down
    int64_t grabbed_ns = 0;                    // view time under the mouse at that moment
    float grabbed_scroll = 0;                  // scroll_y at that moment
    std::optional<RankRef> dragged_rank;       // whose head is held
    std::string hover_key;                     // what the mouse rests on, and since when (ImGui's clock)
    double hover_since = 0;
    std::optional<EventRef> reveal; // scroll so that this event's lane is in sight, once
    LaneId reveal_lane = LaneId::none;
    // this frame, for tests and the status bar
    int drawn_rects = 0, drawn_labels = 0;
    bool tooltip_shown = false;
    // cache
    std::shared_ptr<TimelineCache> cache;
    bool defers = false; // what is not in the cache is wished for, not read from the file
};

// Keys pressed since the last frame, as the host widget knows them (ImGui 1.86 has no W, S, D, F).
struct TimelineInput {
    int zoom = 0; // W: +1, S: -1, per frame
    int pan = 0;  // D: +1, A: -1
    bool fit = false;
};

// Fills the whole display of the current ImGui frame.
TimelineIntents drawTimeline(const TimelineModel&, const TimelineSelection&, const TimelineInput&, const Theme&,
                             TimelineState&);
TimeRange fullRange(const TimelineModel&);                       // of all traces, in view time; {0, 1} if empty
float timelineHeight(const TimelineModel&);                      // logical pixels it would like to have
std::vector<LaneId> shownLanes(const TimelineModel&, int trace); // from top to bottom; collapsed ranks have none

} // namespace shardscope::gui
