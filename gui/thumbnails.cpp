// SPDX-License-Identifier: Apache-2.0
#include "gui/thumbnails.h"
#include <algorithm>

namespace shardscope::gui {
namespace {

constexpr int most_lanes = 4;
constexpr double columns = 180; // as many as the picture has pixels, about

} // namespace

Thumbnail thumbnailOf(const TraceReader& reader) {
    Thumbnail picture;
    TimeRange range = reader.span();
    if (const auto steps = reader.steps(); !steps.empty())
        range = {steps[steps.size() / 2].start_ns, steps[steps.size() / 2].end_ns};
    if (range.duration() <= 0) return picture;
    const auto lanes = reader.lanes();
    std::vector<LaneId> of_rank; // as the canvas has them
    for (size_t i = 0; i < lanes.size(); ++i)
        if (lanes[i].rank == lanes.front().rank) of_rank.push_back(static_cast<LaneId>(i));
    std::ranges::stable_sort(of_rank, {}, [&](LaneId lane) { return lanes[static_cast<size_t>(lane)].kind; });
    for (const LaneId lane : of_rank) {
        if (picture.lanes == most_lanes) break;
        auto rects = reader.rects(lane, range, static_cast<double>(range.duration()) / columns);
        std::erase_if(rects, [](const LaneRect& rect) { return !isWork(rect.op_class); }); // calls and what describes
        if (rects.empty()) continue;
        for (const LaneRect& rect : rects) {
            const auto share = [&](int64_t at) {
                const double of = static_cast<double>(std::clamp(at, range.start_ns, range.end_ns) - range.start_ns);
                return static_cast<float>(of / static_cast<double>(range.duration()));
            };
            picture.bars.push_back(
                {share(rect.start_ns), share(rect.end_ns), picture.lanes, rect.phase, rect.op_class});
        }
        ++picture.lanes;
    }
    return picture;
}

Thumbnails::Thumbnails(QObject* parent)
    : QObject(parent) {
    m_pool.setMaxThreadCount(1);
}

Thumbnails::~Thumbnails() {
    m_pool.clear();
    m_pool.waitForDone();
}

void Thumbnails::request(const std::string& path, int64_t version) {
    Entry& entry = m_entries[path];
    if (entry.version == version) return;
    entry.version = version;
    ++m_pending;
    m_pool.start([this, path, version] {
        const auto reader = TraceReader::open(path);
        auto picture = std::make_shared<Thumbnail>(reader ? thumbnailOf(**reader) : Thumbnail());
        QMetaObject::invokeMethod(
            this,
            [this, path, version, picture] {
                --m_pending;
                Entry& now = m_entries[path];
                if (now.version != version) return;
                now.picture = picture;
                emit ready(path);
            },
            Qt::QueuedConnection);
    });
}

const Thumbnail* Thumbnails::of(const std::string& path) const {
    const auto found = m_entries.find(path);
    return found == m_entries.end() ? nullptr : found->second.picture.get();
}

} // namespace shardscope::gui
