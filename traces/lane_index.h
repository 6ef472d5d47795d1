// SPDX-License-Identifier: Apache-2.0
// The events of one lane as sorted columns, and the answer to "what fills these pixels". A lane is a list of chunks of
// at most 64Ki events; a chunk knows its extent before it is loaded and carries a small pyramid of maxima, so that a
// picture costs O(pixels * log n) and a busy pixel is never left empty.
#pragma once
#include "traces/trace_reader.h"
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace shardscope {

inline constexpr size_t chunk_capacity = 65536;             // what a reader takes
inline constexpr size_t written_chunk_events = 16384;       // a close view decodes one or two whole chunks of each lane
inline constexpr int64_t time_limit_ns = int64_t{1} << 61;  // times are kept within +-73 years, so that differences fit
inline constexpr int64_t quantity_limit = int64_t{1} << 56; // of bytes and elements: 72 petabytes

// What `IntervalEvent` knows beyond what is drawn.
struct IntervalDetail {
    OpId op = OpId::none;
    NameId name = NameId::none;
    int32_t step = -1;
    int32_t process_group = -1;
    int64_t elements = 0, bytes = 0, sent_bytes = 0, wait_ns = 0, emulated_ns = 0;
    int64_t correlation = -1;
    bool operator==(const IntervalDetail&) const = default;
};

// What is drawn of a chunk's events, a column each and all of one length; `count` may be empty: one each.
struct ShapeColumns {
    std::vector<int64_t> start_ns, end_ns, event; // starts in order
    std::vector<uint32_t> count;
    std::vector<Phase> phase;
    std::vector<OpClass> op_class;
    std::vector<int32_t> layer, bucket;
    size_t size() const { return start_ns.size(); }
    void add(const LaneRect&, bool with_count);
};

// Things in order of start. Level 0 holds single events; coarser levels hold runs of them and have counts.
class Chunk {
public:
    Chunk() = default;
    explicit Chunk(ShapeColumns&&); // at most chunk_capacity, at least one
    void append(const LaneRect&);   // start_ns not before the last one's
    void append(const LaneRect&, const IntervalDetail&);

    size_t size() const { return m_shape.start_ns.size(); }
    int64_t start(size_t i) const { return m_shape.start_ns[i]; }
    int64_t end(size_t i) const { return m_shape.end_ns[i]; }
    LaneRect rect(size_t i) const;
    bool hasDetails() const { return m_details.size() == m_shape.start_ns.size(); }
    const IntervalDetail& detail(size_t i) const { return m_details[i]; }
    void setDetails(std::vector<IntervalDetail> details) { m_details = std::move(details); }
    int64_t lastEnd() const; // latest end of all, not of the last

    // Adds what `range` shows of this chunk, merged to at most two rects per pixel.
    void rects(TimeRange range, double ns_per_px, std::vector<LaneRect>& out) const;
    // First index that touches the range, then on while start(i) < range.end_ns; check touches(i).
    size_t firstTouching(TimeRange range) const;
    bool touches(size_t i, TimeRange range) const;
    size_t find(EventId) const; // size() if it is not here

private:
    struct Node { // of the 16 * 2^level events below it: offsets of the longest, and of the one that ends last
        uint16_t longest, latest;
    };
    size_t better(size_t a, size_t b, bool latest) const;
    size_t best(size_t first, size_t end, bool latest) const;
    size_t lowerBound(int64_t start_ns, size_t from) const;
    size_t addPixel(size_t first, int64_t edge, double px, std::vector<LaneRect>& out) const;
    LaneRect merged(size_t first, size_t end, size_t representative, int64_t end_ns) const;

    ShapeColumns m_shape;
    std::vector<IntervalDetail> m_details;
    std::vector<std::vector<Node>> m_pyramid;
};

// One interval on its way into a lane.
struct LaneEntry {
    LaneRect rect;
    IntervalDetail detail;
};

// A chunk that may still be in the file.
struct ChunkSlot {
    int64_t first_start_ns = 0, last_start_ns = 0, last_end_ns = 0;
    size_t count = 0;
    int64_t row = 0; // of the table, if it is in the file
    std::unique_ptr<Chunk> chunk;
};

class LaneIndex {
public:
    // width_ns 0: the events; else runs of events as a picture with that many ns per pixel shows them.
    struct Level {
        int64_t width_ns = 0;
        std::vector<ChunkSlot> slots;
    };
    // Loads a chunk that is not in memory, with details or without; false when the file is damaged.
    using Loader = std::function<bool(size_t level, size_t slot, bool details)>;

    std::vector<Level> levels = std::vector<Level>(1); // by rising width; [0] always exists

    void append(std::vector<LaneEntry> entries); // live: any order, usually after what is there
    size_t eventCount() const;
    TimeRange extent() const; // {0, 0} if there are no events

    // Both return false when a chunk could not be loaded; `out` is then to be thrown away.
    bool rects(TimeRange, double ns_per_px, const Loader&, std::vector<LaneRect>& out);
    bool events(TimeRange, LaneId, const Loader&, std::vector<IntervalEvent>& out);
};

IntervalEvent toEvent(LaneId, const LaneRect&, const IntervalDetail&);
// Forces times, durations and quantities into the limits above; true if anything had to be changed.
bool clampToLimits(LaneRect&, IntervalDetail&);
bool clampToLimits(IntervalEvent&);
bool withinLimits(const IntervalEvent&);

} // namespace shardscope
