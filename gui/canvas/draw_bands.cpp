// SPDX-License-Identifier: Apache-2.0
// Where in the training one is: a band of steps, and below it what phase the shown rank computes.
#include "gui/canvas/format.h"
#include "gui/canvas/timeline_drawing.h"
#include <algorithm>
#include <cmath>

namespace shardscope::gui {

namespace {

using namespace timeline_metrics;

constexpr float narrowest_px = 2; // of a step that is drawn for itself

void centred(TimelineDrawing& d, Box box, const std::string& text, Rgb colour) {
    const Box shown{std::max(box.x0, d.axis.x0), box.y0, std::min(box.x1, d.axis.x1), box.y1};
    const float width = Painter::textWidth(text, Font::axis);
    if (shown.width() > width + 8)
        d.painter.textInRow(std::round((shown.x0 + shown.x1 - width) / 2), shown, text, colour, Font::axis);
}

void drawSteps(TimelineDrawing& d, const TraceView& view, Box band) {
    Painter& p = d.painter;
    const Theme& theme = p.theme();
    const auto steps = view.reader->steps();
    const TimeRange range{d.axis.visible.start_ns + view.origin_ns, d.axis.visible.end_ns + view.origin_ns};
    const auto first =
        std::partition_point(steps.begin(), steps.end(), [&](const StepEvent& s) { return s.end_ns < range.start_ns; });
    const auto last =
        std::partition_point(first, steps.end(), [&](const StepEvent& s) { return s.start_ns <= range.end_ns; });
    if (first == last) return;
    const float width = d.axis.x(viewTime(std::prev(last)->end_ns, view.origin_ns)) -
                        d.axis.x(viewTime(first->start_ns, view.origin_ns));
    if (width < narrowest_px * static_cast<float>(last - first)) { // too many to be told apart
        const Box all{d.axis.x(viewTime(first->start_ns, view.origin_ns)), band.y0,
                      d.axis.x(viewTime(std::prev(last)->end_ns, view.origin_ns)), band.y1};
        p.rect(all, theme.raised);
        centred(d, all, formatCount(last - first) + " steps", theme.dim);
        return;
    }
    for (auto step = first; step != last && p.roomForRects(64); ++step) {
        const float x0 = d.axis.x(viewTime(step->start_ns, view.origin_ns));
        const Box box{x0, band.y0, std::max(d.axis.x(viewTime(step->end_ns, view.origin_ns)), x0 + p.pixel()), band.y1};
        const bool aligned = step->start_ns == view.origin_ns;
        // Neighbours alternate, so that steps without a gap between them are still two.
        p.rect(box, aligned ? mix(theme.raised, theme.accent, 0.3f) : step->step % 2 ? theme.line : theme.raised);
        const std::string number = std::to_string(step->step);
        const bool roomy = box.width() > Painter::textWidth("step " + number, Font::axis) + 10;
        centred(d, box, roomy ? "step " + number : number, aligned ? theme.text : theme.dim);
    }
}

// Runs of one phase in the compute lanes of a rank.
void drawPhases(TimelineDrawing& d, const TimelineRow& row, const TraceView& view, Box band, double ns_per_px) {
    Painter& p = d.painter;
    const TimeRange range = d.traceRange(row.trace);
    const auto lanes = view.reader->lanes();
    const int32_t rank = std::max(0, d.model.only_rank);
    const auto lane = std::find_if(lanes.begin(), lanes.end(), [&](const LaneInfo& info) {
        return info.rank == rank && info.kind == LaneKind::compute;
    });
    if (lane == lanes.end()) return;
    const auto& blocks = d.cache.blocks(*view.reader, static_cast<LaneId>(lane - lanes.begin()), range, ns_per_px);
    const auto [first, last] = visiblePart(blocks, range);
    const StepEvent* step = nullptr;
    for (size_t i = first; i < last && p.roomForRects(64);) {
        size_t end = i + 1;
        int64_t until = blocks[i].end_ns;
        // A run ends with its step: the forward pass after an optimizer that was too short to see is another one.
        const auto steps = view.reader->steps();
        const auto after = std::partition_point(steps.begin(), steps.end(),
                                                [&](const StepEvent& s) { return s.end_ns <= blocks[i].start_ns; });
        step = after == steps.end() ? nullptr : &*after;
        while (end < last && blocks[end].phase == blocks[i].phase &&
               (!step || blocks[end].start_ns < std::max(step->end_ns, until)))
            until = std::max(until, blocks[end++].end_ns);
        const float x0 = d.axis.x(viewTime(blocks[i].start_ns, view.origin_ns));
        const Box box{x0, band.y0, std::max(d.axis.x(viewTime(until, view.origin_ns)), x0 + p.pixel()), band.y1};
        const Rgb colour = mix(p.theme().background, operationColour(OpClass::compute, blocks[i].phase), 0.42f);
        p.rect(box, colour);
        centred(d, box, std::string(toText(blocks[i].phase)), readableOn(colour, p.theme().text));
        i = end;
    }
}

} // namespace

void drawBands(TimelineDrawing& d, const TimelineRow& row, float y, double ns_per_px) {
    const TraceView& view = d.view(row.trace);
    Painter& p = d.painter;
    const bool steps = hasSteps(*view.reader) && d.model.traces.size() == 1, phases = hasPhases(*view.reader);
    Box band{d.axis.x0, y, d.axis.x1, y + step_band_height - 1};
    p.rect({0, y, d.content.x1, y + row.height}, p.theme().background);
    if (steps) p.textRight(d.axis.x0 - 10, band, "steps", p.theme().quiet, Font::axis);
    const Box phase_band{band.x0, steps ? band.y1 + 1 : y, band.x1, (steps ? band.y1 + 1 : y) + phase_band_height - 1};
    if (phases) p.textRight(d.axis.x0 - 10, phase_band, "phase", p.theme().quiet, Font::axis);
    p.pushClip({d.axis.x0, y, d.axis.x1, y + row.height});
    if (steps) drawSteps(d, view, band);
    if (phases) drawPhases(d, row, view, phase_band, ns_per_px);
    p.popClip();
}

} // namespace shardscope::gui
