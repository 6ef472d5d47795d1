// SPDX-License-Identifier: Apache-2.0
// A rank in one lane: what it computes above, what it communicates below, copies below that, and a line under whatever
// communication no computation hides.
#include "gui/canvas/timeline_drawing.h"
#include <algorithm>

namespace shardscope::gui {

namespace {

constexpr float compute_height = 11, gap = 1, comm_height = 6, underline_height = 2;

enum class Work { compute, comm, copy, none };

Work workOf(OpClass op_class) {
    if (isCollective(op_class)) return Work::comm;
    if (op_class == OpClass::copy || op_class == OpClass::storage) return Work::copy;
    return isWork(op_class) && op_class != OpClass::synchronize ? Work::compute : Work::none;
}

// Blocks of the rank's lanes that do this work, by start. They overlap where lanes do.
std::vector<LaneBlock> blocksOf(TimelineDrawing& d, const TimelineRow& row, Work work, double ns_per_px) {
    const TraceView& view = d.view(row.trace);
    const TimeRange range = d.traceRange(row.trace);
    std::vector<LaneBlock> found;
    int lanes = 0;
    for (const LaneId lane : lanesOfRank(*view.reader, row.rank, {})) {
        const auto& blocks = d.cache.blocks(*view.reader, lane, range, ns_per_px);
        const auto [first, last] = visiblePart(blocks, range);
        const size_t before = found.size();
        for (size_t i = first; i < last; ++i)
            if (workOf(blocks[i].op_class) == work) {
                found.push_back(blocks[i]);
                found.back().lane = lane;
            }
        lanes += found.size() > before;
    }
    if (lanes > 1)
        std::stable_sort(found.begin(), found.end(),
                         [](const LaneBlock& a, const LaneBlock& b) { return a.start_ns < b.start_ns; });
    return found;
}

// The same without overlap, to subtract.
std::vector<LaneBlock> coverOf(const std::vector<LaneBlock>& blocks) {
    std::vector<LaneBlock> cover;
    for (const LaneBlock& block : blocks)
        if (cover.empty() || block.start_ns > cover.back().end_ns)
            cover.push_back(block);
        else
            cover.back().end_ns = std::max(cover.back().end_ns, block.end_ns);
    return cover;
}

void drawStrip(TimelineDrawing& d, const TimelineRow& row, const std::vector<LaneBlock>& blocks, float y0, float y1,
               std::optional<Box>& selected) {
    const TraceView& view = d.view(row.trace);
    Painter& p = d.painter;
    float reached = -1e6f;
    for (const LaneBlock& block : blocks) {
        if (!p.roomForRects(64 + frame_rects)) return;
        const float x0 = std::max(d.axis.x(viewTime(block.start_ns, view.origin_ns)), d.axis.x0 - 8);
        const float x1 = std::min(d.axis.x(viewTime(block.end_ns, view.origin_ns)), d.axis.x1 + 8);
        const EventRef ref{row.trace, block.event};
        const Box box{x0, y0, std::max(x1, x0 + p.pixel()), y1};
        if (box.x1 < reached + p.pixel() / 2) continue; // lies within what was drawn
        reached = std::max(reached, box.x1);
        const bool dimmed = d.model.exposed_only || dimmedBySearch(view, block);
        const BlockPaint paint = paintOf(d.model.colouring, block, -1, p.theme());
        const OpMark* difference = dimmed ? nullptr : differenceOf(d, row.trace, block, box.width());
        const Rgb colour =
            view.differences && !difference ? mix(paint.colour, p.theme().background, equal_share) : paint.colour;
        p.rect(box, dimmed ? mix(p.theme().line, p.theme().background, 0.25f) : colour);
        if (difference) drawDifferenceStrip(p, box, *difference);
        if (!dimmed) countForLegend(d, paint, box.width(), nullptr);
        if (d.selection.selected == ref) selected = box;
        if (d.mouse_in_plot && Box{x0 - 1, y0, std::max(x1, x0 + 2), y1}.contains(d.mouse)) {
            d.hovered_block = HoveredBlock{ref, block};
            p.outline(box, p.theme().text, 0, 1, 0.7f);
        }
    }
}

} // namespace

void drawSummaryLane(TimelineDrawing& d, const TimelineRow& row, float y, double ns_per_px) {
    const int64_t origin = d.view(row.trace).origin_ns;
    Painter& p = d.painter;
    const std::vector<LaneBlock> compute = blocksOf(d, row, Work::compute, ns_per_px),
                                 comm = blocksOf(d, row, Work::comm, ns_per_px),
                                 copy = blocksOf(d, row, Work::copy, ns_per_px);
    const float comm_y = y + compute_height + gap, copy_y = comm_y + comm_height;
    std::optional<Box> selected;
    drawStrip(d, row, compute, y, y + compute_height, selected);
    drawStrip(d, row, comm, comm_y, comm_y + comm_height, selected);
    drawStrip(d, row, copy, copy_y, y + metrics::lane_height, selected);
    const std::vector<LaneBlock> hidden_by = coverOf(compute);
    for (const LaneBlock& block : coverOf(comm))
        for (const TimeRange& part : uncovered({block.start_ns, block.end_ns}, hidden_by)) {
            const float x0 = std::max(d.axis.x(viewTime(part.start_ns, origin)), d.axis.x0);
            const float x1 = std::min(d.axis.x(viewTime(part.end_ns, origin)), d.axis.x1);
            if (x1 - x0 < p.pixel() / 2 || !p.roomForRects(64 + frame_rects)) continue;
            if (d.model.exposed_only)
                p.rect({x0, comm_y, x1, comm_y + comm_height}, operationColour(block.op_class, block.phase));
            p.rect({x0, y + metrics::lane_height + 1, x1, y + metrics::lane_height + 1 + underline_height},
                   p.theme().bad);
            d.drew_exposed = true;
        }
    if (selected)
        p.outline({selected->x0 - 1, selected->y0 - 1, selected->x1 + 1, selected->y1 + 1}, p.theme().accent, 1, 2);
}

} // namespace shardscope::gui
