// SPDX-License-Identifier: Apache-2.0
// The life of every buffer of one rank and tier as a bar over time, on its address or on a row of its own, the largest
// first. Data and state in, intents out. Long lives are drawn one by one; where there are more than a frame can draw,
// short ones become cells of a grid, so that a busy place is never empty and the cost of a frame has a bound.
#pragma once
#include "gui/canvas/theme.h"
#include "profiler/analysis/buffer_lives.h"
#include <memory>
#include <optional>
#include <string>

namespace shardscope::gui {

enum class BufferOrder { address, size };

// All buffers of one name, or of one size where they have none.
struct BufferRow {
    NameId name = NameId::none;
    MemoryCategory category = MemoryCategory::other;
    int64_t bytes = 0;           // the largest
    std::vector<size_t> lives;   // by start
    std::vector<TimeRange> busy; // when any of them is alive; disjoint, by time
};
std::vector<BufferRow> rowsBySize(const BufferLives&); // the largest first, then by name

// Lives by length: level 0 has all of them, each further one only longer lives, and says in which cells of time and
// address the others lie.
class BufferPyramid {
public:
    static constexpr int64_t bands = 128; // of the arena

    struct Cell {
        int64_t window = 0; // of width_ns
        int32_t band = 0;
        MemoryCategory category = MemoryCategory::other; // of the most bytes in it
        uint32_t count = 0;
    };
    struct Level {
        int64_t width_ns = 0;
        IntervalTree tree;
        std::vector<uint32_t> lives; // index of the tree: of BufferLives::all()
        std::vector<Cell> cells;     // by window, then band
    };

    BufferPyramid() = default;
    explicit BufferPyramid(const BufferLives&);
    const std::vector<Level>& levels() const { return m_levels; }
    int64_t bandBytes() const { return m_band_bytes; }

    struct Picture {
        std::vector<uint32_t> lives;
        std::vector<Cell> cells;
        int64_t width_ns = 0; // of a cell
    };
    // What touches the range, from the finest level that needs at most so many lives and cells, or the coarsest.
    Picture picture(TimeRange, size_t most_lives, size_t most_cells) const;

private:
    std::vector<Level> m_levels;
    int64_t m_band_bytes = 1;
};

// Lives and what is needed to draw them, made by a worker and never changed.
struct BufferPicture {
    BufferLives lives;
    BufferPyramid pyramid;
    std::vector<BufferRow> rows;
};

struct BufferViewModel {
    const BufferPicture* buffers = nullptr; // null: nothing to show, `sentence` says why
    const TraceReader* reader = nullptr;    // for names
    BufferOrder order = BufferOrder::address;
    int64_t origin_ns = 0; // trace time at view time 0
    TimeRange full;        // in view time
    std::string axis_caption;
    std::string sentence;
};

struct BufferViewSelection {
    TimeRange visible; // in view time
    std::optional<int64_t> cursor_ns;
    std::optional<int64_t> moment_ns; // trace time
    std::optional<size_t> selected;   // a life
};

struct BufferViewIntents {
    std::optional<size_t> hovered, clicked; // lives
    std::optional<int64_t> clicked_time_ns; // trace time, where there is no buffer
    std::optional<int64_t> cursor_ns;
    std::optional<TimeRange> visible;
};

struct BufferViewState {
    float scroll_y = 0; // by size
    bool pressed = false;
    int64_t grabbed_ns = 0;
    float grabbed_scroll = 0;
    std::optional<size_t> hover;
    double hover_since = 0;
    bool tooltip_shown = false;
    int drawn_rects = 0, drawn_labels = 0;
};

float bufferViewHeight(const BufferViewModel&); // that shows every row without scrolling; 0: any height does
BufferViewIntents drawBuffers(const BufferViewModel&, const BufferViewSelection&, const Theme&, BufferViewState&);

} // namespace shardscope::gui
