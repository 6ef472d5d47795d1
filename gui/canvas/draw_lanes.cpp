// SPDX-License-Identifier: Apache-2.0
// Lanes: a rounded block per event, with what matters about communication made visible: waiting is lighter, emulated
// time is hatched, and what no computation of the same rank hides is underlined.
#include "gui/canvas/format.h"
#include "gui/canvas/timeline_drawing.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {

namespace {

constexpr int block_budget = 5'500; // of max_rects; the rest is for underlines, hatching, memory and the frame
constexpr float narrowest_pattern = 8;
constexpr float detail_px = 5; // narrower collectives show neither waiting nor hatching
constexpr float label_padding = 4, underline_height = 2;
constexpr float merged_share = 0.38f; // of the background in the tone of sub-pixel runs

struct BlockStyle {
    Box box;
    Rgb colour;
    float radius;
};

// What hides communication: the compute lanes of the same rank, as one list.
std::vector<LaneBlock> computeCover(TimelineDrawing& d, const TimelineRow& row, double ns_per_px) {
    const TraceReader& reader = *d.view(row.trace).reader;
    const TimeRange range = d.traceRange(row.trace);
    std::vector<LaneBlock> cover;
    int lanes = 0;
    for (size_t i = 0; i < reader.lanes().size(); ++i) {
        if (reader.lanes()[i].rank != row.rank || reader.lanes()[i].kind != LaneKind::compute) continue;
        const auto& blocks = d.cache.blocks(reader, static_cast<LaneId>(i), range, ns_per_px);
        const auto [first, last] = visiblePart(blocks, range);
        cover.insert(cover.end(), blocks.begin() + static_cast<ptrdiff_t>(first),
                     blocks.begin() + static_cast<ptrdiff_t>(last));
        ++lanes;
    }
    if (lanes > 1) { // several lanes overlap each other: make them one sequence
        std::sort(cover.begin(), cover.end(), [](const auto& a, const auto& b) { return a.start_ns < b.start_ns; });
        std::vector<LaneBlock> joined;
        for (const LaneBlock& block : cover)
            if (joined.empty() || block.start_ns > joined.back().end_ns)
                joined.push_back(block);
            else
                joined.back().end_ns = std::max(joined.back().end_ns, block.end_ns);
        cover = std::move(joined);
    }
    return cover;
}

void drawCommunicationParts(TimelineDrawing& d, const TimelineRow& row, const LaneBlock& block,
                            const BlockStyle& style) {
    if (block.count != 1 || style.box.width() < detail_px) return;
    const TraceView& view = d.view(row.trace);
    const std::optional<IntervalDetails>& details = d.cache.details(*view.reader, block);
    if (!details) return;
    const IntervalEvent& event = details->event;
    Painter& p = d.painter;
    if (event.wait_ns > 0) { // waiting is paler than moving bytes
        const float until = std::min(d.axis.x(viewTime(event.start_ns + event.wait_ns, view.origin_ns)), style.box.x1);
        if (until - style.box.x0 >= p.pixel()) {
            d.drew_waiting = true;
            p.rect({style.box.x0 + p.pixel(), style.box.y0 + p.pixel(), until, style.box.y1 - p.pixel()}, 0xffffff,
                   0.42f);
        }
    }
    if (event.emulated_ns > 0) {
        const float from = std::max(d.axis.x(viewTime(event.end_ns - event.emulated_ns, view.origin_ns)), style.box.x0);
        const Box tail{std::max(from, d.axis.x0), style.box.y0 + 1, std::min(style.box.x1, d.axis.x1),
                       style.box.y1 - 1};
        if (tail.width() > 3) p.hatch(tail, 0x000000, 0.24f), d.drew_emulated = true;
    }
}

void drawLabel(TimelineDrawing& d, const TimelineRow& row, const LaneBlock& block, const BlockStyle& style) {
    const Box shown{std::max(style.box.x0, d.axis.x0), style.box.y0, std::min(style.box.x1, d.axis.x1), style.box.y1};
    const float room = shown.width() - 2 * label_padding;
    if (room < 8 || !d.painter.roomForLabels(d.reserved_labels)) return;
    const TraceReader& reader = *d.view(row.trace).reader;
    const bool named_by_subject = isCollective(block.op_class) && (block.bucket >= 0 || block.layer != -1);
    const bool wants_name = !named_by_subject && !block.merged && room > 24;
    std::string name;
    if (wants_name)
        if (const auto& details = d.cache.details(reader, block)) {
            // A kernel is called what it was launched for: that is short, and the same in every trace.
            const ProgramOpEvent* op =
                details->event.op_class == OpClass::compute ? reader.op(details->event.op) : nullptr;
            name = op ? op->name : details->name;
        }
    for (const std::string& label : blockLabels(block, name, d.cache.headLayer(reader))) {
        if (label.empty() || Painter::textWidth(label) > room) continue;
        d.painter.textInRow(std::round(shown.x0 + label_padding), shown, label, textOn(style.colour));
        return;
    }
}

void drawExposed(TimelineDrawing& d, const TimelineRow& row, const LaneBlock& block, const BlockStyle& style,
                 const std::vector<LaneBlock>& cover) {
    const int64_t origin = d.view(row.trace).origin_ns;
    Painter& p = d.painter;
    for (const TimeRange& part : uncovered({block.start_ns, block.end_ns}, cover)) {
        const float x0 = std::max(d.axis.x(viewTime(part.start_ns, origin)), style.box.x0);
        const float x1 = std::min(d.axis.x(viewTime(part.end_ns, origin)), style.box.x1);
        if (x1 - x0 < p.pixel() / 2 || !p.roomForRects(2 + frame_rects)) continue;
        if (d.model.exposed_only) {
            const Rgb colour = operationColour(block.op_class, block.phase);
            const BlockStyle lit{{x0, style.box.y0, x1, style.box.y1}, colour, style.radius};
            p.block(lit.box, colour, lit.radius);
            drawLabel(d, row, block, lit);
        }
        p.rect({x0, style.box.y1 + 1, x1, style.box.y1 + 1 + underline_height}, p.theme().bad);
        d.drew_exposed = true;
    }
}

// Colour, pattern and name of a block in the colouring that is on.
BlockPaint paintFor(TimelineDrawing& d, const TimelineRow& row, const LaneBlock& block, const std::string*& name) {
    int64_t id = -1;
    if (d.model.colouring == TimelineColouring::name && block.count == 1)
        if (const auto& details = d.cache.details(*d.view(row.trace).reader, block)) {
            id = static_cast<int64_t>(details->event.name);
            name = &details->name;
        }
    return paintOf(d.model.colouring, block, id, d.painter.theme());
}

void drawFold(TimelineDrawing& d, const TimelineRow& row, Box box, float label_x) {
    const Theme& theme = d.painter.theme();
    const ImGuiIO& io = ImGui::GetIO();
    const Box head{0, box.y0, label_x - 2, box.y1};
    const bool hovered = head.contains(io.MousePos);
    if (hovered && clickedNow() && head.contains(io.MouseClickedPos[0])) d.folded = RankRef{row.trace, row.rank};
    const Rgb colour = hovered ? theme.text : theme.dim;
    const float x = 7, y = std::round((box.y0 + box.y1) / 2);
    if (row.kind == RowKind::summary)
        d.painter.triangle({x, y - 4}, {x, y + 4}, {x + 5, y}, colour);
    else
        d.painter.triangle({x - 1.5f, y - 2.5f}, {x + 6.5f, y - 2.5f}, {x + 2.5f, y + 2.5f}, colour);
    if (row.names_rank) d.painter.textInRow(18, box, "rank " + std::to_string(row.rank), theme.text);
}

} // namespace

