// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/timeline_cache.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {

namespace {

constexpr size_t chunk_points = 128;
constexpr size_t max_details = 20'000; // then the oldest knowledge is thrown away as a whole

bool contains(TimeRange outer, TimeRange inner) {
    return outer.start_ns <= inner.start_ns && outer.end_ns >= inner.end_ns;
}

// Three times the span, so that a pan of one screen to either side is answered from memory.
TimeRange widened(TimeRange range) {
    const int64_t margin = std::min(range.duration(), int64_t{1} << 60); // ends stay within int64
    return {range.start_ns - margin, range.end_ns + margin};
}

bool joinable(const LaneRect& r) {
    return r.op_class == OpClass::compute && (r.layer != -1 || r.phase == Phase::optimizer);
}

LaneBlock blockOf(const LaneRect& r) {
    return {.start_ns = r.start_ns,
            .end_ns = r.end_ns,
            .event = r.event,
            .count = r.count,
            .merged = r.count > 1,
            .phase = r.phase,
            .op_class = r.op_class,
            .layer = r.layer,
            .bucket = r.bucket,
            .event_start_ns = r.count == 1 ? r.start_ns : LaneBlock::unknown_start,
            .event_end_ns = r.end_ns};
}

std::vector<uint32_t> chunkPeaks(const MemoryCurve& curve) {
    std::vector<uint32_t> peaks;
    for (size_t from = 0; from < curve.total_bytes.size(); from += chunk_points) {
        const auto begin = curve.total_bytes.begin() + static_cast<ptrdiff_t>(from);
        const auto end =
            curve.total_bytes.begin() + static_cast<ptrdiff_t>(std::min(from + chunk_points, curve.total_bytes.size()));
        peaks.push_back(static_cast<uint32_t>(std::max_element(begin, end) - curve.total_bytes.begin()));
    }
    return peaks;
}

// The index of the largest total among points [first, last], whole chunks at a time.
size_t peakIndex(const MemoryCurve& curve, const std::vector<uint32_t>& chunk_peaks, size_t first, size_t last) {
    size_t best = first;
    for (size_t i = first; i <= last;) {
        const bool whole_chunk = i % chunk_points == 0 && i + chunk_points - 1 <= last;
        const size_t candidate = whole_chunk ? chunk_peaks[i / chunk_points] : i;
        if (curve.total_bytes[candidate] > curve.total_bytes[best]) best = candidate;
        i += whole_chunk ? chunk_points : 1;
    }
    return best;
}

MemoryColumns columnsOf(const MemoryCurve& curve, const std::vector<uint32_t>& chunk_peaks, TimeRange range,
                        int64_t column_ns) {
    MemoryColumns result;
    result.column_ns = column_ns;
    // Aligned to multiples of the width, so that a pan does not make the picture shimmer.
    const auto aligned =
        static_cast<int64_t>(std::floor(static_cast<double>(range.start_ns) / static_cast<double>(column_ns)));
    result.first_ns = aligned * column_ns;
    size_t point = static_cast<size_t>(std::lower_bound(curve.time_ns.begin(), curve.time_ns.end(), result.first_ns) -
                                       curve.time_ns.begin());
    for (int64_t start = result.first_ns; start < range.end_ns; start += column_ns) {
        const size_t first_inside = point;
        while (point < curve.time_ns.size() && curve.time_ns[point] < start + column_ns) {
            // Dense columns leap over whole chunks.
            const size_t leap = point + chunk_points;
            point = leap < curve.time_ns.size() && curve.time_ns[leap] < start + column_ns ? leap : point + 1;
        }
        MemoryColumn column;
        if (point > 0) { // the value carried in, and everything that happens inside
            const bool changes_at_start = first_inside < point && curve.time_ns[first_inside] == start;
            const size_t first = first_inside > 0 && !changes_at_start ? first_inside - 1 : first_inside;
            const size_t peak = peakIndex(curve, chunk_peaks, first, point - 1);
            for (size_t c = 0; c < column.bytes.size(); ++c) column.bytes[c] = curve.bytes[c][peak];
            column.total = curve.total_bytes[peak];
        }
        result.columns.push_back(column);
    }
    return result;
}

} // namespace

