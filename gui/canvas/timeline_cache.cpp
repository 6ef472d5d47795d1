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

namespace {

std::vector<LaneBlock> blocksOf(const TraceReader& reader, const LaneWish& wish, bool joins) {
    const std::vector<LaneRect> rects = reader.rects(wish.lane, wish.range, wish.ns_per_px);
    std::vector<LaneBlock> blocks;
    if (joins)
        blocks = joinRects(rects, wish.ns_per_px);
    else
        for (const LaneRect& rect : rects) blocks.push_back(blockOf(rect));
    for (LaneBlock& block : blocks) block.lane = wish.lane;
    return blocks;
}

std::optional<IntervalDetails> detailsOf(const TraceReader& reader, const LaneBlock& block) {
    // Where the start is known the lane's columns answer; the longest of a sub-pixel run has to be looked up.
    if (block.event_start_ns != LaneBlock::unknown_start)
        for (const IntervalEvent& event : reader.events(block.lane, {block.event_start_ns, block.event_start_ns + 1}))
            if (event.start_ns == block.event_start_ns && event.end_ns == block.event_end_ns)
                return IntervalDetails{.id = block.event,
                                       .event = event,
                                       .name = reader.name(event.name),
                                       .lane = reader.lanes()[static_cast<size_t>(block.lane)]};
    return reader.details(block.event);
}

} // namespace

TraceAnswers answer(const TraceReader& reader, TraceWishes wishes) {
    TraceAnswers answers{.wishes = std::move(wishes), .lanes = {}, .details = {}};
    for (const LaneWish& wish : answers.wishes.lanes)
        answers.lanes.push_back(blocksOf(reader, wish, answers.wishes.joins));
    for (const LaneBlock& block : answers.wishes.details) answers.details.push_back(detailsOf(reader, block));
    return answers;
}

void TimelineCache::beginFrame(const TimelineModel& model, bool deferred) {
    m_incomplete = false;
    m_deferred = deferred;
    m_shown.clear();
    std::set<std::string> shown;
    for (const TraceView& trace : model.traces) {
        const TraceReader& reader = *trace.reader;
        Stamp stamp{.path = reader.path(),
                    .recording = reader.runValue("trace_id"),
                    .events = reader.eventCount(),
                    .span = reader.span()};
        for (int32_t rank = 0; rank < reader.ranks(); ++rank)
            stamp.memory_points += reader.memory(rank, MemoryTier::device).time_ns.size();
        TraceEntry& entry = m_traces[stamp.path];
        if (!(entry.stamp == stamp)) {
            const bool grew = deferred && !stamp.recording.empty() && stamp.recording == entry.stamp.recording;
            if (grew) {
                for (auto* lanes : {&entry.lanes, &entry.minimap, &entry.rough})
                    for (auto& [lane, known] : *lanes) known.outdated = true;
                entry.memory.clear();
                entry.head_layer.reset();
            } else {
                entry = {};
            }
            entry.stamp = stamp;
        }
        for (auto* lanes : {&entry.lanes, &entry.minimap, &entry.rough})
            for (auto& [lane, known] : *lanes) known.wished = false;
        entry.wished_details.clear();
        shown.insert(stamp.path);
        m_shown.emplace_back(&reader, &entry);
    }
    std::erase_if(m_traces, [&](const auto& entry) { return !shown.contains(entry.first); });
    m_joins = model.colouring != TimelineColouring::name;
}

TimelineCache::TraceEntry& TimelineCache::entryOf(const TraceReader& reader) {
    for (const auto& [known, entry] : m_shown)
        if (known == &reader) return *entry;
    return m_traces[reader.path()];
}

std::vector<TraceWishes> TimelineCache::takeWishes() {
    std::vector<TraceWishes> all;
    for (auto& [path, entry] : m_traces) {
        TraceWishes wishes{.path = path, .joins = m_joins, .lanes = {}, .details = {}};
        for (auto* lanes : {&entry.minimap, &entry.rough, &entry.lanes})
            for (auto& [lane, known] : *lanes)
                if (std::exchange(known.wished, false)) wishes.lanes.push_back(known.wish);
        for (const auto& [event, block] : entry.wished_details) wishes.details.push_back(block);
        entry.wished_details.clear();
        if (!wishes.lanes.empty() || !wishes.details.empty()) all.push_back(std::move(wishes));
    }
    return all;
}