std::pair<size_t, size_t> visiblePart(const std::vector<LaneBlock>& blocks, TimeRange range) {
    const auto first = std::partition_point(blocks.begin(), blocks.end(),
                                            [&](const LaneBlock& b) { return b.end_ns < range.start_ns; });
    const auto last =
        std::partition_point(first, blocks.end(), [&](const LaneBlock& b) { return b.start_ns <= range.end_ns; });
    return {static_cast<size_t>(first - blocks.begin()), static_cast<size_t>(last - blocks.begin())};
}

bool dimmedBySearch(const TraceView& view, const LaneBlock& block) {
    const TraceMatches* matches = view.marks.matches.get();
    if (!matches) return false;
    return block.count == 1 ? !matches->is(block.lane, block.start_ns, block.event)
                            : !matches->within(block.lane, block.start_ns, block.end_ns);
}

bool isTwin(const TraceView& view, EventId event) {
    return std::find(view.marks.twins.begin(), view.marks.twins.end(), event) != view.marks.twins.end();
}

double laneResolution(TimelineDrawing& d, const std::vector<TimelineRow>& visible_rows) {
    constexpr int most_doublings = 8;
    struct Lane {
        const TraceReader* reader;
        LaneId lane;
        TimeRange range;
    };
    std::vector<Lane> lanes;
    for (const TimelineRow& row : visible_rows) {
        if (row.kind != RowKind::lane && row.kind != RowKind::summary) continue;
        const TraceReader& reader = *d.view(row.trace).reader;
        const TimeRange range = d.traceRange(row.trace);
        if (row.kind == RowKind::lane)
            lanes.push_back({&reader, row.lane, range});
        else
            for (const LaneId lane : lanesOfRank(reader, row.rank, {})) lanes.push_back({&reader, lane, range});
    }
    auto& coarsening = d.cache.coarseningOf(d.axis.visible, d.axis.nsPerPx(), lanes.size());
    int& doublings = coarsening.doublings;
    const auto resolution = [&] { return d.axis.nsPerPx() * (1 << doublings); };
    size_t blocks = 0;
    const auto fits = [&] {
        blocks = 0;
        for (const auto& [reader, lane, range] : lanes) {
            const auto [first, last] = visiblePart(d.cache.blocks(*reader, lane, range, resolution()), range);
            blocks += last - first;
        }
        return blocks <= block_budget || d.cache.incomplete(); // what is not at hand yet cannot be judged
    };
    for (; !fits() && doublings < most_doublings; ++doublings)
        coarsening.too_fine = std::max(coarsening.too_fine, doublings);
    const double used = resolution();
    if (d.cache.incomplete()) return used;
    // There is room again: finer in the next frame. Neighbours may join all at once from one resolution to the next;
    // what was too much for this picture is not tried again, or frames would go to and fro for ever.
    if (doublings > 0 && 3 * blocks < block_budget && doublings - 1 > coarsening.too_fine) {
        --doublings;
        d.wants_finer = true;
    }
    return used;
}

