// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/buffer_view.h"
#include "gui/canvas/format.h"
#include "gui/canvas/timeline_drawing.h"
#include <cmath>

namespace shardscope::gui {

namespace {

using namespace timeline_metrics;

constexpr float row_pitch = 18, row_inset = 2, click_slop_px = 4, foot = 6, above = ruler_height + 4;
constexpr size_t most_lives = 6'000, most_cells = 3'500;
constexpr double wheel_factor = 1.25, wheel_pan = 0.12, tooltip_delay_s = 0.3;
constexpr float wheel_scroll_px = 48;

struct Drawing {
    const BufferViewModel& model;
    const BufferViewSelection& selection;
    BufferViewState& state;
    Painter& p;
    TimeAxis axis;
    Box area; // of the bars
    ImVec2 mouse;
    bool mouse_inside = false;
    std::optional<size_t> hovered;

    const BufferLives& lives() const { return model.buffers->lives; }
    float x(int64_t trace_ns) const {
        return std::clamp(axis.x(viewTime(trace_ns, model.origin_ns)), area.x0, area.x1);
    }
    TimeRange traceRange() const {
        return {axis.visible.start_ns + model.origin_ns, axis.visible.end_ns + model.origin_ns};
    }
};

std::string lifeName(const Drawing& d, const BufferLife& life) {
    const std::string name = life.name == NameId::none ? std::string() : d.model.reader->name(life.name);
    return name.empty() ? "unnamed buffer" : name;
}

void drawBar(Drawing& d, size_t index, Box box) {
    const BufferLife& life = d.lives().all()[index];
    const Rgb colour = mix(d.p.theme().background, memoryColour(life.category), 0.92f);
    d.p.rect(box, colour);
    if (const Pattern pattern = memoryPattern(life.category); pattern != Pattern::none && d.p.roomForRects(1'000))
        drawPattern(d.p, box, pattern, colour);
    if (box.height() >= 3 && box.width() >= 3) // a seam between neighbours of one colour
        d.p.rect({box.x0, box.y0, box.x1, box.y0 + d.p.pixel()}, d.p.theme().background, 0.55f);
    if (d.selection.selected == index) d.p.outline(box, d.p.theme().text, 1, 2);
    if (d.mouse_inside && d.mouse.x >= box.x0 - 1 && d.mouse.x <= box.x1 + 1 && d.mouse.y >= box.y0 &&
        d.mouse.y < std::max(box.y1, box.y0 + 1))
        d.hovered = index;
}

void labelBar(Drawing& d, const BufferLife& life, Box box) {
    if (box.width() < 48 || box.height() < 13 || !d.p.roomForLabels(40)) return;
    const Rgb fill = mix(d.p.theme().background, memoryColour(life.category), 0.92f);
    const std::string label = elided(lifeName(d, life) + "  " + formatBytes(life.bytes), box.width() - 10);
    if (label.size() > 4) d.p.textInRow(std::round(box.x0 + 5), box, label, textOn(fill));
}

// --- on addresses --------------------------------------------------------------------------------------------------

void drawByAddress(Drawing& d) {
    const BufferLives& lives = d.lives();
    const auto arena = static_cast<double>(std::max<int64_t>(1, lives.arenaBytes()));
    const auto y_of = [&](int64_t address) {
        return d.p.snapped(d.area.y1 - d.area.height() * static_cast<float>(static_cast<double>(address) / arena));
    };
    const auto picture = d.model.buffers->pyramid.picture(d.traceRange(), most_lives, most_cells);
    const int64_t band = d.model.buffers->pyramid.bandBytes();
    for (const BufferPyramid::Cell& cell : picture.cells) {
        const float x0 = d.x(cell.window * picture.width_ns), x1 = d.x((cell.window + 1) * picture.width_ns);
        d.p.rect({x0, y_of((cell.band + 1) * band), std::max(x1, x0 + d.p.pixel()), y_of(cell.band * band)},
                 mix(d.p.theme().background, memoryColour(cell.category), 0.6f));
    }
    std::vector<std::pair<size_t, Box>> labelled;
    for (const uint32_t i : picture.lives) {
        const BufferLife& life = lives.all()[i];
        const float x0 = d.x(life.start_ns), x1 = d.x(life.end_ns);
        const float y1 = y_of(life.address), y0 = std::min(y_of(life.address + life.bytes), y1 - d.p.pixel());
        const Box box{x0, y0, std::max(x1, x0 + d.p.pixel()), y1};
        drawBar(d, i, box);
        if (box.width() >= 48 && box.height() >= 13) labelled.emplace_back(i, box);
    }
    for (const auto& [i, box] : labelled) labelBar(d, lives.all()[i], box);

    // The axis: the arena's size at the top, zero at the foot.
    const Box top{0, d.area.y0 - 3, d.area.x0 - 10, d.area.y0 + 11},
        bottom{0, d.area.y1 - 10, d.area.x0 - 10, d.area.y1 + 4};
    d.p.textRight(top.x1, top, formatBytes(lives.arenaBytes()), d.p.theme().dim, Font::axis);
    d.p.textRight(bottom.x1, bottom, "0", d.p.theme().dim, Font::axis);
    const float middle = (d.area.y0 + d.area.y1) / 2;
    d.p.textInRow(12, {0, middle - 10, d.area.x0, middle + 10}, "address", d.p.theme().dim);
}

// --- one row per buffer --------------------------------------------------------------------------------------------

// The latest life of a row that touches the range.
std::optional<size_t> lifeOfRow(const BufferLives& lives, const BufferRow& row, TimeRange range) {
    auto after = std::upper_bound(row.lives.begin(), row.lives.end(), range.end_ns,
                                  [&](int64_t time, size_t life) { return time < lives.all()[life].start_ns; });
    for (int looked = 0; after != row.lives.begin() && looked < 64; ++looked) {
        --after;
        if (lives.all()[*after].end_ns >= range.start_ns) return *after;
    }
    return {};
}

void drawRow(Drawing& d, const BufferRow& row, Box box) {
    const BufferLives& lives = d.lives();
    const TimeRange visible = d.traceRange();
    const double ns_per_px = d.axis.nsPerPx();
    const Rgb colour = mix(d.p.theme().background, memoryColour(row.category), 0.92f);
    auto busy = std::lower_bound(row.busy.begin(), row.busy.end(), visible.start_ns,
                                 [](const TimeRange& range, int64_t time) { return range.end_ns < time; });
    while (busy != row.busy.end() && busy->start_ns <= visible.end_ns && d.p.roomForRects(200)) {
        const float x0 = d.x(busy->start_ns);
        float x1 = std::max(d.x(busy->end_ns), x0 + d.p.pixel());
        ++busy;
        while (busy != row.busy.end() && d.x(busy->start_ns) < x1 + d.p.pixel()) { // runs below one pixel are one
            const int64_t end = d.axis.timeAt(x1) + d.model.origin_ns + static_cast<int64_t>(ns_per_px);
            x1 = std::max(x1, d.x(busy->end_ns));
            const auto next = std::lower_bound(busy + 1, row.busy.end(), end, [](const TimeRange& range, int64_t time) {
                return range.end_ns < time;
            });
            if (next != busy + 1) x1 = std::max(x1, d.x(std::prev(next)->end_ns));
            busy = next;
        }
        d.p.rect({x0, box.y0 + row_inset, x1, box.y1 - row_inset}, colour);
    }
    const auto slack = static_cast<int64_t>(std::ceil(ns_per_px));
    if (d.mouse_inside && box.contains(d.mouse)) {
        const int64_t time = d.axis.timeAt(d.mouse.x) + d.model.origin_ns;
        d.hovered = lifeOfRow(lives, row, {time - slack, time + slack});
    }
}

float rowsHeight(const BufferPicture& buffers) { return static_cast<float>(buffers.rows.size()) * row_pitch + foot; }

void drawBySize(Drawing& d) {
    const std::vector<BufferRow>& rows = d.model.buffers->rows;
    const Box view{0, d.area.y0, d.axis.x1, d.area.y1};
    d.p.pushClip(view);
    const auto first = static_cast<size_t>(std::max(0.0f, d.state.scroll_y / row_pitch));
    for (size_t i = first; i < rows.size(); ++i) {
        const float y = view.y0 + static_cast<float>(i) * row_pitch - d.state.scroll_y;
        if (y > view.y1) break;
        const Box box{d.area.x0, y, d.area.x1, y + row_pitch};
        drawRow(d, rows[i], box);
        const std::string name = rows[i].name == NameId::none ? std::string() : d.model.reader->name(rows[i].name);
        const std::string bytes = formatBytes(rows[i].bytes);
        d.p.textRight(d.area.x0 - 8, box, bytes, d.p.theme().dim, Font::axis);
        const float room = d.area.x0 - 8 - Painter::textWidth(bytes, Font::axis) - 8 - 12;
        d.p.textInRow(12, box, elided(name.empty() ? "–" : name, room, Font::axis), d.p.theme().text, Font::axis);
        if (d.selection.selected) {
            const BufferLife& life = d.lives().all()[*d.selection.selected];
            const bool here = std::binary_search(rows[i].lives.begin(), rows[i].lives.end(), *d.selection.selected);
            const float x0 = d.x(life.start_ns);
            if (here)
                d.p.outline({x0, y + 1, std::max(d.x(life.end_ns), x0 + 3), y + row_pitch - 1}, d.p.theme().text, 1, 2);
        }
    }
    d.p.popClip();
}

// --- around the bars -----------------------------------------------------------------------------------------------

void navigateBuffers(Drawing& d, float content_height, BufferViewIntents& intents) {
    const ImGuiIO& io = ImGui::GetIO();
    BufferViewState& state = d.state;
    const bool over = io.MousePos.x >= 0 && io.MousePos.y >= 0 && io.MousePos.x < io.DisplaySize.x &&
                      io.MousePos.y < io.DisplaySize.y;
    TimeRange wanted = d.axis.visible;
    const auto shift = [&wanted](double ns) {
        const int64_t by = std::llround(ns);
        wanted = {wanted.start_ns + by, wanted.end_ns + by};
    };
    const auto span = static_cast<double>(wanted.duration());
    if (io.MouseClicked[0]) {
        state.pressed = over;
        state.grabbed_ns = d.axis.timeAt(io.MouseClickedPos[0].x);
        state.grabbed_scroll = state.scroll_y;
    }
    const bool dragged = io.MouseDragMaxDistanceSqr[0] > click_slop_px * click_slop_px;
    if (io.MouseDown[0] && state.pressed && dragged) {
        const int64_t start =
            state.grabbed_ns - std::llround(static_cast<double>(io.MousePos.x - d.axis.x0) * d.axis.nsPerPx());
        wanted = {start, start + wanted.duration()};
        state.scroll_y = state.grabbed_scroll - (io.MousePos.y - io.MouseClickedPos[0].y);
    }
    if (!io.MouseDown[0]) state.pressed = false;
    if (over && io.MouseWheel != 0) {
        if (io.KeyCtrl || io.MousePos.x < d.area.x0)
            state.scroll_y -= io.MouseWheel * wheel_scroll_px;
        else if (io.KeyShift)
            shift(-static_cast<double>(io.MouseWheel) * wheel_pan * span);
        else {
            const double factor = std::pow(wheel_factor, -static_cast<double>(io.MouseWheel));
            const int64_t around = d.axis.timeAt(std::clamp(io.MousePos.x, d.axis.x0, d.axis.x1));
            const double share = static_cast<double>(around - wanted.start_ns) / span;
            const int64_t length = std::llround(std::min(span * factor, 4e18));
            const int64_t start = around - std::llround(share * static_cast<double>(length));
            wanted = {start, start + length};
        }
    }
    if (over && io.MouseWheelH != 0) shift(-static_cast<double>(io.MouseWheelH) * wheel_pan * span);
    state.scroll_y = std::clamp(state.scroll_y, 0.0f, std::max(0.0f, content_height - d.area.height()));
    if (wanted == d.axis.visible) return;
    wanted = clampVisible(wanted, d.model.full);
    if (wanted != d.axis.visible) intents.visible = wanted;
}

TooltipText lifeTooltip(const Drawing& d, size_t index) {
    const BufferLife& life = d.lives().all()[index];
    TooltipText text;
    std::string category(toText(life.category));
    std::replace(category.begin(), category.end(), '_', ' ');
    text.title = lifeName(d, life);
    text.subtitle = "rank " + std::to_string(d.lives().rank) + " · " + std::string(toText(d.lives().tier)) + " · " +
                    category + (life.step >= 0 ? " · step " + std::to_string(life.step) : "");
    text.rows.emplace_back("size", formatBytes(life.bytes));
    text.rows.emplace_back("alive for",
                           life.released() ? formatDuration(life.end_ns - life.start_ns) : "the rest of the trace");
    if (const ProgramOpEvent* op = opAfter(*d.model.reader, life.alloc_op))
        text.rows.emplace_back("allocated for", op->name);
    if (const ProgramOpEvent* op = opBefore(*d.model.reader, life.free_op))
        text.rows.emplace_back("released after", op->name);
    if (d.lives().addresses == AddressSource::plan) text.rows.emplace_back("address", formatCount(life.address));
    if (life.planned >= 0) text.because = d.lives().plan[static_cast<size_t>(life.planned)].config_key;
    return text;
}

void drawVerticals(Drawing& d) {
    const auto vertical = [&](int64_t view_ns, Rgb colour, float alpha, float width) {
        const float x = d.axis.x(view_ns);
        if (x >= d.axis.x0 && x <= d.axis.x1) d.p.rect({x, d.area.y0, x + width, d.area.y1}, colour, alpha);
    };
    if (d.selection.moment_ns) vertical(viewTime(*d.selection.moment_ns, d.model.origin_ns), d.p.theme().accent, 1, 2);
    if (d.selection.cursor_ns) vertical(*d.selection.cursor_ns, d.p.theme().text, 0.55f, 1);
}

} // namespace

float bufferViewHeight(const BufferViewModel& model) {
    return model.buffers && model.order == BufferOrder::size ? above + rowsHeight(*model.buffers) + foot : 0;
}

BufferViewIntents drawBuffers(const BufferViewModel& model, const BufferViewSelection& selection, const Theme& theme,
                              BufferViewState& state) {
    const ImGuiIO& io = ImGui::GetIO();
    Painter painter(theme);
    BufferViewIntents intents;
    const Box everything{0, 0, io.DisplaySize.x, io.DisplaySize.y};
    if (!model.buffers) {
        const float x = (everything.x1 - Painter::textWidth(model.sentence)) / 2;
        painter.textInRow(std::max(12.0f, x), everything, elided(model.sentence, everything.x1 - 24), theme.dim);
        return intents;
    }
    const float right = std::max(io.DisplaySize.x - right_margin, gutter + 16);
    const TimeRange visible = selection.visible.duration() > 0 ? selection.visible : model.full;
    Drawing d{.model = model,
              .selection = selection,
              .state = state,
              .p = painter,
              .axis = {visible, gutter, right},
              .area = {gutter, above, right, std::max(io.DisplaySize.y - foot, above + 16)},
              .mouse = io.MousePos,
              .hovered = {}};
    const bool dragging = state.pressed && io.MouseDragMaxDistanceSqr[0] > click_slop_px * click_slop_px;
    const bool by_size = model.order == BufferOrder::size;
    navigateBuffers(d, by_size ? rowsHeight(*model.buffers) : 0, intents);
    d.mouse_inside = d.area.contains(io.MousePos) && !dragging;
    const Ticks ticks = timeTicks(d.axis);
    for (const int64_t at : ticks.at)
        painter.rect({d.axis.x(at), ruler_height, d.axis.x(at) + painter.pixel(), everything.y1}, theme.grid);
    by_size ? drawBySize(d) : drawByAddress(d);
    painter.rect({d.area.x0, d.area.y1, d.area.x1, d.area.y1 + painter.pixel()}, theme.line);
    if (d.area.contains(io.MousePos)) intents.cursor_ns = d.axis.timeAt(io.MousePos.x);
    drawRuler(painter, d.axis, {0, 0, everything.x1, ruler_height}, ticks, model.axis_caption, selection.cursor_ns);
    drawVerticals(d);

    intents.hovered = d.hovered;
    if (clickedNow() && d.mouse_inside && d.area.contains(io.MouseClickedPos[0])) {
        if (d.hovered)
            intents.clicked = d.hovered;
        else
            intents.clicked_time_ns = d.axis.timeAt(io.MousePos.x) + model.origin_ns;
    }
    if (d.hovered != state.hover) {
        state.hover = d.hovered;
        state.hover_since = ImGui::GetTime();
    }
    state.tooltip_shown = d.hovered && ImGui::GetTime() - state.hover_since >= tooltip_delay_s;
    if (state.tooltip_shown) {
        painter.toForeground();
        drawTooltip(painter, lifeTooltip(d, *d.hovered), d.mouse);
    }
    state.drawn_rects = painter.rects();
    state.drawn_labels = painter.labels();
    return intents;
}

} // namespace shardscope::gui
