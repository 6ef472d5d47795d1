// SPDX-License-Identifier: Apache-2.0
// Wheel, drags and keys, read as what they mean for the visible range. Reads ImGui's input, changes nothing but the
// view's own state; the wanted range goes back to the caller.
#include "gui/canvas/timeline_drawing.h"
#include <cmath>

namespace shardscope::gui {

namespace {

using namespace timeline_metrics;

constexpr int64_t shortest_visible_ns = 100;
constexpr double widest_share = 1.1, past_the_end = 0.05, wheel_factor = 1.25, key_factor = 1.3, wheel_pan = 0.12,
                 key_pan = 0.15;
constexpr float wheel_scroll_px = 48, click_slop_px = 4;

TimelineZone zoneAt(const TimelineDrawing& d, ImVec2 at, bool scrolls) {
    if (at.x < 0 || at.y < 0 || at.x >= ImGui::GetIO().DisplaySize.x || at.y >= d.content.y1) return TimelineZone::none;
    if (d.model.frame == TimelineFrame::whole && at.y < minimap_height)
        return at.x >= d.axis.x0 ? TimelineZone::minimap : TimelineZone::gutter;
    if (scrolls && at.x >= d.content.x1 - scrollbar_width - 4 && at.y >= d.content.y0) return TimelineZone::scrollbar;
    return at.x >= d.axis.x0 ? TimelineZone::plot : TimelineZone::gutter;
}

TimeRange zoomed(TimeRange from, int64_t around, double factor) {
    const double share = static_cast<double>(around - from.start_ns) / static_cast<double>(from.duration());
    const double duration = std::max(static_cast<double>(from.duration()) * factor, double{shortest_visible_ns});
    const int64_t length = std::llround(std::min(duration, 4e18));
    const int64_t start = around - std::llround(share * static_cast<double>(length));
    return {start, start + length};
}

TimeRange shifted(TimeRange from, double by_ns) {
    const int64_t step = std::llround(by_ns);
    return {from.start_ns + step, from.end_ns + step};
}

bool dragged() { return ImGui::GetIO().MouseDragMaxDistanceSqr[0] > click_slop_px * click_slop_px; }

} // namespace

bool clickedNow() { return ImGui::GetIO().MouseReleased[0] && !dragged(); }

TimeRange clampVisible(TimeRange wanted, TimeRange full) {
    const double longest = std::max(static_cast<double>(full.duration()) * widest_share, double{shortest_visible_ns});
    const int64_t length = std::clamp<int64_t>(wanted.duration(), shortest_visible_ns, std::llround(longest));
    const int64_t margin = std::llround(static_cast<double>(full.duration()) * past_the_end);
    const int64_t first = full.start_ns - margin, last = std::max(first, full.end_ns + margin - length);
    const int64_t start = std::clamp(wanted.start_ns, first, last);
    return {start, start + length};
}

std::optional<Box> scrollThumb(const TimelineDrawing& d, float content_height, float scroll_y) {
    const float room = d.content.height();
    if (content_height <= room + 0.5f) return {};
    const float length = std::min(room - 4, std::max(28.0f, room * room / content_height));
    const float travel = room - 4 - length;
    const float y = d.content.y0 + 2 + travel * std::clamp(scroll_y / (content_height - room), 0.0f, 1.0f);
    return Box{d.content.x1 - scrollbar_width - 2, y, d.content.x1 - 2, y + length};
}

std::optional<TimeRange> navigate(const TimelineDrawing& d, const TimelineInput& keys, TimeRange full,
                                  float content_height, TimelineState& state) {
    const ImGuiIO& io = ImGui::GetIO();
    const TimeRange visible = d.axis.visible;
    const float room = d.content.height(), highest_scroll = std::max(0.0f, content_height - room);
    const bool scrolls = highest_scroll > 0.5f;
    const TimelineZone zone = zoneAt(d, io.MousePos, scrolls);
    TimeRange wanted = visible;

    if (io.MouseClicked[0]) {
        state.pressed = zoneAt(d, io.MouseClickedPos[0], scrolls);
        if (state.pressed == TimelineZone::plot && (io.KeyCtrl || io.KeyShift)) state.pressed = TimelineZone::range;
        state.grabbed_ns = d.axis.timeAt(io.MouseClickedPos[0].x);
        state.grabbed_scroll = state.scroll_y;
    }
    if (io.MouseDown[0]) {
        if (state.pressed == TimelineZone::minimap) {
            const TimeAxis overview{full, d.axis.x0, d.axis.x1};
            const int64_t middle = overview.timeAt(std::clamp(io.MousePos.x, d.axis.x0, d.axis.x1));
            wanted = {middle - visible.duration() / 2, middle - visible.duration() / 2 + visible.duration()};
        } else if (state.pressed == TimelineZone::plot && dragged()) {
            const int64_t start =
                state.grabbed_ns - std::llround(static_cast<double>(io.MousePos.x - d.axis.x0) * d.axis.nsPerPx());
            wanted = {start, start + visible.duration()};
            state.scroll_y = state.grabbed_scroll - (io.MousePos.y - io.MouseClickedPos[0].y);
        } else if (state.pressed == TimelineZone::scrollbar) {
            if (const std::optional<Box> thumb = scrollThumb(d, content_height, state.scroll_y))
                state.scroll_y = state.grabbed_scroll + (io.MousePos.y - io.MouseClickedPos[0].y) * highest_scroll /
                                                            std::max(1.0f, room - 4 - thumb->height());
        } else if (state.pressed == TimelineZone::gutter && dragged()) {
            state.scroll_y = state.grabbed_scroll - (io.MousePos.y - io.MouseClickedPos[0].y);
        }
    } else if (!io.MouseReleased[0]) { // whoever looks at the release still has to know where it began
        state.pressed = TimelineZone::none;
    }

    const int64_t under_mouse = d.axis.timeAt(std::clamp(io.MousePos.x, d.axis.x0, d.axis.x1));
    if (io.MouseWheel != 0 && zone != TimelineZone::none) {
        if (io.KeyCtrl || zone == TimelineZone::gutter || zone == TimelineZone::scrollbar)
            state.scroll_y -= io.MouseWheel * wheel_scroll_px;
        else if (io.KeyShift)
            wanted = shifted(wanted,
                             -static_cast<double>(io.MouseWheel) * wheel_pan * static_cast<double>(visible.duration()));
        else
            wanted =
                zoomed(wanted, zone == TimelineZone::plot ? under_mouse : visible.start_ns + visible.duration() / 2,
                       std::pow(wheel_factor, -static_cast<double>(io.MouseWheel)));
    }
    if (io.MouseWheelH != 0 && zone != TimelineZone::none)
        wanted =
            shifted(wanted, -static_cast<double>(io.MouseWheelH) * wheel_pan * static_cast<double>(visible.duration()));

    if (keys.zoom != 0)
        wanted = zoomed(wanted, zone == TimelineZone::plot ? under_mouse : visible.start_ns + visible.duration() / 2,
                        std::pow(key_factor, -keys.zoom));
    if (keys.pan != 0) wanted = shifted(wanted, keys.pan * key_pan * static_cast<double>(visible.duration()));
    state.scroll_y = std::clamp(state.scroll_y, 0.0f, highest_scroll);

    if (keys.fit) return full;
    if (wanted == visible) return {};
    wanted = clampVisible(wanted, full);
    return wanted == visible ? std::nullopt : std::optional(wanted);
}

std::optional<TimeRange> draggedRange(const TimelineDrawing& d, const TimelineState& state) {
    const ImGuiIO& io = ImGui::GetIO();
    if (state.pressed != TimelineZone::range || !dragged() || !(io.MouseDown[0] || io.MouseReleased[0])) return {};
    const int64_t at = d.axis.timeAt(std::clamp(io.MousePos.x, d.axis.x0, d.axis.x1));
    const auto [start, end] = std::minmax(state.grabbed_ns, at);
    return end > start ? std::optional(TimeRange{start, end}) : std::nullopt;
}

} // namespace shardscope::gui