void drawLaneLabel(TimelineDrawing& d, const TimelineRow& row, float y) {
    const TraceReader& reader = *d.view(row.trace).reader;
    const Box box{0, y, d.axis.x0, y + metrics::lane_height};
    const std::string rank = "rank " + std::to_string(row.rank);
    float x = d.model.only_rank < 0 && reader.ranks() > 1 ? 64 : 28;
    if (row.names_rank) x = std::max(x, 26 + Painter::textWidth(rank));
    if (row.folds) drawFold(d, row, box, x);
    const std::string label = row.kind == RowKind::summary
                                  ? "summary"
                                  : laneLabel(reader.lanes()[static_cast<size_t>(row.lane)], reader.lanes());
    d.painter.textInRow(x, box, elided(label, d.axis.x0 - x - 4), d.painter.theme().dim);
}

void drawLane(TimelineDrawing& d, const TimelineRow& row, float y, double ns_per_px) {
    const TraceView& view = d.view(row.trace);
    const TimeRange range = d.traceRange(row.trace);
    const LaneKind kind = view.reader->lanes()[static_cast<size_t>(row.lane)].kind;
    const std::vector<LaneBlock> cover =
        kind == LaneKind::comm ? computeCover(d, row, ns_per_px) : std::vector<LaneBlock>{};
    const std::vector<LaneBlock>& blocks = d.cache.blocks(*view.reader, row.lane, range, ns_per_px);
    const auto [first, last] = visiblePart(blocks, range);
    Painter& p = d.painter;
    std::optional<Box> selected;
    const bool searching = view.marks.matches != nullptr;
    for (size_t i = first; i < last && p.roomForRects(64 + frame_rects); ++i) {
        const LaneBlock& block = blocks[i];
        // A pixel between neighbours keeps them apart where there is room for it; cut ends stay outside the clip.
        const float x0 = std::max(d.axis.x(viewTime(block.start_ns, view.origin_ns)), d.axis.x0 - 8);
        const float x1 = std::min(d.axis.x(viewTime(block.end_ns, view.origin_ns)), d.axis.x1 + 8);
        const float gap = x1 - x0 > 4 ? 1.0f : 0.0f;
        const std::string* name = nullptr;
        const BlockPaint paint = paintFor(d, row, block, name);
        const bool dimmed = d.model.exposed_only || (searching && dimmedBySearch(view, block));
        Rgb colour = paint.colour;
        if (block.merged && !searching) colour = mix(colour, p.theme().background, merged_share);
        if (dimmed) colour = mix(p.theme().line, p.theme().background, 0.25f);
        const OpMark* difference = differenceOf(d, row.trace, block, x1 - x0);
        if (view.differences && !difference) colour = mix(colour, p.theme().background, equal_share);
        const BlockStyle style{
            {x0, y, std::max(x1 - gap, x0 + p.pixel()), y + metrics::lane_height}, colour, metrics::block_radius};
        p.block(style.box, colour, style.radius);
        if (!dimmed) {
            countForLegend(d, paint, style.box.width(), name);
            if (paint.pattern != Pattern::none && style.box.width() >= narrowest_pattern)
                drawPattern(p, style.box, paint.pattern, colour);
        }
        if (isCollective(block.op_class)) {
            if (!dimmed) drawCommunicationParts(d, row, block, style);
            drawExposed(d, row, block, style, cover);
        }
        if (!dimmed) drawLabel(d, row, block, style);
        if (difference && !dimmed) drawDifference(p, style.box, *difference);
        const EventRef ref{row.trace, block.event};
        if (d.selection.selected == ref)
            selected = style.box;
        else if (block.count == 1 && isTwin(view, block.event))
            p.outline(style.box, p.theme().text, style.radius, 1, 0.9f);
        const Box target{x0, y - 2, std::max(x1, x0 + 2), y + metrics::lane_height + 2};
        if (d.mouse_in_plot && target.contains(d.mouse)) {
            d.hovered_block = HoveredBlock{ref, block};
            p.outline(style.box, p.theme().text, style.radius, 1, 0.7f);
        }
    }
    // The outline is twofold, so that it shows on blocks of the accent's own blue.
    if (selected) {
        p.outline({selected->x0 - 1, selected->y0 - 1, selected->x1 + 1, selected->y1 + 1}, p.theme().accent,
                  metrics::block_radius + 1, 2);
        if (selected->width() > 6)
            p.outline({selected->x0 + 1, selected->y0 + 1, selected->x1 - 1, selected->y1 - 1}, p.theme().background,
                      metrics::block_radius, 1, 0.8f);
    }
}

} // namespace shardscope::gui
