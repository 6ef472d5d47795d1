// SPDX-License-Identifier: Apache-2.0
#include "traces/column_writer.h"
#include "traces/chunk_codec.h"
#include "traces/event_rows.h"
#include "traces/sqlite_db.h"
#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <future>
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
    std::vector<std::byte> shape, detail;
};

// Details only of single events.
EncodedChunk encode(std::span<const LaneRect> rects, std::span<const IntervalDetail> details) {
    EncodedChunk chunk{.count = rects.size(),
                       .first_start_ns = rects.front().start_ns,
                       .last_start_ns = rects.back().start_ns,
                       .last_end_ns = rects.front().end_ns,
                       .shape = encodeShape(rects, details.empty()),
                       .detail = {}};
    for (const LaneRect& rect : rects) chunk.last_end_ns = std::max(chunk.last_end_ns, rect.end_ns);
    if (!details.empty()) chunk.detail = encodeDetail(details);
    return chunk;
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
class LevelColumns {
public:
    LevelColumns(Statement& insert, int64_t lane, int level)
        : m_insert(insert)
        , m_lane(lane)
        , m_level(level) {}

    bool add(const LaneRect& rect) {
        m_rects.push_back(rect);
        return m_rects.size() < level_chunk_capacity || flush();
    }
    bool flush() {
        if (m_rects.empty()) return true;
        const EncodedChunk encoded = encode(m_rects, {});
        m_rects.clear();
        return insertChunk(m_insert, m_lane, m_level, m_chunks++, encoded);
    }
    int level() const { return m_level; }

private:
    Statement& m_insert;
    int64_t m_lane = 0, m_chunks = 0;
    int m_level = 0;
    std::vector<LaneRect> m_rects;
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

bool writeLevels(Database& db, Statement& insert, int64_t lane, int64_t chunks, const std::vector<int>& wanted) {
    if (wanted.empty()) return true;
    std::vector<LevelColumns> levels;
    for (const int level : wanted) levels.emplace_back(insert, lane, level);
    Statement read;
    if (!read.prepare(db, "SELECT shape, count FROM lane_chunk WHERE lane=? AND level=0 AND chunk=?")) return false;
    std::deque<std::future<LevelRects>> merging; // in order
    const auto addOldest = [&] {
        const LevelRects merged = merging.front().get();
        merging.pop_front();
        if (merged.empty()) return db.fail(SQLITE_CORRUPT);
        for (size_t i = 0; i < levels.size(); ++i)
            for (const LaneRect& rect : merged[i])
                if (!levels[i].add(rect)) return false;
        return true;
    };
    for (int64_t k = 0; k < chunks; ++k) {
        read.bind(0, lane);
        read.bind(1, k);
        if (!read.step()) return false;
        const auto blob = read.blob(0);
        merging.push_back(std::async(std::launch::async, [shape = std::vector(blob.begin(), blob.end()),
                                                          count = static_cast<size_t>(read.integer(1)),
                                                          &wanted] { return mergeChunk(shape, count, wanted); }));
        read.reset();
        if (merging.size() > most_at_once && !addOldest()) return false;
    }
    while (!merging.empty())
        if (!addOldest()) return false;
    for (LevelColumns& level : levels)
        if (!level.flush()) return false;
    return true;
}

} // namespace

struct SortedColumns::Impl {
    explicit Impl(Database& database)
        : db(database) {}

    Database& db;
    Statement insert;
    int64_t lane = -1, chunks = 0;
    size_t count = 0;
    WindowCounts windows;
    std::vector<LaneRect> rects; // of the chunk that is being filled
    std::vector<IntervalDetail> details;
    std::deque<std::future<EncodedChunk>>
        encoding; // in order; threads of their own, because zstd takes most of the time

    bool insertOldest() {
        const EncodedChunk chunk = encoding.front().get();
        encoding.pop_front();
        return insertChunk(insert, lane, 0, chunks++, chunk);
    }

    bool flush() {
        if (rects.empty()) return true;
        encoding.push_back(std::async(
            std::launch::async, [full = std::move(rects), more = std::move(details)] { return encode(full, more); }));
        rects = {};
        details = {};
        rects.reserve(written_chunk_events);
        details.reserve(written_chunk_events);
        return encoding.size() <= most_at_once || insertOldest();
    }

    bool endLane() {
        if (!flush()) return false;
        while (!encoding.empty())
            if (!insertOldest()) return false;
        const bool ok =
            count < smallest_lane_with_levels || writeLevels(db, insert, lane, chunks, chooseLevels(windows, count));
        windows = {};
        count = 0;
        chunks = 0;
        return ok;
    }
};

SortedColumns::SortedColumns(Database& db)
    : m_impl(std::make_unique<Impl>(db)) {}
SortedColumns::~SortedColumns() = default;

bool SortedColumns::prepare() {
    return m_impl->insert.prepare(m_impl->db, "INSERT INTO lane_chunk VALUES (?,?,?,?,?,?,?,?,?)");
}

bool SortedColumns::add(int64_t lane, const LaneEntry& entry) {
    Impl& w = *m_impl;
    if (lane != w.lane) {
        if (!w.endLane()) return false;
        w.lane = lane;
    }
    w.windows.add(entry.rect.start_ns);
    ++w.count;
    w.rects.push_back(entry.rect);
    w.details.push_back(entry.detail);
    return w.rects.size() < written_chunk_events || w.flush();
}

// The extents of all chunks side by side, so that opening a trace reads a few pages and not one beside every blob.
constexpr const char* directory_index_sql =
    "CREATE INDEX chunk_directory ON lane_chunk(lane, level, chunk, count, first_start_ns, last_start_ns, last_end_ns)";

bool SortedColumns::finish() { return m_impl->endLane() && m_impl->db.exec(directory_index_sql); }

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
