// SPDX-License-Identifier: Apache-2.0
// Marks and notes on the canvas: a bracket over what they are pinned to and a small flag that tells them apart from
// blocks; the text appears under the mouse.
#include "gui/canvas/timeline_drawing.h"
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr float flag_width = 9, flag_height = 8, reach = 3;
constexpr size_t most_flags = 400; // of one frame

// The row that shows the note's lane, or its rank's summary, or its trace's head line where it has no lane.
const TimelineRow* rowOf(const TimelineDrawing& d, const TimelineLayout& layout, const NoteFlag& note) {
    const auto lanes = d.view(note.trace).reader->lanes();
    const bool known = note.lane != LaneId::none && static_cast<size_t>(note.lane) < lanes.size();
    const TimelineRow* head = nullptr;
    for (const TimelineRow& row : layout.rows) {
        if (row.trace != note.trace) continue;
        if (known && row.kind == RowKind::lane && row.lane == note.lane) return &row;
        if (known && row.kind == RowKind::summary && row.rank == lanes[static_cast<size_t>(note.lane)].rank)
            return &row;
        if (row.kind == RowKind::head) head = &row;
    }
    return head;
}

} // namespace

const NoteFlag* drawNotes(TimelineDrawing& d, const TimelineLayout& layout, float scroll_y) {
    const NoteFlag* under_mouse = nullptr;
    d.painter.pushClip({d.axis.x0 - 1, d.content.y0, d.axis.x1 + flag_width, d.content.y1});
    size_t drawn = 0;
    for (const NoteFlag& note : d.model.notes) {
        const int64_t origin = d.view(note.trace).origin_ns;
        const int64_t from = viewTime(note.start_ns, origin), to = viewTime(note.end_ns, origin);
        if (to < d.axis.visible.start_ns || from > d.axis.visible.end_ns) continue;
        const TimelineRow* row = rowOf(d, layout, note);
        if (!row || ++drawn > most_flags) continue;
        const float y = d.content.y0 + row->y - scroll_y;
        if (y + row->height < d.content.y0 || y > d.content.y1) continue;
        const float x0 = std::max(d.axis.x(from), d.axis.x0), x1 = std::min(d.axis.x(to), d.axis.x1);
        const Rgb colour = note.chosen ? d.painter.theme().accent : d.painter.theme().attention;
        const bool on_lane = row->kind != RowKind::head;
        const float top = y + (on_lane ? 1 : 5), bottom = y + row->height - (on_lane ? 3 : 1);
        if (on_lane && x1 - x0 > 3) d.painter.outline({x0, top, x1, bottom}, colour, 2.5f, note.chosen ? 2.0f : 1.5f);
        d.painter.rect({x0, top - 2, x0 + 1.5f, bottom + 1}, colour);
        const Box flag{x0, top - 4, x0 + flag_width, top - 4 + flag_height};
        d.painter.block(flag, colour, 1.5f);
        if (!note.text.empty()) // lines of writing; a mark is plain
            for (const float line : {2.5f, 5.0f})
                d.painter.rect({flag.x0 + 2, flag.y0 + line, flag.x1 - 2, flag.y0 + line + d.painter.pixel()},
                               textOn(colour));
        const Box target{flag.x0 - reach, flag.y0 - reach, flag.x1 + reach, flag.y1 + reach};
        if (d.mouse_in_plot && target.contains(d.mouse)) under_mouse = &note;
    }
    d.painter.popClip();
    return under_mouse;
}

} // namespace shardscope::gui
