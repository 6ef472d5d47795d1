// SPDX-License-Identifier: Apache-2.0
// What was asked of the readers, kept from frame to frame: lane blocks and memory columns for three times the visible
// span, so that panning asks nothing, and the details of events that carry a label. A trace that changed loses its
// entries, or keeps them until newer ones come if it only grew.
//
// Readers may read their file, and a window must not wait for that. A cache that defers notes down what it lacks and
// draws what it has; somebody answers its wishes on a worker and gives it the answers.
#pragma once
#include "gui/canvas/timeline.h"
#include <array>
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
    bool operator==(const LaneBlock&) const = default;
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

// What a frame lacked of one trace. Of each lane in sight the whole is known roughly, for where a jump leads to.
enum class LanePart { view, minimap, rough };
struct LaneWish {
    LaneId lane = LaneId::none;
    LanePart part = LanePart::view;
    TimeRange range;
    double ns_per_px = 0;
    bool operator==(const LaneWish&) const = default;
};
struct TraceWishes {
    std::string path;
    bool joins = true; // narrow neighbours become one block
    std::vector<LaneWish> lanes;
    std::vector<LaneBlock> details; // of their longest events
    bool operator==(const TraceWishes&) const = default;
};

struct TraceAnswers {
    TraceWishes wishes;
    std::vector<std::vector<LaneBlock>> lanes; // as in the wishes
    std::vector<std::optional<IntervalDetails>> details;
};
TraceAnswers answer(const TraceReader&, TraceWishes); // on any thread that owns the reader

class TimelineCache {
public:
    // Blocks are joined unless names give the colours.
    void beginFrame(const TimelineModel&, bool deferred = false);
    bool incomplete() const { return m_incomplete; } // something was not at hand
    std::vector<TraceWishes> takeWishes();           // of the last frame
    void give(TraceAnswers);

    const std::vector<LaneBlock>& blocks(const TraceReader&, LaneId, TimeRange, double ns_per_px);
    const std::vector<LaneBlock>& overview(const TraceReader&, LaneId, TimeRange, double ns_per_px); // for the minimap
    const std::optional<IntervalDetails>& details(const TraceReader&, const LaneBlock&); // of its longest event
    const MemoryColumns& memory(const TraceReader&, int32_t rank, MemoryTier, TimeRange, double column_ns);
    // Where laneResolution ended at this zoom, so that the next frame begins there.
    struct Coarsening {
        int doublings = 0;
        int too_fine = -1; // so many doublings showed more than a frame may, in this very picture
    };
    Coarsening& coarseningOf(TimeRange visible, double ns_per_px, size_t lanes);
    bool defers() const { return m_deferred; }
    int32_t headLayer(const TraceReader&); // the layer number of the final norm and head, or -1 if unknown

private:
    struct Stamp { // what tells a changed or another trace at the same address
        std::string path, recording;
        int64_t events = -1;
        TimeRange span;
        size_t memory_points = 0;
        bool operator==(const Stamp&) const = default;
    };
    struct LaneEntry {
        TimeRange range;
        double ns_per_px = 0;
        bool joins = true, outdated = false;
        std::vector<LaneBlock> blocks;
        bool wished = false; // of this frame
        LaneWish wish;
    };
    struct MemoryEntry {
        std::vector<uint32_t> chunk_peaks; // index of the largest total in each chunk of the curve
        TimeRange range;
        MemoryColumns columns;
    };
    struct TraceEntry {
        Stamp stamp;
        std::map<LaneId, LaneEntry> lanes, minimap, rough;
        std::map<LaneId, LaneEntry>& of(LanePart part) {
            return part == LanePart::view ? lanes : part == LanePart::minimap ? minimap : rough;
        }
        std::map<std::pair<int32_t, MemoryTier>, MemoryEntry> memory;
        std::unordered_map<int64_t, std::optional<IntervalDetails>> details;
        std::unordered_map<int64_t, LaneBlock> wished_details;
        std::optional<int32_t> head_layer;
    };
    const std::vector<LaneBlock>& fetch(TraceEntry&, const TraceReader&, const LaneWish&);
    void wishFor(LaneEntry&, const LaneWish&);
    TraceEntry& entryOf(const TraceReader&);

    bool m_joins = true, m_deferred = false, m_incomplete = false;
    double m_zoom = 0;
    Coarsening m_coarsening;
    std::tuple<int64_t, int64_t, size_t, bool> m_judged;             // the picture that `too_fine` speaks of
    std::map<std::string, TraceEntry> m_traces;                      // by path
    std::vector<std::pair<const TraceReader*, TraceEntry*>> m_shown; // of this frame
};

} // namespace shardscope::gui
