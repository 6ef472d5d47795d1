// SPDX-License-Identifier: Apache-2.0
// Where everything of a timeline stands: the rows from top to bottom, and time from left to right. Plain numbers, no
// drawing.
#pragma once
#include "gui/canvas/timeline.h"
#include <algorithm>

namespace shardscope::gui {

namespace timeline_metrics { // logical pixels
inline constexpr float gutter = 128, right_margin = 14, minimap_height = 30, ruler_height = 24, head_height = 24,
                       step_band_height = 16, phase_band_height = 14, below_bands = 5, legend_height = 24,
                       scrollbar_width = 8, memory_head = 16, memory_foot = 10, memory_low = 48, memory_least = 20,
                       memory_high = 120, memory_alone = 320; // bounds of a row of memory, the last where no lanes are
}

// Readers promise times within 2^61 ns of zero (73 years). Differences of view times then stay within int64, and so
// does everything computed here as long as view times are held to the double of it.
inline constexpr int64_t farthest_ns = int64_t{1} << 61;
inline int64_t viewTime(int64_t trace_ns, int64_t origin_ns) {
    return std::clamp(trace_ns, -farthest_ns, farthest_ns) - std::clamp(origin_ns, -farthest_ns, farthest_ns);
}

// The visible time on the screen. Floats only after the start was subtracted.
struct TimeAxis {
    TimeRange visible;
    float x0 = 0, x1 = 1;
    double nsPerPx() const { return static_cast<double>(visible.duration()) / static_cast<double>(x1 - x0); }
    float x(int64_t view_ns) const {
        const double px = static_cast<double>(view_ns - visible.start_ns) / nsPerPx();
        return x0 + static_cast<float>(std::clamp(px, -1e5, 1e5)); // far-off ends would lose the float's precision
    }
    int64_t timeAt(float x) const {
        return visible.start_ns + static_cast<int64_t>(static_cast<double>(x - x0) * nsPerPx());
    }
};

enum class RowKind { head, bands, lane, summary, memory };

struct TimelineRow {
    RowKind kind = RowKind::head;
    int trace = 0;
    int32_t rank = -1;
    LaneId lane = LaneId::none;           // of lane rows
    MemoryTier tier = MemoryTier::device; // of memory rows
    bool names_rank = false;              // the first row of its rank, where several ranks are shown
    bool folds = false;                   // the first row of its rank: a click on its head collapses or expands it
    float y = 0, height = 0;              // from the top of the scrolled content
};

struct TimelineLayout {
    std::vector<TimelineRow> rows;
    float height = 0;
};

// Memory rows grow where the content would leave the canvas empty, and shrink where everything then fits.
TimelineLayout layoutRows(const TimelineModel&, float available_height);
inline float highestMemory(const TimelineModel& model) {
    return model.show_lanes ? timeline_metrics::memory_high : timeline_metrics::memory_alone;
}
float topHeight(TimelineFrame = TimelineFrame::whole); // minimap and ruler
bool hasLegend(const TimelineModel&);
float contentHeight(const TimelineModel&, float canvas_height); // what is left between ruler and legend
// Head and bands of the trace at the top of the canvas stay there while its lanes scroll below them.
struct PinnedRows {
    size_t first = 0, end = 0; // of TimelineLayout::rows
    float y = 0, height = 0;   // y below the top of the content: negative while the next trace pushes it out
};
PinnedRows pinnedRows(const TimelineLayout&, float scroll_y);
bool hasSteps(const TraceReader&);
bool hasPhases(const TraceReader&); // of a step program; imported traces do not know them
std::vector<LaneId> lanesOfRank(const TraceReader&, int32_t rank, const std::set<LaneId>& hidden);

// The planned peak of a rank's total, or nothing.
std::optional<int64_t> plannedPeak(const TraceReader&, int32_t rank, MemoryTier);

} // namespace shardscope::gui
