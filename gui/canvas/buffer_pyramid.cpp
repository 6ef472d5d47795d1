// SPDX-License-Identifier: Apache-2.0
#include "gui/canvas/buffer_view.h"
#include <algorithm>
#include <map>
#include <tuple>

namespace shardscope::gui {

namespace {

constexpr size_t small_enough = 4'000; // lives that need no coarser level

int64_t windowOf(int64_t time_ns, int64_t width_ns) {
    const int64_t window = time_ns / width_ns;
    return time_ns < 0 && time_ns % width_ns != 0 ? window - 1 : window;
}

// When the lives begin and end, but for the end of those that last to the end of the trace.
TimeRange extentOf(const BufferLives& lives) {
    const auto& times = lives.changeTimes();
    return times.empty() ? TimeRange{0, 1} : TimeRange{times.front(), std::max(times.back(), times.front() + 1)};
}

// The cells that lives shorter than a window touch.
std::vector<BufferPyramid::Cell> cellsOf(const std::vector<BufferLife>& lives, int64_t width_ns, int64_t band_bytes) {
    struct Touch {
        int64_t window, bytes;
        int32_t band;
        MemoryCategory category;
    };
    constexpr int64_t last_band = BufferPyramid::bands - 1;
    std::vector<Touch> touches;
    for (const BufferLife& life : lives) {
        if (life.end_ns - life.start_ns >= width_ns) continue;
        const int64_t first = std::clamp<int64_t>(life.address / band_bytes, 0, last_band);
        const int64_t last = std::clamp<int64_t>((life.address + life.bytes - 1) / band_bytes, first, last_band);
        for (int64_t window = windowOf(life.start_ns, width_ns); window <= windowOf(life.end_ns, width_ns); ++window)
            for (int64_t band = first; band <= last; ++band)
                touches.push_back({window, life.bytes, static_cast<int32_t>(band), life.category});
    }
    std::sort(touches.begin(), touches.end(), [](const Touch& a, const Touch& b) { // the greatest first in its cell
        return std::tie(a.window, a.band, b.bytes) < std::tie(b.window, b.band, a.bytes);
    });
    std::vector<BufferPyramid::Cell> cells;
    for (const Touch& touch : touches) {
        if (cells.empty() || cells.back().window != touch.window || cells.back().band != touch.band)
            cells.push_back({touch.window, touch.band, touch.category, 0});
        ++cells.back().count;
    }
    return cells;
}

} // namespace

BufferPyramid::BufferPyramid(const BufferLives& lives) {
    const std::vector<BufferLife>& all = lives.all();
    m_band_bytes = std::max<int64_t>(1, (lives.arenaBytes() + bands - 1) / bands);
    Level finest;
    finest.tree = lives.byTime();
    for (uint32_t i = 0; i < all.size(); ++i) finest.lives.push_back(i);
    m_levels.push_back(std::move(finest));
    const int64_t span = extentOf(lives).duration();
    for (int64_t width = std::max<int64_t>(1, span >> 20); width <= span / 8; width *= 4) {
        const Level& finer = m_levels.back();
        if (finer.lives.size() <= small_enough) break;
        Level level;
        level.width_ns = width;
        for (const uint32_t i : finer.lives) {
            if (all[i].end_ns - all[i].start_ns < width) continue;
            level.tree.add(all[i].start_ns, all[i].end_ns);
            level.lives.push_back(i);
        }
        level.tree.seal();
        level.cells = cellsOf(all, width, m_band_bytes);
        m_levels.push_back(std::move(level));
    }
}

BufferPyramid::Picture BufferPyramid::picture(TimeRange range, size_t most_lives, size_t most_cells) const {
    Picture picture;
    for (const Level& level : m_levels) {
        const bool last = &level == &m_levels.back();
        picture = {.lives = {}, .cells = {}, .width_ns = level.width_ns};
        bool fits = level.tree.forEachTouching(range.start_ns, range.end_ns, [&](size_t i) {
            picture.lives.push_back(level.lives[i]);
            return picture.lives.size() <= most_lives;
        });
        if (level.width_ns > 0) {
            const int64_t from = windowOf(range.start_ns, level.width_ns), to = windowOf(range.end_ns, level.width_ns);
            auto cell = std::lower_bound(level.cells.begin(), level.cells.end(), from,
                                         [](const Cell& c, int64_t window) { return c.window < window; });
            for (; cell != level.cells.end() && cell->window <= to && fits; ++cell) {
                picture.cells.push_back(*cell);
                fits = picture.cells.size() <= most_cells;
            }
        }
        if (fits || last) break;
    }
    return picture;
}

std::vector<BufferRow> rowsBySize(const BufferLives& lives) {
    std::map<std::tuple<NameId, MemoryCategory, int64_t>, BufferRow> rows;
    for (size_t i = 0; i < lives.all().size(); ++i) {
        const BufferLife& life = lives.all()[i];
        const int64_t size = life.name == NameId::none ? life.bytes : 0; // names may come in several sizes
        BufferRow& row = rows[{life.name, life.category, size}];
        row.name = life.name;
        row.category = life.category;
        row.bytes = std::max(row.bytes, life.bytes);
        row.lives.push_back(i);
        if (!row.busy.empty() && row.busy.back().end_ns >= life.start_ns)
            row.busy.back().end_ns = std::max(row.busy.back().end_ns, life.end_ns);
        else
            row.busy.push_back({life.start_ns, life.end_ns});
    }
    std::vector<BufferRow> sorted;
    for (auto& [key, row] : rows) sorted.push_back(std::move(row));
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const BufferRow& a, const BufferRow& b) { return a.bytes > b.bytes; });
    return sorted;
}

} // namespace shardscope::gui
