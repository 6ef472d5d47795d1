// SPDX-License-Identifier: Apache-2.0
// Arrows from what the selected operation waited for to it, and from it to what waited for it. Lanes of a collapsed
// rank are met at its summary lane; lanes that are not shown have no arrows.
#include "gui/canvas/timeline_drawing.h"
#include <cmath>
#include <map>

namespace shardscope::gui {

namespace {

constexpr size_t most_arrows = 64;

std::map<LaneId, float> laneCentres(const TimelineDrawing& d, const TimelineLayout& layout, int trace, float scroll_y) {
    std::map<LaneId, float> centres;
    for (const TimelineRow& row : layout.rows) {
        if (row.trace != trace) continue;
        const float y = d.content.y0 + row.y - scroll_y + metrics::lane_height / 2;
        if (row.kind == RowKind::lane) centres[row.lane] = y;
        if (row.kind == RowKind::summary)
            for (const LaneId lane : lanesOfRank(*d.view(trace).reader, row.rank, {})) centres[lane] = y;
    }
    return centres;
}

} // namespace

void drawFlows(TimelineDrawing& d, const TimelineLayout& layout, float scroll_y) {
    Painter& p = d.painter;
    for (size_t t = 0; t < d.model.traces.size(); ++t) {
        const TraceView& view = d.model.traces[t];
        if (view.marks.flows.empty()) continue;
        const std::map<LaneId, float> centres = laneCentres(d, layout, static_cast<int>(t), scroll_y);
        size_t drawn = 0;
        for (const TimelineFlow& flow : view.marks.flows) {
            const auto from = centres.find(flow.from_lane), to = centres.find(flow.to_lane);
            if (from == centres.end() || to == centres.end() || ++drawn > most_arrows) continue;
            const ImVec2 start{d.axis.x(viewTime(flow.from_ns, view.origin_ns)), from->second};
            const ImVec2 tip{d.axis.x(viewTime(flow.to_ns, view.origin_ns)), to->second};
            if (std::max(start.x, tip.x) < d.axis.x0 || std::min(start.x, tip.x) > d.axis.x1) continue;
            // Twofold, so that arrows show on blocks and on the background alike.
            const Rgb colour = flow.incoming ? p.theme().text : readableOn(p.theme().background, p.theme().accent);
            p.curve(start, {tip.x - 5, tip.y}, p.theme().background, 4, 0.75f);
            p.curve(start, {tip.x - 5, tip.y}, colour, 1.6f);
            p.dot(start, 2.5f, colour);
            p.triangle({tip.x, tip.y}, {tip.x - 7, tip.y - 4}, {tip.x - 7, tip.y + 4}, colour);
        }
    }
}

} // namespace shardscope::gui
