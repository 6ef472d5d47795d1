// SPDX-License-Identifier: Apache-2.0
#include "traces/trace_loader.h"
#include "traces/chunk_codec.h"
#include "traces/event_rows.h"
#include "traces/trace_file.h"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>

namespace shardscope {

namespace {

constexpr int longest_value = 64 << 20; // bytes of one text or blob
constexpr int64_t most_ranks = 65536;
constexpr int64_t fewest_bytes_per_event_row = 16; // no event takes less room in the file
constexpr int64_t most_events_per_byte = 16;       // of columns; real traces stay below one
constexpr int coarsest_level = 60;

template <class Int> bool fits(int64_t value) {
    return value >= std::numeric_limits<Int>::min() && value <= std::numeric_limits<Int>::max();
}

} // namespace

void addWarning(std::vector<WarningEvent>& warnings, const std::string& kind, const std::string& text, int64_t count) {
    for (WarningEvent& warning : warnings) {
        if (warning.kind != kind || warning.text != text) continue;
        warning.count += count;
        return;
    }
    warnings.push_back({.kind = kind, .text = text, .count = count});
}

Error TraceLoader::damaged(const std::string& what) const {
    return {fmt::format("'{}' is damaged ({}); record the run again or restore the file from a copy.", m_path, what)};
}

Result<TraceLoader::Access> TraceLoader::connect(int busy_timeout_ms) {
    if (m_db.isOpen()) return Access::ready;
    const auto attempt = [&](const std::string& name, int flags) {
        if (!m_db.open(name, flags)) return false;
        sqlite3* const db = m_db.handle();
        sqlite3_busy_timeout(db, busy_timeout_ms);
        sqlite3_limit(db, SQLITE_LIMIT_LENGTH, longest_value);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
        sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
        return m_db.exec("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON;"
                         "PRAGMA mmap_size=0; SELECT count(*) FROM sqlite_schema;");
    };
    if (!attempt(m_path, SQLITE_OPEN_READONLY)) {
        int code = m_db.code();
        const bool journal_left = fileSize(m_path + "-wal") > 0;
        // A write-ahead log needs a writable folder, unless it is empty: then the file is complete by itself.
        if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !journal_left &&
            attempt(immutableUri(m_path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI))
            code = SQLITE_OK;
        if (code != SQLITE_OK) {
            const std::string message = m_db.message();
            m_db.close();
            if (code == SQLITE_BUSY || code == SQLITE_LOCKED) return Access::busy;
            if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)
                return Error{fmt::format("'{0}' cannot be opened ({1}); copy it together with '{0}-wal' into a folder "
                                         "you may write to and open the copy.",
                                         m_path, message)};
            return damaged(message);
        }
    }
    if (Result<void> ok = checkSchema(); !ok) {
        m_db.close();
        return ok.error();
    }
    return Access::ready;
}

void TraceLoader::disconnect() {
    for (Statement& statement : m_read_chunk) statement.finalize();
    m_db.close();
}

// Only plain tables are read: a view or a virtual table of the same name could run anything.
Result<void> TraceLoader::checkSchema() {
    static constexpr std::array tables = {"run",     "name",         "lane",          "op",         "op_wait",
                                          "bucket",  "planned_peak", "event_row",     "memory_row", "step",
                                          "warning", "lane_chunk",   "process_group", "counter_row"};
    Statement version;
    if (!version.prepare(m_db, "PRAGMA user_version") || !version.step()) return damaged(m_db.message());
    m_version = version.integer(0);
    version.finalize();
    Statement find;
    if (!find.prepare(m_db, "SELECT type, sql FROM sqlite_schema WHERE name=?")) return damaged(m_db.message());
    for (const char* table : tables) {
        if (m_version < 2 && (table == std::string_view("process_group") || table == std::string_view("counter_row")))
            continue;
        find.bind(0, std::string_view(table));
        const bool found = find.step();
        if (find.failed()) return damaged(m_db.message());
        const std::string sql(found ? find.text(1) : "");
        if (!found || find.text(0) != "table" || sql.starts_with("CREATE VIRTUAL"))
            return damaged(fmt::format("the table '{}' is missing or not a plain table", table));
        find.reset();
    }
    return {};
}

