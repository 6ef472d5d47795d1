// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/timeline_layout.h"
#include "gui/canvas/format.h"
#include "gui/canvas/rank_order.h"
#include <array>
#include <cmath>

namespace shardscope::gui {

namespace {

using namespace timeline_metrics;

constexpr float below_head = 5, between_ranks = 6, below_trace = 4;

std::vector<int32_t> shownRanks(const TimelineModel& model, const TraceReader& reader) {
    std::vector<int32_t> ranks;
    for (int32_t rank = 0; rank < reader.ranks(); ++rank)
        if (model.only_rank < 0 || model.only_rank == rank) ranks.push_back(rank);
    return ranks;
}

// Lanes by rank, and within a rank by kind: compute first, so that overlap is seen below it.
std::vector<std::vector<LaneId>> lanesByRank(const TraceReader& reader) {
    std::vector<std::vector<LaneId>> by_rank(static_cast<size_t>(std::max(0, reader.ranks())));
    const auto lanes = reader.lanes();
    for (size_t i = 0; i < lanes.size(); ++i)
        if (lanes[i].rank >= 0 && static_cast<size_t>(lanes[i].rank) < by_rank.size())
            by_rank[static_cast<size_t>(lanes[i].rank)].push_back(static_cast<LaneId>(i));
    for (auto& ids : by_rank)
        std::stable_sort(ids.begin(), ids.end(), [&](LaneId a, LaneId b) {
            return lanes[static_cast<size_t>(a)].kind < lanes[static_cast<size_t>(b)].kind;
        });
    return by_rank;
}

void addTrace(const TimelineModel& model, int trace, std::vector<TimelineRow>& rows) {
    const TraceReader& reader = *model.traces[static_cast<size_t>(trace)].reader;
    const TraceView& view = model.traces[static_cast<size_t>(trace)];
    // Steps of traces beside each other are told by the ruler; their phases are where they differ.
    const float bands = !model.show_lanes ? 0
                                          : (hasSteps(reader) && model.traces.size() == 1 ? step_band_height : 0) +
                                                (hasPhases(reader) ? phase_band_height : 0);
    if (model.frame == TimelineFrame::whole)
        rows.push_back({.kind = RowKind::head, .trace = trace, .height = head_height + (bands > 0 ? 0 : below_head)});
    if (bands > 0) rows.push_back({.kind = RowKind::bands, .trace = trace, .height = bands + below_bands});
    const auto lanes = lanesByRank(reader);
    const std::vector<int32_t> ranks = inOrder(shownRanks(model, reader), view.rank_order);
    for (int32_t rank : ranks) {
        const size_t first = rows.size();
        const bool collapsed = model.show_lanes && view.collapsed.contains(rank);
        const bool any_lane = !lanes[static_cast<size_t>(rank)].empty();
        if (collapsed && any_lane)
            rows.push_back({.kind = RowKind::summary, .trace = trace, .rank = rank, .height = metrics::lane_pitch});
        else if (model.show_lanes)
            for (LaneId lane : lanes[static_cast<size_t>(rank)])
                // Traces below each other have room for what their ranks did, not for how.
                if (!view.hidden.contains(lane) &&
                    (model.traces.size() == 1 || !isBesideWork(reader.lanes()[static_cast<size_t>(lane)])))
                    rows.push_back({.kind = RowKind::lane,
                                    .trace = trace,
                                    .rank = rank,
                                    .lane = lane,
                                    .height = metrics::lane_pitch});
        if (model.show_memory && !collapsed)
            for (MemoryTier tier : {MemoryTier::device, MemoryTier::host, MemoryTier::nvme})
                if (!reader.memory(rank, tier).time_ns.empty())
                    rows.push_back({.kind = RowKind::memory,
                                    .trace = trace,
                                    .rank = rank,
                                    .tier = tier,
                                    .height = memory_head + memory_low + memory_foot});
        if (rows.size() == first) continue;
        rows[first].names_rank = ranks.size() > 1;
        rows[first].folds = rows[first].kind != RowKind::memory;
        rows.back().height += ranks.size() > 1 && !collapsed ? between_ranks : 0;
    }
    if (!rows.empty()) rows.back().height += below_trace;
}

} // namespace

std::vector<LaneId> lanesOfRank(const TraceReader& reader, int32_t rank, const std::set<LaneId>& hidden) {
    std::vector<LaneId> ids;
    const auto lanes = reader.lanes();
    for (size_t i = 0; i < lanes.size(); ++i)
        if (lanes[i].rank == rank && !hidden.contains(static_cast<LaneId>(i))) ids.push_back(static_cast<LaneId>(i));
    return ids;
}

bool hasSteps(const TraceReader& reader) { return !reader.steps().empty(); }
bool hasPhases(const TraceReader& reader) { return !reader.program().empty(); }

PinnedRows pinnedRows(const TimelineLayout& layout, float scroll_y) {
    PinnedRows pinned;
    for (size_t i = 0; i < layout.rows.size(); ++i) {
        if (layout.rows[i].kind != RowKind::head) continue;
        if (i > 0 && layout.rows[i].y > scroll_y) { // the next trace pushes this one out
            pinned.y = std::min(0.0f, layout.rows[i].y - scroll_y - pinned.height);
            break;
        }
        pinned = {.first = i, .end = i + 1, .y = 0, .height = layout.rows[i].height};
        if (i + 1 < layout.rows.size() && layout.rows[i + 1].kind == RowKind::bands) {
            pinned.end = i + 2;
            pinned.height += layout.rows[i + 1].height;
        }
    }
    return pinned;
}

float topHeight(TimelineFrame frame) {
    return (frame == TimelineFrame::whole ? minimap_height : 0) + (frame == TimelineFrame::none ? 0 : ruler_height);
}

bool hasLegend(const TimelineModel& model) { return model.show_lanes && model.frame == TimelineFrame::whole; }

TimelineLayout layoutRows(const TimelineModel& model, float available_height) {
    TimelineLayout layout;
    for (int trace = 0; trace < static_cast<int>(model.traces.size()); ++trace) addTrace(model, trace, layout.rows);
    int memory_rows = 0;
    for (const TimelineRow& row : layout.rows) {
        layout.height += row.height;
        memory_rows += row.kind == RowKind::memory;
    }
    float growth = 0;
    if (memory_rows > 0) {
        growth = std::floor((available_height - layout.height) / static_cast<float>(memory_rows));
        if (growth < memory_least - memory_low) growth = 0; // it scrolls in any case
        growth = std::min(growth, highestMemory(model) - memory_low);
    }
    layout.height = 0;
    for (TimelineRow& row : layout.rows) {
        if (row.kind == RowKind::memory) row.height += growth;
        row.y = layout.height;
        layout.height += row.height;
    }
    return layout;
}

float contentHeight(const TimelineModel& model, float canvas_height) {
    return std::max(1.0f, canvas_height - topHeight(model.frame) - (hasLegend(model) ? legend_height : 0));
}

float timelineHeight(const TimelineModel& model) {
    return topHeight(model.frame) + layoutRows(model, 0).height + (hasLegend(model) ? legend_height : 0);
}

std::vector<LaneId> shownLanes(const TimelineModel& model, int trace) {
    std::vector<TimelineRow> rows;
    if (trace >= 0 && static_cast<size_t>(trace) < model.traces.size()) addTrace(model, trace, rows);
    std::vector<LaneId> lanes;
    for (const TimelineRow& row : rows)
        if (row.kind == RowKind::lane) lanes.push_back(row.lane);
    return lanes;
}

TimeRange fullRange(const TimelineModel& model) {
    std::optional<TimeRange> all;
    for (const TraceView& trace : model.traces) {
        const TimeRange span = trace.reader->span();
        if (span.duration() <= 0) continue;
        const TimeRange shifted{viewTime(span.start_ns, trace.origin_ns), viewTime(span.end_ns, trace.origin_ns)};
        if (!all) all = shifted;
        all->start_ns = std::min(all->start_ns, shifted.start_ns);
        all->end_ns = std::max(all->end_ns, shifted.end_ns);
    }
    if (!all) return {0, 1};
    return {std::max(all->start_ns, -farthest_ns), std::min(all->end_ns, farthest_ns)};
}

std::optional<int64_t> plannedPeak(const TraceReader& reader, int32_t rank, MemoryTier tier) {
    for (const PlannedPeakEvent& peak : reader.plannedPeaks())
        if (peak.rank == rank && peak.tier == tier && !peak.category) return peak.bytes;
    return {};
}

} // namespace shardscope::gui
