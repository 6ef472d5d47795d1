// SPDX-License-Identifier: Apache-2.0
// What was asked of the readers, kept from frame to frame: lane blocks and memory columns for three times the visible
// span, so that panning asks nothing, and the details of events that carry a label. A trace that changed loses its
// entries.
#pragma once
#include "gui/canvas/timeline.h"
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace shardscope::gui {

// One rectangle of a lane, in trace time: an event; or neighbours of one phase and layer joined because they are too
// narrow for labels of their own; or a run of events below one pixel.
struct LaneBlock {
    int64_t start_ns = 0;
    int64_t end_ns = 0;
    EventId event = EventId::none; // the longest one
    uint32_t count = 1;            // events in it
    bool joined = false;           // several events, all of `phase` and `layer`
    bool whole = true;             // no neighbour continues the same phase and layer
    bool merged = false;           // a sub-pixel run; phase and layer are those of the longest event only
    Phase phase = Phase::forward;
    OpClass op_class = OpClass::compute;
    int32_t layer = -1;
    int32_t bucket = -1;
    LaneId lane = LaneId::none;
    int64_t event_start_ns = unknown_start; // of `event`; unknown in a sub-pixel run
    int64_t event_end_ns = 0;
    static constexpr int64_t unknown_start = std::numeric_limits<int64_t>::min();
};

// Joining can be left out where names decide about colours: what is joined has several.
std::vector<LaneBlock> joinRects(const std::vector<LaneRect>&, double ns_per_px);

// The parts of [start, end) not covered by `cover`, which is sorted by start and does not overlap.
std::vector<TimeRange> uncovered(TimeRange, const std::vector<LaneBlock>& cover);

// The busiest moment of a column of the memory curve: the point with the largest total, with its split.
struct MemoryColumn {
    std::array<int64_t, all_memory_categories.size()> bytes{};
    int64_t total = 0;
};
struct MemoryColumns {
    int64_t first_ns = 0;  // trace time of columns[0]
    int64_t column_ns = 1; // width of a column
    std::vector<MemoryColumn> columns;
};

class TimelineCache {
public:
    // Blocks are joined unless names give the colours. After `fetch_budget_ms` what is missing is answered coarser, or
    // not at all, and the frame is incomplete; 0: as long as it takes.
    void beginFrame(const TimelineModel&, double fetch_budget_ms = 0);
    bool incomplete() const { return m_incomplete; }

    const std::vector<LaneBlock>& blocks(const TraceReader&, LaneId, TimeRange, double ns_per_px);
    const std::vector<LaneBlock>& overview(const TraceReader&, LaneId, TimeRange, double ns_per_px); // for the minimap
    const std::optional<IntervalDetails>& details(const TraceReader&, const LaneBlock&); // of its longest event
    const MemoryColumns& memory(const TraceReader&, int32_t rank, MemoryTier, TimeRange, double column_ns);
    // Where laneResolution ended at this zoom, so that the next frame begins there.
    int& coarseningAt(double ns_per_px);
    int32_t headLayer(const TraceReader&); // the layer number of the final norm and head, or -1 if unknown

private:
    struct Stamp { // what tells a changed or another trace at the same address
        std::string path;
        int64_t events = -1;
        TimeRange span;
        size_t memory_points = 0;
        bool operator==(const Stamp&) const = default;
    };
    struct LaneEntry {
        TimeRange range;
        double ns_per_px = 0;
        std::vector<LaneBlock> blocks;
    };
    struct MemoryEntry {
        std::vector<uint32_t> chunk_peaks; // index of the largest total in each chunk of the curve
        TimeRange range;
        MemoryColumns columns;
    };
    struct TraceEntry {
        Stamp stamp;
        std::map<LaneId, LaneEntry> lanes, overviews;
        std::map<std::pair<int32_t, MemoryTier>, MemoryEntry> memory;
        std::unordered_map<int64_t, std::optional<IntervalDetails>> details;
        std::optional<int32_t> head_layer;
    };
    const std::vector<LaneBlock>& fetch(LaneEntry&, const TraceReader&, LaneId, TimeRange, double ns_per_px);
    bool late(); // and then the frame is incomplete

    bool m_joins = true, m_incomplete = false;
    std::chrono::steady_clock::time_point m_deadline;
    double m_zoom = 0;
    int m_coarsening = 0;
    std::map<const TraceReader*, TraceEntry> m_traces;
};

} // namespace shardscope::gui