std::string TraceLoader::text(const Statement& row, int column) {
    const std::string_view value = row.text(column);
    m_text_budget -= static_cast<int64_t>(value.size());
    return m_text_budget < 0 ? std::string() : std::string(value);
}

// Calls `row` for every row above last_id. The first column is the id; the row function returns false to stop with
// damage.
template <class Row> bool TraceLoader::scan(const char* sql, int64_t& last_id, Row row) {
    Statement statement;
    if (!statement.prepare(m_db, sql)) return false;
    statement.bind(0, last_id);
    while (statement.step()) {
        const int64_t id = statement.integer(0);
        if (id <= last_id || !row(statement) || m_text_budget < 0) return m_db.fail(SQLITE_CORRUPT);
        last_id = id;
    }
    return !statement.failed();
}

Result<bool> TraceLoader::loadTables(LoadedTrace& trace) {
    m_text_budget = fileSize(m_path) + fileSize(m_path + "-wal") + 65536;
    const auto sizes = [&] {
        return std::array<size_t, 7>{trace.names.size(),   trace.lanes.size(), trace.program.size(),
                                     trace.buckets.size(), trace.steps.size(), trace.planned_peaks.size(),
                                     trace.warnings.size()};
    };
    const auto before = sizes();
    bool changed = false;

    std::map<std::string, std::string> run;
    Statement keys;
    if (!keys.prepare(m_db, "SELECT key, value FROM run ORDER BY key")) return damaged(m_db.message());
    while (keys.step()) {
        std::string key = text(keys, 0);
        if (m_text_budget < 0 || (!run.empty() && key <= run.rbegin()->first)) return damaged("table run");
        run[std::move(key)] = text(keys, 1);
    }
    if (keys.failed()) return damaged(m_db.message());
    keys.reset();
    if (!trace.run.empty() && trace.run["trace_id"] != run["trace_id"])
        return Error{fmt::format("'{}' was replaced by another run; open it again.", m_path)};
    if (run != trace.run) {
        trace.run = std::move(run);
        changed = true;
    }

    int64_t invalid = 0;
    int64_t last = static_cast<int64_t>(trace.names.size()) - 1;
    if (!scan("SELECT id, text FROM name WHERE id > ? ORDER BY id", last, [&](const Statement& s) {
            if (s.integer(0) != static_cast<int64_t>(trace.names.size())) return false;
            trace.names.push_back(text(s, 1));
            return true;
        }))
        return damaged("table name");

    last = static_cast<int64_t>(trace.lanes.size()) - 1;
    if (!scan("SELECT id, rank, kind, name FROM lane WHERE id > ? ORDER BY id", last, [&](const Statement& s) {
            const int64_t rank = s.integer(1);
            const auto kind = fromText<LaneKind>(s.text(2));
            if (s.integer(0) != static_cast<int64_t>(trace.lanes.size()) || rank < 0 || rank >= most_ranks || !kind)
                return false;
            trace.lanes.push_back({.rank = static_cast<int32_t>(rank), .kind = *kind, .name = text(s, 3)});
            return true;
        }))
        return damaged("table lane");
    trace.lane_indexes.resize(trace.lanes.size());

    const int64_t first_new_op = trace.last_op + 1;
    if (!scan("SELECT id, name, lane, phase, op_class, layer, bucket, elements, bytes, config_key FROM op "
              "WHERE id > ? ORDER BY id",
              trace.last_op, [&](const Statement& s) {
                  const int64_t id = s.integer(0), layer = s.integerOr(5, -1), bucket = s.integerOr(6, -1);
                  const auto lane = fromText<LaneKind>(s.text(2));
                  const auto phase = fromText<Phase>(s.text(3));
                  const auto op_class = fromText<OpClass>(s.text(4));
                  if (!fits<int32_t>(id) || !lane || !phase || !op_class || !fits<int32_t>(layer) ||
                      !fits<int32_t>(bucket))
                      return false;
                  trace.program.push_back({.op = static_cast<OpId>(id),
                                           .name = text(s, 1),
                                           .lane = *lane,
                                           .phase = *phase,
                                           .op_class = *op_class,
                                           .layer = static_cast<int32_t>(layer),
                                           .bucket = static_cast<int32_t>(bucket),
                                           .elements = std::clamp<int64_t>(s.integer(7), 0, quantity_limit),
                                           .bytes = std::clamp<int64_t>(s.integer(8), 0, quantity_limit),
                                           .config_key = text(s, 9),
                                           .waits_for = {}});
                  return true;
              }))
        return damaged("table op");
    if (first_new_op <= trace.last_op) {
        Statement waits;
        if (!waits.prepare(m_db, "SELECT op, waits_for FROM op_wait WHERE op >= ? ORDER BY op, waits_for"))
            return damaged(m_db.message());
        waits.bind(0, first_new_op);
        std::pair<int64_t, int64_t> previous{-1, -1};
        auto op = trace.program.begin();
        while (waits.step()) {
            const std::pair<int64_t, int64_t> wait{waits.integer(0), waits.integer(1)};
            while (op != trace.program.end() && static_cast<int64_t>(op->op) < wait.first) ++op;
            if (wait <= previous || op == trace.program.end() || static_cast<int64_t>(op->op) != wait.first ||
                wait.second < 0 || !fits<int32_t>(wait.second))
                return damaged("table op_wait");
            op->waits_for.push_back(static_cast<OpId>(wait.second));
            previous = wait;
        }
        if (waits.failed()) return damaged("table op_wait");
    }

    if (!scan("SELECT id, elements, padded_elements, bytes, parameters, closed_because FROM bucket WHERE id > ? "
              "ORDER BY id",
              trace.last_bucket, [&](const Statement& s) {
                  if (!fits<int32_t>(s.integer(0))) return false;
                  trace.buckets.push_back({.bucket = static_cast<int32_t>(s.integer(0)),
                                           .elements = std::clamp<int64_t>(s.integer(1), 0, quantity_limit),
                                           .padded_elements = std::clamp<int64_t>(s.integer(2), 0, quantity_limit),
                                           .bytes = std::clamp<int64_t>(s.integer(3), 0, quantity_limit),
                                           .parameters = text(s, 4),
                                           .closed_because = text(s, 5)});
                  return true;
              }))
        return damaged("table bucket");

    const std::string select_steps = fmt::format(
        "SELECT step, start_ns, end_ns, loss, learning_rate, tokens, {} FROM step WHERE step > ? ORDER BY step",
        m_version < 3 ? "NULL, 1.0, 0" : "gradient_norm, loss_scale, skipped");
    if (!scan(select_steps.c_str(), trace.last_step, [&](const Statement& s) {
            if (!fits<int32_t>(s.integer(0))) return false;
            const auto number = [&](int column) {
                return s.isNull(column) ? std::numeric_limits<double>::quiet_NaN() : s.real(column);
            };
            LaneRect range{.start_ns = s.integer(1), .end_ns = s.integer(2)};
            IntervalDetail none;
            if (clampToLimits(range, none)) ++invalid;
            trace.steps.push_back({.step = static_cast<int32_t>(s.integer(0)),
                                   .start_ns = range.start_ns,
                                   .end_ns = range.end_ns,
                                   .loss = number(3),
                                   .learning_rate = number(4),
                                   .tokens = std::clamp<int64_t>(s.integer(5), 0, quantity_limit),
                                   .gradient_norm = number(6),
                                   .loss_scale = number(7),
                                   .skipped = s.integer(8) != 0});
            return true;
        }))
        return damaged("table step");

    if (!scan("SELECT id, rank, tier, category, bytes FROM planned_peak WHERE id > ? ORDER BY id", trace.last_peak,
              [&](const Statement& s) {
                  const int64_t rank = s.integer(1);
                  const auto tier = fromText<MemoryTier>(s.text(2));
                  const auto category = fromText<MemoryCategory>(s.text(3));
                  if (rank < 0 || rank >= most_ranks || !tier || (!category && s.text(3) != "total")) {
                      ++invalid;
                      return true;
                  }
                  trace.planned_peaks.push_back({.rank = static_cast<int32_t>(rank),
                                                 .tier = *tier,
                                                 .category = category,
                                                 .bytes = std::clamp<int64_t>(s.integer(4), 0, quantity_limit)});
                  return true;
              }))
        return damaged("table planned_peak");

    if (!scan("SELECT id, kind, text, count FROM warning WHERE id > ? ORDER BY id", trace.last_warning,
              [&](const Statement& s) {
                  const std::string kind = text(s, 1), sentence = text(s, 2);
                  trace.warnings.push_back({kind, sentence, std::clamp<int64_t>(s.integer(3), 0, quantity_limit)});
                  return true;
              }))
        return damaged("table warning");

    if (m_version >= 2 &&
        !scan("SELECT id, name, description, size, ranks FROM process_group WHERE id > ? ORDER BY id", trace.last_group,
              [&](const Statement& s) {
                  if (!fits<int32_t>(s.integer(0))) return false;
                  trace.process_groups.push_back({.group = static_cast<int32_t>(s.integer(0)),
                                                  .name = text(s, 1),
                                                  .description = text(s, 2),
                                                  .size = std::clamp<int64_t>(s.integer(3), 0, quantity_limit),
                                                  .ranks = text(s, 4)});
                  return true;
              }))
        return damaged("table process_group");

    changed = changed || before != sizes();
    if (invalid > 0)
        addWarning(trace.warnings, "invalid_rows", "Rows with impossible values were left out or forced into limits.",
                   invalid);
    return changed;
}