std::vector<LaneBlock> joinRects(const std::vector<LaneRect>& rects, double ns_per_px) {
    constexpr double widest_gap_px = 1.5, label_px = 56, optimizer_label_px = 110;
    std::vector<LaneBlock> blocks;
    for (size_t i = 0; i < rects.size();) {
        size_t end = i + 1;
        if (joinable(rects[i]))
            while (end < rects.size() && joinable(rects[end]) && rects[end].phase == rects[i].phase &&
                   rects[end].layer == rects[i].layer &&
                   static_cast<double>(rects[end].start_ns - rects[end - 1].end_ns) <= widest_gap_px * ns_per_px)
                ++end;
        // They stand alone once most of their time lies in operations wide enough for a name.
        const double enough = rects[i].phase == Phase::optimizer ? optimizer_label_px : label_px;
        int64_t all = 0, readable = 0;
        for (size_t k = i; k < end; ++k) {
            const int64_t length = rects[k].end_ns - rects[k].start_ns;
            all += length;
            if (static_cast<double>(length) >= enough * ns_per_px) readable += length;
        }
        if (end - i == 1 || 2 * readable > all) {
            const bool whole = end - i == 1;
            for (; i < end; ++i) {
                blocks.push_back(blockOf(rects[i]));
                blocks.back().whole = whole;
            }
            continue;
        }
        LaneBlock block = blockOf(rects[i]);
        int64_t longest = 0;
        block.count = 0;
        for (; i < end; ++i) {
            block.count += rects[i].count;
            block.merged = block.merged && rects[i].count > 1;
            block.end_ns = std::max(block.end_ns, rects[i].end_ns);
            if (rects[i].end_ns - rects[i].start_ns > longest) {
                longest = rects[i].end_ns - rects[i].start_ns;
                block.event = rects[i].event;
                block.event_start_ns = rects[i].count == 1 ? rects[i].start_ns : LaneBlock::unknown_start;
                block.event_end_ns = rects[i].end_ns;
            }
        }
        block.joined = !block.merged;
        blocks.push_back(block);
    }
    return blocks;
}

std::vector<TimeRange> uncovered(TimeRange range, const std::vector<LaneBlock>& cover) {
    std::vector<TimeRange> free;
    int64_t at = range.start_ns;
    auto block = std::lower_bound(cover.begin(), cover.end(), range.start_ns,
                                  [](const LaneBlock& b, int64_t t) { return b.end_ns <= t; });
    for (; block != cover.end() && block->start_ns < range.end_ns; ++block) {
        if (block->start_ns > at) free.push_back({at, block->start_ns});
        at = std::max(at, block->end_ns);
    }
    if (at < range.end_ns) free.push_back({at, range.end_ns});
    return free;
}

void TimelineCache::beginFrame(const TimelineModel& model, double fetch_budget_ms) {
    using namespace std::chrono;
    m_incomplete = false;
    m_deadline = fetch_budget_ms > 0 ? steady_clock::now() + microseconds(static_cast<int64_t>(fetch_budget_ms * 1e3))
                                     : steady_clock::time_point::max();
    std::set<const TraceReader*> shown;
    for (const TraceView& trace : model.traces) {
        shown.insert(trace.reader);
        Stamp stamp{.path = trace.reader->path(), .events = trace.reader->eventCount(), .span = trace.reader->span()};
        for (int32_t rank = 0; rank < trace.reader->ranks(); ++rank)
            stamp.memory_points += trace.reader->memory(rank, MemoryTier::device).time_ns.size();
        TraceEntry& entry = m_traces[trace.reader];
        if (!(entry.stamp == stamp)) {
            entry = {};
            entry.stamp = stamp;
        }
    }
    std::erase_if(m_traces, [&](const auto& entry) { return !shown.contains(entry.first); });
    const bool joins = model.colouring != TimelineColouring::name;
    if (joins == m_joins) return;
    m_joins = joins;
    for (auto& [reader, entry] : m_traces) entry.lanes.clear();
}

bool TimelineCache::late() {
    const bool late = std::chrono::steady_clock::now() > m_deadline;
    m_incomplete |= late;
    return late;
}

