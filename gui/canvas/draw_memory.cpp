// SPDX-License-Identifier: Apache-2.0
// Memory of one rank as a stacked area: what it was for, when it peaked, and whether that is what the plan said: after
// every op where the trace holds the whole plan, else for the peak alone.
#include "gui/canvas/format.h"
#include "gui/canvas/timeline_drawing.h"
#include <cmath>

namespace shardscope::gui {

namespace {

using namespace timeline_metrics;

// From the bottom up: what stays, then what comes and goes.
constexpr std::array stacking = {
    MemoryCategory::parameters,  MemoryCategory::master_weights, MemoryCategory::optimizer, MemoryCategory::gradients,
    MemoryCategory::activations, MemoryCategory::comm_buffers,   MemoryCategory::workspace, MemoryCategory::other};
static_assert(stacking.size() == all_memory_categories.size());

struct Slab {
    Box box;
    MemoryCategory category;
};

// Columns of `columns` as rectangles; neighbours whose edges fall on the same pixels become one.
std::vector<Slab> slabsOf(const TimelineDrawing& d, const MemoryColumns& columns, Box area, int64_t scale,
                          int64_t origin) {
    std::vector<Slab> slabs, open;
    for (MemoryCategory category : stacking) open.push_back({{0, 0, 0, 0}, category});
    const auto height = [&](int64_t bytes) {
        return area.height() * static_cast<float>(static_cast<double>(bytes) / static_cast<double>(scale));
    };
    const auto column_at = [&](int64_t view_ns) {
        const int64_t column = (view_ns + origin - columns.first_ns) / columns.column_ns;
        return static_cast<size_t>(std::clamp<int64_t>(column, 0, static_cast<int64_t>(columns.columns.size())));
    };
    const size_t first = column_at(d.axis.visible.start_ns - columns.column_ns);
    const size_t last = std::min(column_at(d.axis.visible.end_ns) + 1, columns.columns.size());
    const MemoryColumn* previous = nullptr;
    for (size_t i = first; i < last; ++i) {
        const int64_t start = columns.first_ns + static_cast<int64_t>(i) * columns.column_ns - origin;
        const float x0 = d.painter.snapped(std::max(d.axis.x(start), area.x0));
        const float x1 = d.painter.snapped(std::min(d.axis.x(start + columns.column_ns), area.x1));
        if (x1 <= x0) continue;
        if (previous && previous->bytes == columns.columns[i].bytes) { // nothing happened: all slabs grow
            for (Slab& slab : open) slab.box.x1 = x1;
            continue;
        }
        previous = &columns.columns[i];
        int64_t below = 0;
        for (Slab& slab : open) {
            const int64_t bytes = std::max<int64_t>(0, columns.columns[i].bytes[static_cast<size_t>(slab.category)]);
            const float y1 = d.painter.snapped(area.y1 - height(below));
            below += bytes;
            const float y0 = d.painter.snapped(area.y1 - height(below));
            if (slab.box.y0 == y0 && slab.box.y1 == y1 && slab.box.x1 == x0) {
                slab.box.x1 = x1;
                continue;
            }
            if (slab.box.height() > 0) slabs.push_back(slab);
            slab.box = {x0, y0, x1, y1};
        }
    }
    for (const Slab& slab : open)
        if (slab.box.height() > 0 && slab.box.width() > 0) slabs.push_back(slab);
    return slabs;
}

int64_t niceCeiling(int64_t bytes) {
    double unit = 1;
    while (static_cast<double>(bytes) >= 1024 * unit) unit *= 1024;
    const double value = static_cast<double>(bytes) / unit; // 1 to 1024 of its unit
    const double decade = std::pow(10, std::floor(std::log10(std::max(value, 1.0))));
    for (double nice : {1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0})
        if (nice * decade >= value) return static_cast<int64_t>(std::ceil(nice * decade * unit));
    return bytes;
}

std::string axisLabel(int64_t bytes) { // "6 MiB", not "6.00 MiB"
    std::string text = formatBytes(bytes);
    const size_t dot = text.find('.');
    if (dot == std::string::npos) return text;
    size_t end = text.find(' ', dot);
    while (text[end - 1] == '0') text.erase(--end, 1);
    if (text[end - 1] == '.') text.erase(end - 1, 1);
    return text;
}

struct PeakLabel {
    std::string text;
    bool as_planned;
};

PeakLabel peakLabel(int64_t peak, std::optional<int64_t> planned) {
    if (!planned) return {"peak " + formatBytes(peak), true};
    if (*planned == peak) return {"peak " + formatBytes(peak) + " = planned", true};
    // A difference too small for the rounded figures is told in bytes.
    if (formatBytes(peak) == formatBytes(*planned))
        return {"peak " + formatCount(peak) + " B, planned " + formatCount(*planned) + " B", false};
    return {"peak " + formatBytes(peak) + ", planned " + formatBytes(*planned), false};
}

// Where to put the dot: the first place on the screen where the total is at its peak.
std::optional<float> peakPlace(const TimelineDrawing& d, const MemoryColumns& columns, const MemoryCurve& curve,
                               Box area, int64_t origin) {
    const float exact = d.axis.x(viewTime(curve.peak_time_ns, origin));
    if (exact >= area.x0 && exact <= area.x1) return exact;
    for (size_t i = 0; i < columns.columns.size(); ++i) {
        const float x = d.axis.x(columns.first_ns + static_cast<int64_t>(i) * columns.column_ns - origin);
        if (columns.columns[i].total == curve.peak_bytes && x >= area.x0 && x <= area.x1) return x;
    }
    return {};
}

const PlannedCurve* plannedCurve(const TraceView& view, int32_t rank, MemoryTier tier) {
    if (!view.planned) return nullptr;
    const auto found = view.planned->find({rank, tier});
    return found == view.planned->end() ? nullptr : &found->second;
}

// The plan as a line over the areas, column by column; where it is not what was recorded, the difference is filled.
void drawPlan(TimelineDrawing& d, const PlannedCurve& plan, const MemoryColumns& columns, Box area, int64_t scale,
              int64_t origin) {
    Painter& p = d.painter;
    const auto y_of = [&](int64_t bytes) {
        return p.snapped(area.y1 -
                         area.height() * static_cast<float>(static_cast<double>(bytes) / static_cast<double>(scale)));
    };
    struct Run {
        float x0 = 0, x1 = 0, planned = 0, recorded = 0;
        bool differs = false;
    };
    std::optional<Run> run;
    const auto flush = [&](const std::optional<float>& next) {
        if (!run || !p.roomForRects(300)) return;
        if (run->differs) {
            const float top = std::min(run->planned, run->recorded), bottom = std::max(run->planned, run->recorded);
            p.rect({run->x0, top, run->x1, std::max(bottom, top + 2 * p.pixel())}, p.theme().attention, 0.6f);
        }
        p.rect({run->x0, run->planned - p.pixel(), run->x1, run->planned}, p.theme().text, 0.9f);
        if (next && *next != run->planned)
            p.rect({run->x1 - p.pixel(), std::min(*next, run->planned) - p.pixel(), run->x1,
                    std::max(*next, run->planned)},
                   p.theme().text, 0.9f);
    };
    for (size_t i = 0; i < columns.columns.size(); ++i) {
        const int64_t start = columns.first_ns + static_cast<int64_t>(i) * columns.column_ns;
        const float x0 = p.snapped(std::max(d.axis.x(start - origin), area.x0));
        const float x1 = p.snapped(std::min(d.axis.x(start - origin + columns.column_ns), area.x1));
        if (x1 <= x0) continue;
        const std::optional<int64_t> promised = plan.highest(start, start + columns.column_ns);
        if (!promised) continue;
        const int64_t recorded = columns.columns[i].total;
        const Run column{x0, x1, y_of(*promised), y_of(recorded), *promised != recorded};
        if (run && run->x1 == x0 && run->planned == column.planned && run->differs == column.differs &&
            (!run->differs || run->recorded == column.recorded)) {
            run->x1 = x1;
            continue;
        }
        flush(run && run->x1 == x0 ? std::optional(column.planned) : std::nullopt);
        run = column;
    }
    flush({});
}

struct DrawnPeak {
    std::optional<ImVec2> mark; // if it is in sight
    Box label;
};

// On a plate where another line may pass.
DrawnPeak drawPeak(TimelineDrawing& d, const TimelineRow& row, const MemoryColumns& columns, Box area, int64_t scale,
                   bool on_plate) {
    const TraceView& view = d.view(row.trace);
    const MemoryCurve& curve = view.reader->memory(row.rank, row.tier);
    const std::optional<int64_t> planned = plannedPeak(*view.reader, row.rank, row.tier);
    Painter& p = d.painter;
    const auto y_of = [&](int64_t bytes) {
        return p.snapped(area.y1 -
                         area.height() * static_cast<float>(static_cast<double>(bytes) / static_cast<double>(scale)));
    };
    if (planned) p.dashedHorizontal(area.x0, area.x1, y_of(*planned) - p.pixel(), p.theme().text);

    const PeakLabel label = peakLabel(curve.peak_bytes, planned);
    const float width = Painter::textWidth(label.text, Font::axis);
    const float top = std::min(y_of(curve.peak_bytes), planned ? y_of(*planned) : area.y1);
    float label_x = area.x0 + 6;
    std::optional<ImVec2> mark;
    if (const std::optional<float> x = peakPlace(d, columns, curve, area, view.origin_ns)) {
        mark = ImVec2(*x, y_of(curve.peak_bytes));
        p.dot({*x, y_of(curve.peak_bytes)}, 3, p.theme().text);
        label_x = *x + 8 + width < area.x1 ? *x + 8 : *x - 8 - width;
    }
    const float x0 = std::round(std::max(label_x, area.x0 + 2)), height = Painter::textHeight(Font::axis);
    const float y0 = std::round(top - 3 - height);
    const Box box{x0 - 3, y0, x0 + width + 3, y0 + height};
    if (on_plate) p.rect(box, p.theme().background, 0.85f);
    p.text(x0, y0, label.text,
           label.as_planned ? p.theme().text : readableOn(p.theme().background, p.theme().attention), Font::axis);
    return {mark, box};
}

const OutsideCurve* outsideCurve(const TraceView& view, int32_t rank, MemoryTier tier) {
    if (!view.outside || tier != MemoryTier::device) return nullptr;
    const auto found = view.outside->find(rank);
    return found == view.outside->end() || found->second.highest == 0 ? nullptr : &found->second;
}

// What the device holds beside the arenas, as a line on the same scale: no category of the run's, and not planned.
// Gives the height of the line at its end.
float drawOutside(TimelineDrawing& d, const OutsideCurve& curve, Box area, int64_t scale, int64_t origin) {
    Painter& p = d.painter;
    const Rgb colour = readableOn(p.theme().background, p.theme().attention);
    const auto y_of = [&](int64_t bytes) {
        return p.snapped(area.y1 -
                         area.height() * static_cast<float>(static_cast<double>(bytes) / static_cast<double>(scale)));
    };
    const float line = 2 * p.pixel();
    float from = area.x0;
    int64_t now = curve.at(d.axis.timeAt(from) + origin);
    const auto draw = [&](float to) {
        if (now > 0 && p.roomForRects(300)) p.rect({from, y_of(now) - line, to, y_of(now)}, colour);
    };
    for (float x = area.x0 + 1; x < area.x1; ++x) {
        const int64_t bytes = curve.at(d.axis.timeAt(x) + origin);
        if (bytes == now) continue;
        draw(x);
        const float low = std::max(y_of(now), y_of(bytes)), high = std::min(y_of(now), y_of(bytes)) - line;
        if (p.roomForRects(300)) p.rect({x - p.pixel(), high, x, low}, colour);
        from = x;
        now = bytes;
    }
    draw(area.x1);
    return y_of(now);
}

// At the end of the line, above it, and beside the label of the peak where both would be in one place.
void drawOutsideLabel(TimelineDrawing& d, const OutsideCurve& curve, Box area, float line_y, const Box& avoid) {
    Painter& p = d.painter;
    const std::string text = "outside the arenas, up to " + formatBytes(curve.highest);
    const float width = Painter::textWidth(text, Font::axis), height = Painter::textHeight(Font::axis);
    const float y = std::clamp(line_y - height - 4, area.y0 - memory_head + 1, area.y1 - height);
    Box label{area.x1 - width - 10, y, area.x1 - 4, y + height};
    if (avoid.y0 < label.y1 && label.y0 < avoid.y1 && avoid.x1 + 4 > label.x0) {
        label.x1 = avoid.x0 - 4;
        label.x0 = label.x1 - width - 6;
    }
    if (label.x0 <= area.x0) return;
    p.rect(label, p.theme().background, 0.85f);
    p.text(std::round(label.x0 + 3), std::round(label.y0), text, readableOn(p.theme().background, p.theme().attention),
           Font::axis);
}

void drawMoment(TimelineDrawing& d, int64_t view_ns, Box area) {
    const float x = d.axis.x(view_ns);
    if (x < area.x0 - 1 || x > area.x1 + 1) return;
    d.painter.rect({x - 1, area.y0 - 6, x + 1, area.y1}, d.painter.theme().accent);
    d.painter.dot({x, area.y0 - 7}, 4, d.painter.theme().accent);
}

} // namespace

int64_t memoryScale(const TimelineModel& model, const TimelineLayout& layout, MemoryTier tier) {
    int64_t highest = 1;
    for (const TimelineRow& row : layout.rows) {
        if (row.kind != RowKind::memory || row.tier != tier) continue;
        const TraceReader& reader = *model.traces[static_cast<size_t>(row.trace)].reader;
        highest = std::max(
            {highest, reader.memory(row.rank, tier).peak_bytes, plannedPeak(reader, row.rank, tier).value_or(0)});
        if (const auto* outside = outsideCurve(model.traces[static_cast<size_t>(row.trace)], row.rank, tier))
            highest = std::max(highest, outside->highest);
    }
    return niceCeiling(highest);
}

void drawMemory(TimelineDrawing& d, const TimelineRow& row, float y, int64_t scale, int rect_budget) {
    const TraceView& view = d.view(row.trace);
    Painter& p = d.painter;
    const float full_height = row.height - memory_head - memory_foot;
    const Box area{d.axis.x0, y + memory_head, d.axis.x1,
                   y + memory_head + std::min(full_height, highestMemory(d.model))};

    const Box top{0, area.y0 - 7, d.axis.x0 - 10, area.y0 + 7}, bottom{0, area.y1 - 10, d.axis.x0 - 10, area.y1 + 4};
    const float middle = (area.y0 + area.y1) / 2;
    p.textRight(top.x1, top, axisLabel(scale), p.theme().dim, Font::axis);
    p.textRight(bottom.x1, bottom, "0", p.theme().dim, Font::axis);
    const std::string name = row.tier == MemoryTier::device ? "memory" : std::string(toText(row.tier)) + " memory";
    if (row.names_rank)
        p.textInRow(12, {0, middle - 10, d.axis.x0, middle + 10}, "rank " + std::to_string(row.rank), p.theme().text);
    p.textInRow(d.model.only_rank < 0 && view.reader->ranks() > 1 && row.tier == MemoryTier::device ? 64 : 28,
                {0, middle - 10, d.axis.x0, middle + 10}, name, p.theme().dim);

    p.pushClip({d.axis.x0, y, d.axis.x1, y + row.height});
    // The area ends where the trace does: nothing is known of what came after.
    const MemoryCurve& curve = view.reader->memory(row.rank, row.tier);
    const int64_t last_ns = std::max(view.reader->span().end_ns, curve.time_ns.back());
    Box known = area;
    known.x0 = std::clamp(d.axis.x(viewTime(curve.time_ns.front(), view.origin_ns)), area.x0, area.x1);
    known.x1 = std::clamp(d.axis.x(viewTime(last_ns, view.origin_ns)), known.x0, area.x1);
    const TimeRange range = d.traceRange(row.trace);
    const MemoryColumns* columns = nullptr;
    std::vector<Slab> slabs;
    for (double column_px = 1; column_px <= 64; column_px *= 2) { // coarser columns where finer ones pass the budget
        columns = &d.cache.memory(*view.reader, row.rank, row.tier, range, column_px * d.axis.nsPerPx());
        slabs = slabsOf(d, *columns, known, scale, view.origin_ns);
        if (static_cast<int>(slabs.size()) <= rect_budget) break;
    }
    for (const Slab& slab : slabs) {
        if (!p.roomForRects(300)) break;
        const Rgb fill = mix(p.theme().background, memoryColour(slab.category), 0.9f);
        p.rect(slab.box, fill);
        if (const Pattern pattern = memoryPattern(slab.category); pattern != Pattern::none && p.roomForRects(1'000))
            drawPattern(p, slab.box, pattern, fill);
    }
    p.rect({area.x0, area.y1, area.x1, area.y1 + p.pixel()}, p.theme().line);
    std::optional<ImVec2> peak;
    if (known.width() >= p.pixel()) {
        if (const PlannedCurve* plan = plannedCurve(view, row.rank, row.tier))
            drawPlan(d, *plan, *columns, known, scale, view.origin_ns);
        const OutsideCurve* outside = outsideCurve(view, row.rank, row.tier);
        const float line_y = outside ? drawOutside(d, *outside, known, scale, view.origin_ns) : 0;
        const DrawnPeak drawn = drawPeak(d, row, *columns, known, scale, outside != nullptr);
        if (outside) drawOutsideLabel(d, *outside, known, line_y, drawn.label);
        peak = drawn.mark;
    }
    const std::optional<MemoryRef>& moment = d.selection.moment;
    if (moment && moment->trace == row.trace && moment->rank == row.rank && moment->tier == row.tier)
        drawMoment(d, viewTime(moment->time_ns, view.origin_ns), area);
    p.popClip();
    if (d.mouse_in_plot && known.contains(d.mouse))
        d.hovered_memory = MemoryRef{row.trace, row.rank, row.tier, d.axis.timeAt(d.mouse.x) + view.origin_ns};
    constexpr float grip = 7; // the mark of the peak is easier to hit than a nanosecond
    if (peak && d.mouse_in_plot && std::abs(d.mouse.x - peak->x) <= grip && std::abs(d.mouse.y - peak->y) <= grip)
        d.hovered_memory = MemoryRef{row.trace, row.rank, row.tier, curve.peak_time_ns};
}

} // namespace shardscope::gui