Result<bool> TraceLoader::loadEvents(LoadedTrace& trace) {
    std::vector<std::vector<LaneEntry>> fresh(trace.lanes.size());
    int64_t invalid = 0, clamped = 0, rows = 0;
    const std::string sql = fmt::format("SELECT {} FROM event_row WHERE id > ? ORDER BY id",
                                        m_version < 2 ? event_columns_v1 : event_columns);
    LaneEntry entry;
    const bool whole = scan(sql.c_str(), trace.last_event, [&](const Statement& s) {
        const int64_t lane = s.integer(event_lane_column);
        const RowState state = readEvent(s, entry);
        ++rows;
        if (state == RowState::invalid || lane < 0 || lane >= static_cast<int64_t>(fresh.size())) {
            ++invalid;
            return true;
        }
        clamped += state == RowState::clamped;
        fresh[static_cast<size_t>(lane)].push_back(entry);
        return true;
    });
    for (size_t lane = 0; lane < fresh.size(); ++lane) trace.lane_indexes[lane].append(std::move(fresh[lane]));
    if (invalid > 0)
        addWarning(trace.warnings, "invalid_rows", "Event rows with impossible values were left out.", invalid);
    if (clamped > 0)
        addWarning(trace.warnings, "clamped_intervals", "Impossible times or sizes were forced into limits.", clamped);
    if (!whole)
        addWarning(trace.warnings, "damaged_rows", "The event table is damaged; only its readable part is shown.", 1);
    return rows > 0 || !whole;
}

