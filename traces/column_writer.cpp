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
constexpr size_t most_at_once = 2;    // chunks that other threads encode and merge
constexpr size_t rows_at_once = 1024; // on their way from rows to columns

// How many windows of 2^level ns hold the start of an event, for all levels at once: a start opens a new window of
// every level up to the highest bit in which it differs from the one before.
class WindowCounts {
public:
    // The starts follow one at `before`, if there were any.
    void add(std::span<const int64_t> starts, std::optional<int64_t> before) {
        int64_t last = before.value_or(0);
        if (!before) {
            ++m_opened[64];
            last = starts.front();
            starts = starts.subspan(1);
        }
        for (const int64_t start : starts) {
            ++m_opened[static_cast<size_t>(std::bit_width(static_cast<uint64_t>(start ^ last)))];
            last = start;
        }
    }
    void add(const WindowCounts& other) {
        for (size_t bits = 0; bits < m_opened.size(); ++bits) m_opened[bits] += other.m_opened[bits];
    }
    size_t at(int level) const {
        size_t windows = 0;
        for (auto bits = static_cast<size_t>(level) + 1; bits < m_opened.size(); ++bits) windows += m_opened[bits];
        return windows;
    }

private:
    std::array<size_t, 65> m_opened{}; // by the number of bits up to the highest that differs
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

// The levels that will be chosen, by the first full chunk of a lane; some more than needed, so that a lane whose
// chunks are much alike has them all.
std::vector<int> expectLevels(const WindowCounts& windows) {
    std::vector<int> levels;
    for (int level = finest_level; level <= coarsest_level; level += 2) {
        if (windows.at(level) > written_chunk_events / 7) continue;
        levels.push_back(level);
        if (windows.at(level) <= 2) break;
    }
    return levels;
}

// What some levels show of one chunk.
using LevelRects = std::vector<std::vector<LaneRect>>;

LevelRects mergeChunk(const Chunk& events, std::span<const int> levels) {
    LevelRects merged;
    for (const int level : levels) {
        // Pixels are counted from the start of the range, so it is put on a multiple of the width.
        const int64_t start = (events.start(0) >> level) * (int64_t{1} << level);
        events.rects({start, time_limit_ns}, static_cast<double>(int64_t{1} << level), merged.emplace_back());
    }
    return merged;
}

struct FinishedChunk {
    EncodedChunk columns;
    WindowCounts windows;
    LevelRects merged; // of the expected levels
};

} // namespace

struct SortedColumns::Impl {
    explicit Impl(Database& database)
        : db(database) {}

    Database& db;
    Statement insert, read;
    int64_t lane = -1, chunks = 0; // of this lane, in the file
    size_t count = 0;              // events of this lane in full chunks
    WindowCounts windows;
    std::optional<int64_t> last_start;
    std::vector<LevelColumns> levels; // those that are expected
    ChunkColumns filling;
    CoarseLevels coarse;
    OrderedTasks<FinishedChunk> encoding{most_at_once};

    std::vector<int> expected() const {
        std::vector<int> numbers;
        for (const LevelColumns& level : levels) numbers.push_back(level.level);
        return numbers;
    }

    bool takeOldest() {
        const FinishedChunk chunk = encoding.take();
        windows.add(chunk.windows);
        for (size_t i = 0; i < chunk.merged.size(); ++i)
            for (const LaneRect& rect : chunk.merged[i]) levels[i].add(rect);
        return insertChunk(insert, lane, 0, chunks++, chunk.columns);
    }

    bool flush() {
        if (filling.size() == 0) return true;
        if (count == 0 && filling.size() == written_chunk_events) {
            WindowCounts first;
            first.add(filling.shape.start_ns, std::nullopt);
            for (const int level : expectLevels(first)) levels.push_back({.level = level, .filling = {}, .chunks = {}});
        }
        count += filling.size();
        const int64_t last = filling.shape.start_ns.back();
        encoding.give([full = std::move(filling), before = last_start, wanted = expected()]() mutable {
            FinishedChunk chunk{.columns = encode(full.shape), .windows = {}, .merged = {}};
            chunk.columns.detail = encodeDetail(full);
            chunk.windows.add(full.shape.start_ns, before);
            if (!wanted.empty()) chunk.merged = mergeChunk(Chunk(std::move(full.shape)), wanted);
            return chunk;
        });
        filling = {};
        last_start = last;
        return encoding.pending() <= most_at_once || takeOldest();
    }

    bool endLane() {
        if (!flush()) return false;
        while (encoding.pending() > 0)
            if (!takeOldest()) return false;
        const bool ok = count < smallest_lane_with_levels || keepLevels(chooseLevels(windows, count));
        windows = {};
        last_start.reset();
        levels.clear();
        count = 0;
        chunks = 0;
        return ok;
    }

    bool keepLevels(const std::vector<int>& chosen) {
        const std::vector<int> made = expected();
        if (!std::includes(made.begin(), made.end(), chosen.begin(), chosen.end())) {
            levels.clear();
            for (const int level : chosen) levels.push_back({.level = level, .filling = {}, .chunks = {}});
            if (!mergeFromFile()) return false;
        }
        for (LevelColumns& level : levels) {
            if (!std::binary_search(chosen.begin(), chosen.end(), level.level)) continue;
            level.flush();
            coarse.add(lane, std::move(level));
        }
        return !coarse.tooMany() || coarse.write(insert);
    }

    // The lane turned out to need other levels than were expected.
    bool mergeFromFile() {
        const std::vector<int> wanted = expected();
        for (int64_t k = 0; k < chunks; ++k) {
            read.bind(0, lane);
            read.bind(1, k);
            if (!read.step()) return false;
            const std::optional<Chunk> events = decodeShape(read.blob(0), static_cast<size_t>(read.integer(1)), false);
            read.reset();
            if (!events) return db.fail(SQLITE_CORRUPT);
            const LevelRects merged = mergeChunk(*events, wanted);
            for (size_t i = 0; i < levels.size(); ++i)
                for (const LaneRect& rect : merged[i]) levels[i].add(rect);
        }
        return true;
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

bool SortedColumns::add(int64_t lane, std::span<const IntervalEvent> events, std::span<const int64_t> ids) {
    Impl& w = *m_impl;
    if (lane != w.lane) {
        if (!w.endLane()) return false;
        w.lane = lane;
    }
    while (!events.empty()) {
        const size_t fit = std::min(events.size(), written_chunk_events - w.filling.size());
        w.filling.add(events.first(fit), ids.first(fit));
        events = events.subspan(fit);
        ids = ids.subspan(fit);
        if (w.filling.size() == written_chunk_events && !w.flush()) return false;
    }
    return true;
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
    std::vector<IntervalEvent> events;
    std::vector<int64_t> ids;
    for (int64_t lane = 0; lane < lanes; ++lane) {
        read.bind(0, lane);
        const auto pass = [&] {
            const bool ok = columns.add(lane, events, ids);
            events.clear();
            ids.clear();
            return ok;
        };
        while (read.step()) {
            if (readEvent(read, entry) == RowState::invalid) continue;
            events.push_back(toEvent(static_cast<LaneId>(lane), entry.rect, entry.detail));
            ids.push_back(static_cast<int64_t>(entry.rect.event));
            if (events.size() == rows_at_once && !pass()) return false;
        }
        if (read.failed() || !pass()) return false;
        read.reset();
    }
    return columns.finish();
}

} // namespace shardscope
