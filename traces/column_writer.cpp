// SPDX-License-Identifier: Apache-2.0
#include "traces/column_writer.h"
#include "traces/chunk_codec.h"
#include "traces/event_rows.h"
#include "traces/ordered_tasks.h"
#include "traces/sqlite_db.h"
#include <algorithm>
#include <array>
#include <bit>
#include <optional>

namespace shardscope {

namespace {

constexpr size_t smallest_lane_with_levels = 16384; // below that a picture may as well read the events themselves
constexpr size_t level_chunk_capacity = 4096;       // a picture of 2,048 pixels reads a handful of these
constexpr int finest_level = 4, coarsest_level = 60;
constexpr size_t most_at_once = 2; // chunks that other threads encode or merge

// How many windows of 2^level ns hold the start of an event, for all levels at once: a start opens a new window of
// every level up to the highest bit in which it differs from the one before.
class WindowCounts {
public:
    void add(int64_t start_ns) {
        ++m_opened[m_any ? static_cast<size_t>(std::bit_width(static_cast<uint64_t>(start_ns ^ m_last))) : 64];
        m_last = start_ns;
        m_any = true;
    }
    size_t at(int level) const {
        size_t windows = 0;
        for (auto bits = static_cast<size_t>(level) + 1; bits < m_opened.size(); ++bits) windows += m_opened[bits];
        return windows;
    }

private:
    std::array<size_t, 65> m_opened{}; // by the number of bits up to the highest that differs
    int64_t m_last = 0;
    bool m_any = false;
};

struct EncodedChunk {
    size_t count = 0;
    int64_t first_start_ns = 0, last_start_ns = 0, last_end_ns = 0;
    std::vector<std::byte> shape, detail; // detail only of single events
};

EncodedChunk encode(const ShapeColumns& shape) {
    return {.count = shape.size(),
            .first_start_ns = shape.start_ns.front(),
            .last_start_ns = shape.start_ns.back(),
            .last_end_ns = *std::max_element(shape.end_ns.begin(), shape.end_ns.end()),
            .shape = encodeShape(shape),
            .detail = {}};
}

bool insertChunk(Statement& insert, int64_t lane, int level, int64_t number, const EncodedChunk& chunk) {
    insert.bind(0, lane);
    insert.bind(1, int64_t{level});
    insert.bind(2, number);
    insert.bind(3, static_cast<int64_t>(chunk.count));
    insert.bind(4, chunk.first_start_ns);
    insert.bind(5, chunk.last_start_ns);
    insert.bind(6, chunk.last_end_ns);
    insert.bind(7, std::span(chunk.shape));
    chunk.detail.empty() ? insert.bindNull(8) : insert.bind(8, std::span(chunk.detail));
    return insert.run();
}

// A coarse level of one lane.
struct LevelColumns {
    int level = 0;
    ShapeColumns filling;
    std::vector<EncodedChunk> chunks;

    void add(const LaneRect& rect) {
        filling.add(rect, true);
        if (filling.size() == level_chunk_capacity) flush();
    }
    void flush() {
        if (filling.size() == 0) return;
        chunks.push_back(encode(filling));
        filling = {};
    }
};

// Levels of few chunks, which pictures of the whole trace show, stand side by side behind all else, so that the first
// picture reads one piece of the file.
class CoarseLevels {
public:
    void add(int64_t lane, LevelColumns&& level) {
        for (const EncodedChunk& chunk : level.chunks) m_bytes += chunk.shape.size();
        m_levels.push_back({lane, std::move(level)});
    }
    bool tooMany() const { return m_bytes > most_bytes; }
    bool write(Statement& insert) {
        std::stable_sort(m_levels.begin(), m_levels.end(),
                         [](const Entry& a, const Entry& b) { return a.columns.level < b.columns.level; });
        for (const auto& [lane, columns] : m_levels)
            for (size_t i = 0; i < columns.chunks.size(); ++i)
                if (!insertChunk(insert, lane, columns.level, static_cast<int64_t>(i), columns.chunks[i])) return false;
        m_levels.clear();
        m_bytes = 0;
        return true;
    }

private:
    static constexpr size_t most_bytes = 32 << 20;
    struct Entry {
        int64_t lane;
        LevelColumns columns;
    };
    std::vector<Entry> m_levels;
    size_t m_bytes = 0;
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

// What the wanted levels show of one chunk.
using LevelRects = std::vector<std::vector<LaneRect>>;

// Nothing if the chunk is damaged.
LevelRects mergeChunk(std::span<const std::byte> shape, size_t count, std::span<const int> wanted) {
    LevelRects merged;
    const std::optional<Chunk> events = decodeShape(shape, count, false);
    if (!events) return merged;
    for (const int level : wanted) {
        // Pixels are counted from the start of the range, so it is put on a multiple of the width.
        const int64_t start = (events->start(0) >> level) * (int64_t{1} << level);
        events->rects({start, time_limit_ns}, static_cast<double>(int64_t{1} << level), merged.emplace_back());
    }
    return merged;
}

} // namespace

struct SortedColumns::Impl {
    explicit Impl(Database& database)
        : db(database) {}