Result<bool> TraceLoader::loadMemory(LoadedTrace& trace) {
    std::map<std::pair<int32_t, MemoryTier>, std::vector<MemoryLedger::Change>> fresh;
    int64_t invalid = 0;
    const bool whole =
        scan("SELECT id, time_ns, rank, tier, category, delta_bytes FROM memory_row WHERE id > ? ORDER BY id",
             trace.last_memory, [&](const Statement& s) {
                 const int64_t rank = s.integer(2), tier = s.integer(3), category = s.integer(4), bytes = s.integer(5);
                 if (rank < 0 || rank >= most_ranks || tier < 0 || tier > static_cast<int64_t>(MemoryTier::nvme) ||
                     category < 0 || category >= static_cast<int64_t>(all_memory_categories.size()) ||
                     bytes < -quantity_limit || bytes > quantity_limit) {
                     ++invalid;
                     return true;
                 }
                 fresh[{static_cast<int32_t>(rank), static_cast<MemoryTier>(tier)}].push_back(
                     {.time_ns = std::clamp(s.integer(1), -time_limit_ns, time_limit_ns),
                      .category = static_cast<MemoryCategory>(category),
                      .delta_bytes = bytes});
                 return true;
             });
    for (auto& [key, changes] : fresh) trace.memory[key].append(std::move(changes));
    if (invalid > 0)
        addWarning(trace.warnings, "invalid_rows", "Memory rows with impossible values were left out.", invalid);
    if (!whole)
        addWarning(trace.warnings, "damaged_rows", "The memory table is damaged; only its readable part is shown.", 1);
    return !fresh.empty() || invalid > 0 || !whole;
}

