// SPDX-License-Identifier: Apache-2.0
// Everything around the lanes that tells where one is: the strip of the whole trace, the time axis, grid lines, head
// lines and the cursor.
#include "gui/canvas/format.h"
#include "gui/canvas/timeline_drawing.h"
#include <cmath>

namespace shardscope::gui {

namespace {

using namespace timeline_metrics;

std::string tickLabel(const TimeAxis& axis, int64_t at, int64_t step) {
    const int64_t reach = std::max(std::abs(axis.visible.start_ns), std::abs(axis.visible.end_ns));
    return formatTime(at, reach, step);
}

} // namespace

Ticks timeTicks(const TimeAxis& axis) {
    constexpr float between_labels = 36;
    const auto needed = [&](int64_t step) {
        const float first = Painter::textWidth(tickLabel(axis, axis.visible.start_ns, step), Font::axis);
        return std::max(first, Painter::textWidth(tickLabel(axis, axis.visible.end_ns, step), Font::axis)) +
               between_labels;
    };
    Ticks ticks;
    const double ns_per_px = axis.nsPerPx();
    const int64_t unit = axisUnit(std::max(std::abs(axis.visible.start_ns), std::abs(axis.visible.end_ns)));
    const int64_t smallest = unit == 1 ? 1 : unit / 1'000'000'000; // of hours, days and years too
    for (int64_t decade = smallest, found = 0; !found && decade <= 1'000'000'000'000'000'000 / 10; decade *= 10)
        for (int64_t factor : {1, 2, 5}) {
            ticks.step_ns = decade * factor;
            found = static_cast<double>(ticks.step_ns) / ns_per_px >= static_cast<double>(needed(ticks.step_ns));
            if (found) break;
        }
    int64_t at = axis.visible.start_ns / ticks.step_ns * ticks.step_ns;
    if (at < axis.visible.start_ns) at += ticks.step_ns;
    for (; at <= axis.visible.end_ns && ticks.at.size() < 64; at += ticks.step_ns) ticks.at.push_back(at);
    return ticks;
}

void drawGrid(TimelineDrawing& d, const Ticks& ticks) {
    for (int64_t at : ticks.at) {
        const float x = d.axis.x(at);
        d.painter.rect({x, d.content.y0, x + d.painter.pixel(), d.content.y1}, d.painter.theme().grid);
    }
}

void drawHead(TimelineDrawing& d, const TimelineRow& row, float y) {
    const TraceView& view = d.view(row.trace);
    Painter& p = d.painter;
    const Theme& theme = p.theme();
    const Box box{0, y, d.content.x1, y + head_height};
    p.rect(box, theme.panel);
    float x = 12;
    for (const std::string& word : {view.label, view.title}) {
        p.textInRow(x, box, word, theme.text, Font::bold);
        if (!word.empty()) x += Painter::textWidth(word, Font::bold) + 8;
    }
    const std::string right = view.is_baseline ? "baseline" : view.difference;
    const float right_edge = d.axis.x1;
    const float right_start = right_edge - Painter::textWidth(right);
    const Rgb verdict = view.difference_is_worse ? theme.bad : theme.good;
    const bool plain = view.is_baseline || view.difference_is_noise;
    p.textRight(right_edge, box, right, plain ? theme.dim : readableOn(theme.panel, verdict));
    x += 6;
    if (!view.notice.empty()) {
        const std::string notice = elided(view.notice, right_start - 16 - x);
        p.textInRow(x, box, notice, readableOn(theme.panel, theme.attention));
        x += Painter::textWidth(notice) + 14;
        if (x > right_start - 60) return;
    }
    p.textInRow(x, box, elided(view.subtitle, right_start - 16 - x), theme.dim);
}

void drawRuler(Painter& p, const TimeAxis& axis, Box box, const Ticks& ticks, const std::string& caption,
               std::optional<int64_t> cursor) {
    const Theme& theme = p.theme();
    p.rect(box, theme.panel);
    p.rect({0, box.y1 - p.pixel(), box.x1, box.y1}, theme.line);
    p.textInRow(12, box, elided(caption, axis.x0 - 24), theme.dim);

    std::string pill_text;
    Box pill{0, 0, 0, 0};
    if (cursor) {
        const int64_t resolution = std::max<int64_t>(1, std::llround(axis.nsPerPx() * 10));
        pill_text = tickLabel(axis, *cursor, resolution);
        const float half = Painter::textWidth(pill_text, Font::axis) / 2 + 8;
        const float centre = std::clamp(axis.x(*cursor), axis.x0, axis.x1);
        const float left = std::clamp(centre - half, 2.0f, std::max(2.0f, box.x1 - 2 - 2 * half));
        pill = {left, box.y0 + 3, left + 2 * half, box.y1 - 4};
    }
    for (int64_t at : ticks.at) {
        const std::string label = tickLabel(axis, at, ticks.step_ns);
        const float x = std::round(axis.x(at) + 4), end = x + Painter::textWidth(label, Font::axis);
        p.rect({axis.x(at), box.y1 - 6, axis.x(at) + p.pixel(), box.y1}, theme.faint);
        const bool under_pill = cursor && x < pill.x1 + 4 && end > pill.x0 - 4;
        if (end < box.x1 && !under_pill) p.textInRow(x, box, label, theme.dim, Font::axis);
    }
    if (cursor) {
        p.block(pill, theme.text, 4);
        p.textInRow(pill.x0 + 8, pill, pill_text, theme.background, Font::axis);
    }
}

void drawMinimap(TimelineDrawing& d, TimeRange full, bool empty) {
    Painter& p = d.painter;
    const Theme& theme = p.theme();
    const Box box{0, 0, d.content.x1, minimap_height};
    p.rect(box, theme.panel);
    p.rect({0, minimap_height - p.pixel(), box.x1, minimap_height}, theme.line);
    if (empty) return;
    size_t steps = 0;
    for (const TraceView& view : d.model.traces) steps = std::max(steps, view.reader->steps().size());
    if (steps > 0)
        p.textInRow(12, box, formatCount(static_cast<int64_t>(steps)) + (steps == 1 ? " step" : " steps"), theme.dim);

    const TimeAxis axis{full, d.axis.x0, d.axis.x1};
    const float top = 5, bottom = minimap_height - 5;
    const float pitch = (bottom - top) / static_cast<float>(std::max<size_t>(1, d.model.traces.size()));
    const double ns_per_px = 2 * axis.nsPerPx(); // two pixels: it is an overview, and has to stay cheap
    const int32_t rank = std::max(0, d.model.only_rank);
    for (size_t t = 0; t < d.model.traces.size(); ++t) {
        const TraceView& view = d.model.traces[t];
        const auto lanes = view.reader->lanes();
        const auto lane = std::find_if(lanes.begin(), lanes.end(), [&](const LaneInfo& info) {
            return info.rank == rank && info.kind == LaneKind::compute;
        });
        if (lane == lanes.end()) continue;
        const float y0 = top + static_cast<float>(t) * pitch, y1 = y0 + std::max(2.0f, pitch - 1);
        const int share = max_rects / 10 / static_cast<int>(d.model.traces.size());
        int drawn = 0;
        for (const LaneBlock& block :
             d.cache.overview(*view.reader, static_cast<LaneId>(lane - lanes.begin()),
                              {full.start_ns + view.origin_ns, full.end_ns + view.origin_ns}, ns_per_px)) {
            if (++drawn > share) break;
            const float x0 = axis.x(viewTime(block.start_ns, view.origin_ns));
            p.rect({x0, y0, std::max(axis.x(viewTime(block.end_ns, view.origin_ns)), x0 + p.pixel()), y1},
                   operationColour(block.op_class, block.phase), 0.75f);
        }
    }
    const float x0 = std::clamp(axis.x(d.axis.visible.start_ns), axis.x0, axis.x1);
    const float x1 = std::clamp(axis.x(d.axis.visible.end_ns), axis.x0, axis.x1);
    // What is out of sight recedes; the window keeps its colours.
    if (x0 > axis.x0) p.rect({axis.x0, top - 1, x0, bottom + 1}, theme.panel, 0.6f);
    if (x1 < axis.x1) p.rect({x1, top - 1, axis.x1, bottom + 1}, theme.panel, 0.6f);
    p.outline({x0, 2, std::max(x1, x0 + 3), minimap_height - 2}, theme.accent, 2, 1.5f);
}

void drawCursor(TimelineDrawing& d, std::optional<int64_t> cursor) {
    if (!cursor) return;
    const float x = d.axis.x(*cursor);
    if (x < d.axis.x0 || x > d.axis.x1) return;
    d.painter.rect({x, d.content.y0, x + 1, d.content.y1}, d.painter.theme().text, 0.55f);
}

std::string elided(std::string text, float width, Font font) {
    if (Painter::textWidth(text, font) <= width) return text;
    const std::string dots = "…";
    while (!text.empty() && Painter::textWidth(text + dots, font) > width) {
        while (text.size() > 1 && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
        text.pop_back(); // the first byte of the character whose later ones went before
    }
    return text.empty() ? "" : text + dots;
}

} // namespace shardscope::gui