    Database& db;
    Statement insert, read;
    int64_t lane = -1, chunks = 0;
    size_t count = 0;
    WindowCounts windows;
    ShapeColumns shape; // of the chunk that is being filled
    DetailColumns detail;
    CoarseLevels coarse;
    OrderedTasks<EncodedChunk> encoding{most_at_once}; // zstd takes most of the time

    bool insertOldest() { return insertChunk(insert, lane, 0, chunks++, encoding.take()); }

    bool flush() {
        if (shape.size() == 0) return true;
        encoding.give([full = std::move(shape), more = std::move(detail)] {
            EncodedChunk chunk = encode(full);
            chunk.detail = encodeDetail(more);
            return chunk;
        });
        shape = {};
        detail = {};
        shape.reserve(written_chunk_events);
        return encoding.pending() <= most_at_once || insertOldest();
    }

    bool endLane() {
        if (!flush()) return false;
        while (encoding.pending() > 0)
            if (!insertOldest()) return false;
        const bool ok = count < smallest_lane_with_levels || writeLevels(chooseLevels(windows, count));
        windows = {};
        count = 0;
        chunks = 0;
        return ok;
    }

    bool writeLevels(const std::vector<int>& wanted) {
        if (wanted.empty()) return true;
        std::vector<LevelColumns> levels;
        for (const int level : wanted) levels.push_back({.level = level, .filling = {}, .chunks = {}});
        OrderedTasks<LevelRects> merging(most_at_once);
        const auto addOldest = [&] {
            const LevelRects merged = merging.take();
            if (merged.empty()) return db.fail(SQLITE_CORRUPT);
            for (size_t i = 0; i < levels.size(); ++i)
                for (const LaneRect& rect : merged[i]) levels[i].add(rect);
            return true;
        };
        for (int64_t k = 0; k < chunks; ++k) {
            read.bind(0, lane);
            read.bind(1, k);
            if (!read.step()) return false;
            const auto blob = read.blob(0);
            merging.give([shape_bytes = std::vector(blob.begin(), blob.end()),
                          events = static_cast<size_t>(read.integer(1)),
                          &wanted] { return mergeChunk(shape_bytes, events, wanted); });
            read.reset();
            if (merging.pending() > most_at_once && !addOldest()) return false;
        }
        while (merging.pending() > 0)
            if (!addOldest()) return false;
        for (LevelColumns& level : levels) {
            level.flush();
            coarse.add(lane, std::move(level));
        }
        return !coarse.tooMany() || coarse.write(insert);
    }
};

SortedColumns::SortedColumns(Database& db)
    : m_impl(std::make_unique<Impl>(db)) {}
SortedColumns::~SortedColumns() = default;

bool SortedColumns::prepare() {
    Impl& w = *m_impl;
    return w.insert.prepare(w.db, "INSERT INTO lane_chunk VALUES (?,?,?,?,?,?,?,?,?)") &&
           w.read.prepare(w.db, "SELECT shape, count FROM lane_chunk WHERE lane=? AND level=0 AND chunk=?");
}

bool SortedColumns::add(int64_t lane, const LaneEntry& entry) {
    Impl& w = *m_impl;
    if (lane != w.lane) {
        if (!w.endLane()) return false;
        w.lane = lane;
    }
    w.windows.add(entry.rect.start_ns);
    ++w.count;
    w.shape.add(entry.rect, false);
    w.detail.add(entry.detail);
    return w.detail.count < written_chunk_events || w.flush();
}

// The extents of all chunks side by side, so that opening a trace reads a few pages and not one beside every blob.
constexpr const char* directory_index_sql =
    "CREATE INDEX chunk_directory ON lane_chunk(lane, level, chunk, count, first_start_ns, last_start_ns, last_end_ns)";

bool SortedColumns::finish() {
    return m_impl->endLane() && m_impl->coarse.write(m_impl->insert) && m_impl->db.exec(directory_index_sql);
}

bool writeColumns(Database& db, int64_t lanes) {
    Statement read;
    SortedColumns columns(db);
    const std::string query =
        std::string("SELECT ") + event_columns + " FROM event_row WHERE lane=? ORDER BY start_ns, id";
    if (!db.exec(event_index_sql) || !read.prepare(db, query.c_str()) || !columns.prepare()) return false;
    LaneEntry entry;
    for (int64_t lane = 0; lane < lanes; ++lane) {
        read.bind(0, lane);
        while (read.step())
            if (readEvent(read, entry) != RowState::invalid && !columns.add(lane, entry)) return false;
        if (read.failed()) return false;
        read.reset();
    }
    return columns.finish();
}

} // namespace shardscope