bool TraceLoader::loadChunkDirectory(LoadedTrace& trace, bool rows) {
    Statement s;
    if (!s.prepare(m_db, "SELECT lane, level, chunk, count, first_start_ns, last_start_ns, last_end_ns, rowid "
                         "FROM lane_chunk ORDER BY lane, level, chunk"))
        return false;
    std::vector<LaneIndex> indexes(trace.lanes.size());
    int64_t events = 0, runs = 0, at_lane = -1, at_level = -1, next_chunk = 0, previous_start = 0;
    while (s.step()) {
        const int64_t lane = s.integer(0), level = s.integer(1), chunk = s.integer(2), count = s.integer(3);
        if (lane != at_lane || level != at_level) {
            if (lane < at_lane || (lane == at_lane && level < at_level) || (lane != at_lane && level != 0))
                return false;
            next_chunk = 0;
            previous_start = -time_limit_ns;
        }
        ChunkSlot slot{.first_start_ns = s.integer(4),
                       .last_start_ns = s.integer(5),
                       .last_end_ns = s.integer(6),
                       .count = static_cast<size_t>(count),
                       .row = s.integer(7),
                       .chunk = nullptr};
        if (lane < 0 || lane >= static_cast<int64_t>(indexes.size()) || level < 0 || level > coarsest_level ||
            chunk != next_chunk || count < 1 || count > static_cast<int64_t>(chunk_capacity) ||
            slot.first_start_ns < previous_start || slot.last_start_ns < slot.first_start_ns ||
            slot.last_start_ns > time_limit_ns || slot.last_end_ns < slot.last_start_ns ||
            slot.last_end_ns > time_limit_ns)
            return false;
        auto& levels = indexes[static_cast<size_t>(lane)].levels;
        if (level > 0 && level != at_level) levels.push_back({.width_ns = int64_t{1} << level, .slots = {}});
        (level == 0 ? events : runs) += count;
        at_lane = lane;
        at_level = level;
        previous_start = slot.last_start_ns;
        levels.back().slots.push_back(std::move(slot));
        ++next_chunk;
    }
    // A small file with huge chunks would be a way to fill memory.
    const int64_t file_bytes = fileSize(m_path) + fileSize(m_path + "-wal");
    const int64_t most = rows ? file_bytes / fewest_bytes_per_event_row : file_bytes * most_events_per_byte;
    if (s.failed() || events == 0 || events > most || runs > events) return false;
    trace.lane_indexes = std::move(indexes);
    return true;
}

