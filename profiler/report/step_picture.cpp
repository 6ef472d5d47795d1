// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/step_picture.h"
#include <algorithm>

namespace shardscope {

namespace {

constexpr int64_t columns = 1'000; // how finely time is divided
constexpr size_t most_lanes = 8;
constexpr int64_t named_from = 4; // columns: what is narrower keeps its class as its name

} // namespace

StepPicture stepPicture(const TraceReader& trace, const RunFigures& run) {
    StepPicture picture;
    TimeRange range = trace.span();
    for (const StepEvent& step : trace.steps())
        if (step.step == run.shown_step) {
            range = {step.start_ns, step.end_ns};
            picture.step = step.step;
        }
    picture.duration_ns = range.duration();
    if (picture.duration_ns <= 0) return picture;
    const auto lanes = trace.lanes();
    picture.rank = lanes.empty() ? 0 : lanes.front().rank;
    for (const LaneInfo& lane : lanes) picture.rank = std::min(picture.rank, lane.rank);
    const double column_ns = std::max(1.0, static_cast<double>(picture.duration_ns) / columns);
    std::vector<size_t> order;
    for (size_t i = 0; i < lanes.size(); ++i)
        if (lanes[i].rank == picture.rank) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return lanes[a].kind < lanes[b].kind; });
    for (const size_t i : order) {
        PictureLane lane{.name = std::string(toText(lanes[i].kind)), .blocks = {}};
        for (const LaneRect& rect : trace.rects(static_cast<LaneId>(i), range, column_ns)) {
            if (!isWork(rect.op_class)) continue;
            PictureBlock block{.start_ns = std::max(rect.start_ns, range.start_ns) - range.start_ns,
                               .end_ns = std::min(rect.end_ns, range.end_ns) - range.start_ns,
                               .op_class = rect.op_class,
                               .phase = rect.phase,
                               .count = rect.count,
                               .name = {}};
            const bool wide = static_cast<double>(block.end_ns - block.start_ns) >= named_from * column_ns;
            if (const auto details = wide ? trace.details(rect.event) : std::nullopt) block.name = details->name;
            if (block.name.empty()) block.name = std::string(toText(rect.op_class));
            if (block.end_ns > block.start_ns) lane.blocks.push_back(std::move(block));
        }
        if (!lane.blocks.empty() && picture.lanes.size() < most_lanes) picture.lanes.push_back(std::move(lane));
    }
    return picture;
}

} // namespace shardscope