void TimelineCache::give(TraceAnswers answers) {
    const auto found = m_traces.find(answers.wishes.path);
    if (found == m_traces.end()) return; // not shown any more
    TraceEntry& entry = found->second;
    for (size_t i = 0; i < answers.lanes.size() && i < answers.wishes.lanes.size(); ++i) {
        const LaneWish& wish = answers.wishes.lanes[i];
        LaneEntry& known = entry.of(wish.part)[wish.lane];
        known.range = wish.range;
        known.ns_per_px = wish.ns_per_px;
        known.joins = answers.wishes.joins;
        known.outdated = false;
        known.blocks = std::move(answers.lanes[i]);
    }
    if (entry.details.size() > max_details) entry.details.clear();
    for (size_t i = 0; i < answers.details.size() && i < answers.wishes.details.size(); ++i)
        entry.details.insert_or_assign(static_cast<int64_t>(answers.wishes.details[i].event), answers.details[i]);
}

TimelineCache::Coarsening& TimelineCache::coarseningOf(TimeRange visible, double ns_per_px, size_t lanes) {
    // Without waiting there is nothing to begin with but what the zoom before needed.
    if (m_zoom != ns_per_px && !m_deferred) m_coarsening = {};
    m_zoom = ns_per_px;
    const std::tuple picture{visible.start_ns, visible.end_ns, lanes, m_joins};
    if (std::exchange(m_judged, picture) != picture) m_coarsening.too_fine = -1;
    return m_coarsening;
}

void TimelineCache::wishFor(LaneEntry& entry, const LaneWish& wish) {
    m_incomplete = true;
    entry.wished = true;
    entry.wish = wish;
}

const std::vector<LaneBlock>& TimelineCache::fetch(TraceEntry& trace, const TraceReader& reader, const LaneWish& wish) {
    LaneEntry& entry = trace.of(wish.part)[wish.lane];
    const bool covered = contains(entry.range, wish.range) && entry.ns_per_px > 0;
    if (covered && entry.ns_per_px == wish.ns_per_px && entry.joins == m_joins && !entry.outdated) {
        entry.wished = false;
        return entry.blocks;
    }
    // A pan is likely to go on, and is free then.
    const LaneWish wanted{wish.lane, wish.part, widened(wish.range), wish.ns_per_px};
    if (m_deferred) {
        wishFor(entry, wanted);
        if (covered || wish.part != LanePart::view) return entry.blocks;
        LaneEntry& rough = trace.rough[wish.lane];
        return contains(rough.range, reader.span()) ? rough.blocks : entry.blocks;
    }
    entry.range = wanted.range;
    entry.ns_per_px = wanted.ns_per_px;
    entry.joins = m_joins;
    entry.outdated = false;
    entry.blocks = blocksOf(reader, wanted, m_joins);
    return entry.blocks;
}

const std::vector<LaneBlock>& TimelineCache::blocks(const TraceReader& reader, LaneId lane, TimeRange range,
                                                    double ns_per_px) {
    constexpr double rough_columns = 500;
    TraceEntry& trace = entryOf(reader);
    if (m_deferred) {
        const TimeRange all = reader.span();
        LaneEntry& rough = trace.rough[lane];
        if ((!contains(rough.range, all) || rough.ns_per_px == 0) && all.duration() > 0)
            wishFor(rough, {lane, LanePart::rough, all, static_cast<double>(all.duration()) / rough_columns});
    }
    return fetch(trace, reader, {lane, LanePart::view, range, ns_per_px});
}

const std::vector<LaneBlock>& TimelineCache::overview(const TraceReader& reader, LaneId lane, TimeRange range,
                                                      double ns_per_px) {
    return fetch(entryOf(reader), reader, {lane, LanePart::minimap, range, ns_per_px});
}

const std::optional<IntervalDetails>& TimelineCache::details(const TraceReader& reader, const LaneBlock& block) {
    static const std::optional<IntervalDetails> not_yet;
    TraceEntry& entry = entryOf(reader);
    const auto id = static_cast<int64_t>(block.event);
    if (const auto known = entry.details.find(id); known != entry.details.end()) return known->second;
    if (m_deferred) {
        m_incomplete = true;
        entry.wished_details.insert_or_assign(id, block);
        return not_yet;
    }
    if (entry.details.size() > max_details) entry.details.clear();
    return entry.details.insert_or_assign(id, detailsOf(reader, block)).first->second;
}

const MemoryColumns& TimelineCache::memory(const TraceReader& reader, int32_t rank, MemoryTier tier, TimeRange range,
                                           double column_ns) {
    MemoryEntry& entry = entryOf(reader).memory[{rank, tier}];
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
    std::optional<int32_t>& head = entryOf(reader).head_layer;
    if (!head) {
        head = -1;
        for (const ProgramOpEvent& op : reader.program())
            if (op.layer > *head) head = op.layer;
    }
    return *head;
}

} // namespace shardscope::gui