bool TraceLoader::loadChunk(LoadedTrace& trace, LaneId lane, size_t level, size_t slot_index, bool details) {
    LaneIndex& index = trace.lane_indexes[static_cast<size_t>(lane)];
    ChunkSlot& slot = index.levels[level].slots[slot_index];
    const bool with_counts = index.levels[level].width_ns > 0;
    // By the number of the row, which the directory knows: the key of the table has pages all over the file.
    Statement& s = m_read_chunk[details];
    const char* const sql =
        details ? "SELECT shape, detail FROM lane_chunk WHERE rowid=?" : "SELECT shape FROM lane_chunk WHERE rowid=?";
    if (!m_db.isOpen() || (!s.prepared() && !s.prepare(m_db, sql))) return false;
    const struct Reset {
        Statement& statement;
        ~Reset() { statement.reset(); }
    } reset{s};
    s.bind(0, slot.row);
    if (!s.step()) return false;
    if (!slot.chunk) {
        std::optional<Chunk> chunk = decodeShape(s.blob(0), slot.count, with_counts);
        if (!chunk || chunk->start(0) != slot.first_start_ns || chunk->start(slot.count - 1) != slot.last_start_ns ||
            chunk->lastEnd() != slot.last_end_ns)
            return false;
        slot.chunk = std::make_unique<Chunk>(std::move(*chunk));
    }
    if (details) {
        auto columns = decodeDetail(s.blob(1), slot.count);
        if (!columns) return false;
        slot.chunk->setDetails(std::move(*columns));
    }
    return true;
}

bool TraceLoader::loadEvent(EventId id, LaneEntry& entry, LaneId& lane) {
    Statement s;
    const std::string sql =
        fmt::format("SELECT {} FROM event_row WHERE id = ?", m_version < 2 ? event_columns_v1 : event_columns);
    if (!m_db.isOpen() || !s.prepare(m_db, sql.c_str())) return false;
    s.bind(0, static_cast<int64_t>(id));
    if (!s.step() || readEvent(s, entry) == RowState::invalid) return false;
    const int64_t number = s.integer(event_lane_column);
    lane = fits<int32_t>(number) ? static_cast<LaneId>(number) : LaneId::none;
    return true;
}

bool TraceLoader::hasRows() {
    Statement s;
    return !s.prepare(m_db, "SELECT 1 FROM event_row LIMIT 1") || s.step() || s.failed();
}

Result<std::vector<CounterCurve>> TraceLoader::loadCounters(const LoadedTrace& trace) {
    std::map<std::pair<int32_t, int64_t>, CounterCurve> curves;
    if (m_version < 2) return std::vector<CounterCurve>();
    Statement s;
    if (!s.prepare(m_db, "SELECT time_ns, rank, name, value FROM counter_row ORDER BY time_ns, id"))
        return damaged(m_db.message());
    while (s.step()) {
        const int64_t rank = s.integer(1), name = s.integer(2);
        if (rank < 0 || rank >= most_ranks || name < 0 || name >= static_cast<int64_t>(trace.names.size())) continue;
        CounterCurve& curve = curves[{static_cast<int32_t>(rank), name}];
        curve.rank = static_cast<int32_t>(rank);
        curve.time_ns.push_back(std::clamp(s.integer(0), -time_limit_ns, time_limit_ns));
        curve.value.push_back(s.isNull(3) ? std::numeric_limits<double>::quiet_NaN() : s.real(3));
    }
    if (s.failed()) return damaged("table counter_row");
    std::vector<CounterCurve> found;
    for (auto& [key, curve] : curves) {
        curve.name = trace.names[static_cast<size_t>(key.second)];
        found.push_back(std::move(curve));
    }
    return found;
}

} // namespace shardscope
