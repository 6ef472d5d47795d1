// SPDX-License-Identifier: Apache-2.0
// Reads a *.shardscope file, finished or still being written. Never modifies it. The static part (run, lanes, program)
// is loaded at once; lanes are loaded on first use and kept as sorted columns, so that `rects` answers a picture from
// memory. Not thread-safe: one reader per thread (they are cheap), or one owner.
#pragma once
#include "traces/result.h"
#include "traces/trace_event.h"
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace shardscope {

struct TimeRange {
    int64_t start_ns = 0;
    int64_t end_ns = 0;
    int64_t duration() const { return end_ns - start_ns; }
    bool operator==(const TimeRange&) const = default;
};

// What to draw in one lane: either one event, or a run of `count` events too narrow to be told apart.
struct LaneRect {
    int64_t start_ns = 0;
    int64_t end_ns = 0;
    EventId event = EventId::none; // the longest one it stands for
    uint32_t count = 1;
    Phase phase = Phase::forward; // of that longest one, as are the following
    OpClass op_class = OpClass::compute;
    int32_t layer = -1;
    int32_t bucket = -1;
};

struct IntervalDetails {
    EventId id = EventId::none;
    IntervalEvent event;
    std::string name;
    LaneInfo lane;
};

// The memory of one rank and tier over time: piecewise constant, value[i] holds from time_ns[i] to time_ns[i+1].
struct MemoryCurve {
    std::vector<int64_t> time_ns;
    std::array<std::vector<int64_t>, all_memory_categories.size()> bytes; // by category, same length as time_ns
    std::vector<int64_t> total_bytes;
    int64_t peak_bytes = 0;   // of the total
    int64_t peak_time_ns = 0; // first time it was reached
};

// What an imported trace counted, e.g. free memory: value[i] holds from time_ns[i] on.
struct CounterCurve {
    int32_t rank = 0;
    std::string name;
    std::vector<int64_t> time_ns; // not falling
    std::vector<double> value;
};

class TraceReader {
public:
    static constexpr int64_t default_column_bytes = int64_t{256} << 20;
    // Columns of a finished trace are kept in memory up to about `column_bytes`; those loaded first make room.
    // One sentence on failure: missing, unreadable, not a trace, newer than this program.
    static Result<std::unique_ptr<TraceReader>> open(const std::string& path,
                                                     int64_t column_bytes = default_column_bytes);
    ~TraceReader();

    // Takes in what was committed since; true if anything changed. For live runs; cheap when nothing did.
    Result<bool> refresh();

    const std::string& path() const;
    const std::map<std::string, std::string>& run() const; // RunInfoEvent rows, key -> value
    std::string runValue(const std::string& key) const;    // empty if absent
    bool live() const;                                     // status is "running" (the writer may also have been killed)
    TimeRange span() const;                                // all intervals, {0,0} if none
    int32_t ranks() const;                                 // highest rank of any lane + 1

    std::span<const LaneInfo> lanes() const;         // index = LaneId
    std::span<const ProgramOpEvent> program() const; // by rising OpId, which may skip numbers: not an index
    const ProgramOpEvent* op(OpId) const;            // null if the program has none of this id; valid until refresh()
    std::span<const BucketEvent> buckets() const;
    std::span<const StepEvent> steps() const;
    std::span<const PlannedPeakEvent> plannedPeaks() const;
    std::span<const WarningEvent> warnings() const;
    std::span<const ProcessGroupEvent> processGroups() const; // by rising ProcessGroupEvent::group
    std::vector<CounterCurve> counters() const;               // read from the file each time
    int64_t eventCount() const;                               // intervals of all lanes

    // What fills these pixels: visible events of the lane in order, those that fall below one pixel merged.
    std::vector<LaneRect> rects(LaneId, TimeRange, double ns_per_px) const;
    // All events of a lane that touch the range, by start time. For analysis.
    std::vector<IntervalEvent> events(LaneId, TimeRange) const;
    std::optional<IntervalDetails> details(EventId) const;
    std::string name(NameId) const;
    // The curve of a rank and tier; empty if nothing was recorded. The reference is good until refresh() returns true.
    // Changes at the same time keep the order in which they were recorded.
    const MemoryCurve& memory(int32_t rank, MemoryTier) const;

private:
    struct Impl;
    explicit TraceReader(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