int& TimelineCache::coarseningAt(double ns_per_px) {
    if (m_zoom != ns_per_px) m_coarsening = 0;
    m_zoom = ns_per_px;
    return m_coarsening;
}

const std::vector<LaneBlock>& TimelineCache::fetch(LaneEntry& entry, const TraceReader& reader, LaneId lane,
                                                   TimeRange range, double ns_per_px) {
    const bool covered = contains(entry.range, range) && entry.ns_per_px > 0;
    if (entry.ns_per_px == ns_per_px && covered) return entry.blocks;
    double resolution = ns_per_px;
    if (late()) { // what was there before, or a quick look
        if (covered) return entry.blocks;
        constexpr double coarser = 64;
        resolution *= coarser;
    }
    // A pan is likely to go on, and is free then; a zoom makes what lies beside the view useless, where time is short.
    const bool hurried = m_deadline != std::chrono::steady_clock::time_point::max();
    entry.range = hurried && entry.ns_per_px != ns_per_px ? range : widened(range);
    entry.ns_per_px = resolution;
    const std::vector<LaneRect> rects = reader.rects(lane, entry.range, resolution);
    entry.blocks.clear();
    if (m_joins)
        entry.blocks = joinRects(rects, resolution);
    else
        for (const LaneRect& rect : rects) entry.blocks.push_back(blockOf(rect));
    for (LaneBlock& block : entry.blocks) block.lane = lane;
    return entry.blocks;
}

const std::vector<LaneBlock>& TimelineCache::blocks(const TraceReader& reader, LaneId lane, TimeRange range,
                                                    double ns_per_px) {
    return fetch(m_traces[&reader].lanes[lane], reader, lane, range, ns_per_px);
}

const std::vector<LaneBlock>& TimelineCache::overview(const TraceReader& reader, LaneId lane, TimeRange range,
                                                      double ns_per_px) {
    return fetch(m_traces[&reader].overviews[lane], reader, lane, range, ns_per_px);
}

const std::optional<IntervalDetails>& TimelineCache::details(const TraceReader& reader, const LaneBlock& block) {
    static const std::optional<IntervalDetails> not_yet;
    auto& known = m_traces[&reader].details;
    if (known.size() > max_details) known.clear();
    if (!known.contains(static_cast<int64_t>(block.event)) && late()) return not_yet;
    const auto [entry, is_new] = known.try_emplace(static_cast<int64_t>(block.event));
    if (!is_new) return entry->second;
    // Where the start is known the lane's columns answer; the longest of a sub-pixel run has to be looked up.
    if (block.event_start_ns != LaneBlock::unknown_start)
        for (const IntervalEvent& event : reader.events(block.lane, {block.event_start_ns, block.event_start_ns + 1}))
            if (event.start_ns == block.event_start_ns && event.end_ns == block.event_end_ns)
                entry->second = IntervalDetails{.id = block.event,
                                                .event = event,
                                                .name = reader.name(event.name),
                                                .lane = reader.lanes()[static_cast<size_t>(block.lane)]};
    if (!entry->second) entry->second = reader.details(block.event);
    return entry->second;
}

const MemoryColumns& TimelineCache::memory(const TraceReader& reader, int32_t rank, MemoryTier tier, TimeRange range,
                                           double column_ns) {
    MemoryEntry& entry = m_traces[&reader].memory[{rank, tier}];
    const MemoryCurve& curve = reader.memory(rank, tier);
    if (entry.chunk_peaks.empty()) entry.chunk_peaks = chunkPeaks(curve);
    const int64_t width = std::max<int64_t>(1, std::llround(column_ns));
    if (entry.columns.column_ns != width || entry.columns.columns.empty() || !contains(entry.range, range)) {
        entry.range = widened(range);
        entry.columns = columnsOf(curve, entry.chunk_peaks, entry.range, width);
    }
    return entry.columns;
}

int32_t TimelineCache::headLayer(const TraceReader& reader) {
    std::optional<int32_t>& head = m_traces[&reader].head_layer;
    if (!head) {
        head = -1;
        for (const ProgramOpEvent& op : reader.program())
            if (op.layer > *head) head = op.layer;
    }
    return *head;
}

} // namespace shardscope::gui
