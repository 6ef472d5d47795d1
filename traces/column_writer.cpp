// SPDX-License-Identifier: Apache-2.0
#include "traces/column_writer.h"
#include "traces/chunk_codec.h"
#include "traces/event_rows.h"
#include "traces/sqlite_db.h"
#include <array>
#include <optional>

namespace shardscope {

namespace {

constexpr size_t smallest_lane_with_levels = 16384; // below that a picture may as well read the events themselves
constexpr size_t level_chunk_capacity = 4096;       // a picture of 2,048 pixels reads a handful of these
constexpr int finest_level = 4, coarsest_level = 60;

// How many windows of 2^level ns hold the start of an event, for all levels at once.
class WindowCounts {
public:
    void add(int64_t start_ns) {
        for (int level = finest_level; level <= coarsest_level; ++level) {
            int64_t& last = m_last[static_cast<size_t>(level)];
            const int64_t window = start_ns >> level;
            if (m_any && last == window) break; // then all coarser windows are the same too
            last = window;
            ++m_counts[static_cast<size_t>(level)];
        }
        m_any = true;
    }
    size_t at(int level) const { return m_counts[static_cast<size_t>(level)]; }

private:
    std::array<int64_t, coarsest_level + 1> m_last{};
    std::array<size_t, coarsest_level + 1> m_counts{};
    bool m_any = false;
};

class LaneColumns {
public:
    LaneColumns(Statement& insert, int64_t lane, int level)
        : m_insert(insert)
        , m_lane(lane)
        , m_level(level) {}

    template <class... Detail> bool add(const LaneRect& rect, const Detail&... detail) {
        m_chunk.append(rect, detail...);
        return m_chunk.size() < (m_level == 0 ? chunk_capacity : level_chunk_capacity) || flush();
    }
    bool flush() {
        if (m_chunk.size() == 0) return true;
        const auto shape = encodeShape(m_chunk, m_level > 0);
        const auto detail = m_level > 0 ? std::vector<std::byte>() : encodeDetail(m_chunk);
        m_insert.bind(0, m_lane);
        m_insert.bind(1, int64_t{m_level});
        m_insert.bind(2, m_chunks++);
        m_insert.bind(3, static_cast<int64_t>(m_chunk.size()));
        m_insert.bind(4, m_chunk.start(0));
        m_insert.bind(5, m_chunk.start(m_chunk.size() - 1));
        m_insert.bind(6, m_chunk.lastEnd());
        m_insert.bind(7, std::span(shape));
        detail.empty() ? m_insert.bindNull(8) : m_insert.bind(8, std::span(detail));
        m_chunk = Chunk();
        return m_insert.run();
    }
    int64_t chunks() const { return m_chunks; }
    int level() const { return m_level; }

private:
    Statement& m_insert;
    int64_t m_lane = 0, m_chunks = 0;
    int m_level = 0;
    Chunk m_chunk;
};

// The finest level worth having, then every one that at least halves the one before.
std::vector<int> chooseLevels(const WindowCounts& windows, size_t events) {
    std::vector<int> levels;
    size_t last = events / 4;
    for (int level = finest_level; level <= coarsest_level && last > level_chunk_capacity / 2; level += 2) {
        if (windows.at(level) > last / 2) continue;
        levels.push_back(level);
        last = windows.at(level);
    }
    return levels;
}

bool writeLevels(Database& db, Statement& insert, int64_t lane, int64_t chunks, const std::vector<int>& wanted) {
    std::vector<LaneColumns> levels;
    for (const int level : wanted) levels.emplace_back(insert, lane, level);
    Statement read;
    if (!read.prepare(db, "SELECT shape, count FROM lane_chunk WHERE lane=? AND level=0 AND chunk=?")) return false;
    std::vector<LaneRect> merged;
    for (int64_t k = 0; k < chunks; ++k) {
        read.bind(0, lane);
        read.bind(1, k);
        if (!read.step()) return false;
        const std::optional<Chunk> events = decodeShape(read.blob(0), static_cast<size_t>(read.integer(1)), false);
        read.reset();
        if (!events) return db.fail(SQLITE_CORRUPT);
        for (LaneColumns& level : levels) {
            // Pixels are counted from the start of the range, so it is put on a multiple of the width.
            const int64_t start = (events->start(0) >> level.level()) * (int64_t{1} << level.level());
            merged.clear();
            events->rects({start, time_limit_ns}, static_cast<double>(int64_t{1} << level.level()), merged);
            for (const LaneRect& rect : merged)
                if (!level.add(rect)) return false;
        }
    }
    for (LaneColumns& level : levels)
        if (!level.flush()) return false;
    return true;
}

bool writeLane(Database& db, Statement& read, Statement& insert, int64_t lane) {
    LaneColumns columns(insert, lane, 0);
    WindowCounts windows;
    size_t count = 0;
    LaneEntry entry;
    read.bind(0, lane);
    while (read.step()) {
        if (readEvent(read, entry) == RowState::invalid) continue;
        windows.add(entry.rect.start_ns);
        ++count;
        if (!columns.add(entry.rect, entry.detail)) return false;
    }
    if (read.failed() || !columns.flush()) return false;
    read.reset();
    return count < smallest_lane_with_levels ||
           writeLevels(db, insert, lane, columns.chunks(), chooseLevels(windows, count));
}

} // namespace

bool writeColumns(Database& db, int64_t lanes) {
    Statement read, insert;
    const std::string query =
        std::string("SELECT ") + event_columns + " FROM event_row WHERE lane=? ORDER BY start_ns, id";
    if (!db.exec("CREATE INDEX event_by_lane ON event_row(lane, start_ns)") || !read.prepare(db, query.c_str()) ||
        !insert.prepare(db, "INSERT INTO lane_chunk VALUES (?,?,?,?,?,?,?,?,?)"))
        return false;
    for (int64_t lane = 0; lane < lanes; ++lane)
        if (!writeLane(db, read, insert, lane)) return false;
    return true;
}

} // namespace shardscope
