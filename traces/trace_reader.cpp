// SPDX-License-Identifier: Apache-2.0
#include "traces/trace_reader.h"
#include "traces/trace_file.h"
#include "traces/trace_loader.h"
#include <algorithm>
#include <chrono>
#include <deque>
#include <fmt/format.h>
#include <sys/stat.h>

namespace shardscope {

namespace {

constexpr int open_timeout_ms = 2000, refresh_timeout_ms = 100;
constexpr int64_t time_stamp_grain_ns = 50'000'000; // file times move in ticks of the kernel; this is several

// Size and time of the file and its log: while they stay the same, nothing was committed.
struct FileStamp {
    std::array<int64_t, 6> values{};
    bool settled = false; // old enough that a later change must show
    bool operator==(const FileStamp& other) const { return settled && values == other.values; }
};

FileStamp stampOf(const std::string& path) {
    FileStamp stamp;
    int64_t newest = 0;
    size_t i = 0;
    for (const std::string& name : {path, path + "-wal"}) {
        struct stat status {};
        if (stat(name.c_str(), &status) == 0) {
            const int64_t changed = status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
            stamp.values[i] = status.st_size;
            stamp.values[i + 1] = changed;
            stamp.values[i + 2] = static_cast<int64_t>(status.st_ino);
            newest = std::max(newest, changed);
        }
        i += 3;
    }
    const int64_t now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    stamp.settled = now - newest > time_stamp_grain_ns;
    return stamp;
}

} // namespace

// A finished file is read lane by lane through a connection that stays open. A file that may still grow is read whole.
// As long as its journal is a WAL a connection is only borrowed for each question: the writer can leave WAL mode only
// while nobody else holds the file.
struct TraceReader::Impl {
    Impl(const std::string& file, bool keep, int64_t column_limit)
        : path(file)
        , loader(file)
        , keep_connection(keep)
        , most_column_bytes(column_limit) {}

    std::string path;
    TraceLoader loader;
    LoadedTrace trace;
    bool keep_connection;
    bool columns = false; // lanes come from chunks
    bool rows = true;     // the file has event rows too
    bool memory_loaded = false;
    FileStamp stamp;
    struct LoadedChunk {
        LaneId lane;
        size_t level, slot;
        bool details;
        int64_t bytes = 0;
    };
    std::deque<LoadedChunk> loaded; // the oldest first
    int64_t loaded_bytes = 0, most_column_bytes;

    bool live() const {
        const auto status = trace.run.find("status");
        return status != trace.run.end() && status->second == "running";
    }

    Result<void> open() {
        stamp = stampOf(path);
        const auto access = loader.connect(open_timeout_ms);
        if (!access) return access.error();
        if (*access == TraceLoader::Access::busy)
            return Error{fmt::format(
                "'{}' is locked by another program; close that program or wait, then open it again.", path)};
        if (const auto tables = loader.loadTables(trace); !tables) return tables.error();
        rows = live() || loader.hasRows();
        columns = !live() && loader.loadChunkDirectory(trace, rows);
        if (!columns) (void)loader.loadEvents(trace);
        if (live()) {
            (void)loader.loadMemory(trace);
            memory_loaded = true;
        }
        if (!keep_connection) loader.disconnect();
        return {};
    }

    // Runs `question` with a connection; false if there is none or the question says so.
    template <class Question> bool withConnection(Question question) {
        const auto access = loader.connect(refresh_timeout_ms);
        const bool ok = access && *access == TraceLoader::Access::ready && question();
        if (!keep_connection) loader.disconnect();
        return ok;
    }

    void readMemory() {
        memory_loaded = true;
        (void)withConnection([&] { return bool(loader.loadMemory(trace)); });
    }

    // A trace without rows keeps what can be read of it.
    bool leaveOut(LaneId lane, size_t level, size_t slot) {
        addWarning(trace.warnings, "damaged_columns",
                   "A part of the compressed columns cannot be read and is left out; import the trace again.", 1);
        ChunkSlot& damaged = trace.lane_indexes[static_cast<size_t>(lane)].levels[level].slots[slot];
        damaged.chunk = std::make_unique<Chunk>();
        damaged.count = 0;
        return true;
    }

    // Of a trace without rows: event numbers count through lanes and chunks in order.
    bool findInColumns(EventId id, LaneEntry& entry, LaneId& lane) {
        int64_t before = 1; // the first event has number 1
        for (size_t i = 0; i < trace.lane_indexes.size(); ++i) {
            auto& slots = trace.lane_indexes[i].levels[0].slots;
            for (size_t k = 0; k < slots.size(); ++k) {
                const auto count = static_cast<int64_t>(slots[k].count);
                if (static_cast<int64_t>(id) - before >= count) {
                    before += count;
                    continue;
                }
                lane = static_cast<LaneId>(i);
                if ((!slots[k].chunk || !slots[k].chunk->hasDetails()) && !chunkLoader(lane)(0, k, true)) return false;
                const size_t at = slots[k].chunk->find(id);
                if (at == slots[k].chunk->size()) return false;
                entry = {slots[k].chunk->rect(at), slots[k].chunk->detail(at)};
                return true;
            }
        }
        return false;
    }

    // The rows say the same as the columns and are read when a chunk turns out to be damaged.
    void abandonColumns() {
        columns = false;
        for (LaneIndex& lane : trace.lane_indexes) lane = LaneIndex();
        loaded.clear();
        loaded_bytes = 0;
        trace.last_event = -1;
        addWarning(trace.warnings, "damaged_columns",
                   "The compressed columns cannot be read; the event rows are shown instead.", 1);
        (void)withConnection([&] { return bool(loader.loadEvents(trace)); });
    }

    LaneIndex::Loader chunkLoader(LaneId lane) {
        return [this, lane](size_t level, size_t slot, bool details) {
            if (!withConnection([&] { return loader.loadChunk(trace, lane, level, slot, details); }))
                return !rows && leaveOut(lane, level, slot);
            makeRoom({lane, level, slot, details});
            return true;
        };
    }

    // The chunk just loaded stays, so that its caller can use it.
    void makeRoom(LoadedChunk fresh) {
        constexpr int64_t shape_bytes = 40, detail_bytes = sizeof(IntervalDetail); // of one event in memory
        auto slotOf = [&](const LoadedChunk& c) -> ChunkSlot& {
            return trace.lane_indexes[static_cast<size_t>(c.lane)].levels[c.level].slots[c.slot];
        };
        fresh.bytes = static_cast<int64_t>(slotOf(fresh).count) * (shape_bytes + (fresh.details ? detail_bytes : 0));
        loaded_bytes += fresh.bytes;
        for (; loaded_bytes > most_column_bytes && !loaded.empty(); loaded.pop_front()) {
            loaded_bytes -= loaded.front().bytes;
            if (&slotOf(loaded.front()) != &slotOf(fresh)) slotOf(loaded.front()).chunk.reset();
        }
        loaded.push_back(fresh);
    }

    bool known(LaneId lane) const { return lane >= LaneId{0} && static_cast<size_t>(lane) < trace.lane_indexes.size(); }
};

TraceReader::TraceReader(std::unique_ptr<Impl> impl)
    : m_impl(std::move(impl)) {}
TraceReader::~TraceReader() = default;

Result<std::unique_ptr<TraceReader>> TraceReader::open(const std::string& path, int64_t column_bytes) {
    const FileIdentity file = identify(path);
    const auto refuse = [&](const char* sentence) -> Error { return {fmt::format(fmt::runtime(sentence), path)}; };
    switch (file.kind) {
    case FileKind::missing:
        return refuse("There is no file '{}'; check the path.");
    case FileKind::directory:
        return refuse("'{}' is a folder; name the trace file in it.");
    case FileKind::unreadable:
        return refuse("'{}' cannot be read; check its permissions.");
    case FileKind::empty:
        return refuse("'{}' is empty, not a Shardscope trace; record the run again.");
    case FileKind::other_sqlite:
        return refuse("'{}' is an SQLite database of another program, not a Shardscope trace; turn an export of Nsight "
                      "Systems into "
                      "one with 'shardscope import'.");
    case FileKind::other:
        return Error{fmt::format("'{}' is not a Shardscope trace (it looks like {}); turn traces of other profilers "
                                 "into one with 'shardscope import'.",
                                 path, file.looks_like)};
    case FileKind::trace:
        break;
    }
    if (file.version > trace_format_version)
        return Error{fmt::format("'{}' was written by a newer Shardscope (format {}, this program reads up to {}); "
                                 "update Shardscope to open it.",
                                 path, file.version, trace_format_version)};
    if (file.version == 0)
        return refuse("'{}' is damaged (it has no format version); record the run again or restore it from a copy.");
    if (file.truncated)
        return refuse("'{}' is damaged (its end is missing); restore it from a copy or record the run again.");
    auto impl = std::make_unique<Impl>(path, !file.wal_mode, column_bytes);
    if (Result<void> opened = impl->open(); !opened) return opened.error();
    return std::unique_ptr<TraceReader>(new TraceReader(std::move(impl)));
}

Result<bool> TraceReader::refresh() {
    Impl& r = *m_impl;
    if (!r.live()) return false;
    const FileStamp stamp = stampOf(r.path);
    if (stamp == r.stamp) return false;
    if (identify(r.path).kind != FileKind::trace)
        return Error{fmt::format("'{}' was moved, deleted or overwritten while it was open; open it again.", r.path)};
    const auto access = r.loader.connect(refresh_timeout_ms);
    if (!access) return access.error();
    if (*access == TraceLoader::Access::busy) return false;
    const auto tables = r.loader.loadTables(r.trace);
    if (!tables) {
        r.loader.disconnect();
        return tables.error();
    }
    const auto events = r.loader.loadEvents(r.trace);
    const auto memory = r.loader.loadMemory(r.trace);
    r.loader.disconnect();
    r.stamp = stamp;
    return *tables || *events || *memory;
}

const std::string& TraceReader::path() const { return m_impl->path; }
const std::map<std::string, std::string>& TraceReader::run() const { return m_impl->trace.run; }

std::string TraceReader::runValue(const std::string& key) const {
    const auto found = m_impl->trace.run.find(key);
    return found == m_impl->trace.run.end() ? std::string() : found->second;
}

bool TraceReader::live() const { return m_impl->live(); }

TimeRange TraceReader::span() const {
    TimeRange all;
    bool any = false;
    for (const LaneIndex& lane : m_impl->trace.lane_indexes) {
        if (lane.levels[0].slots.empty()) continue;
        const TimeRange own = lane.extent();
        all.start_ns = any ? std::min(all.start_ns, own.start_ns) : own.start_ns;
        all.end_ns = any ? std::max(all.end_ns, own.end_ns) : own.end_ns;
        any = true;
    }
    return all;
}

int32_t TraceReader::ranks() const {
    int32_t ranks = 0;
    for (const LaneInfo& lane : m_impl->trace.lanes) ranks = std::max(ranks, lane.rank + 1);
    return ranks;
}

std::span<const LaneInfo> TraceReader::lanes() const { return m_impl->trace.lanes; }
std::span<const ProgramOpEvent> TraceReader::program() const { return m_impl->trace.program; }
const ProgramOpEvent* TraceReader::op(OpId id) const {
    const auto& program = m_impl->trace.program;
    const auto found = std::lower_bound(program.begin(), program.end(), id,
                                        [](const ProgramOpEvent& op, OpId i) { return op.op < i; });
    return found != program.end() && found->op == id ? &*found : nullptr;
}

std::span<const BucketEvent> TraceReader::buckets() const { return m_impl->trace.buckets; }
std::span<const StepEvent> TraceReader::steps() const { return m_impl->trace.steps; }
std::span<const PlannedPeakEvent> TraceReader::plannedPeaks() const { return m_impl->trace.planned_peaks; }
std::span<const WarningEvent> TraceReader::warnings() const { return m_impl->trace.warnings; }

std::span<const ProcessGroupEvent> TraceReader::processGroups() const { return m_impl->trace.process_groups; }

std::vector<CounterCurve> TraceReader::counters() const {
    Impl& r = *m_impl;
    std::vector<CounterCurve> curves;
    (void)r.withConnection([&] {
        auto read = r.loader.loadCounters(r.trace);
        if (read) curves = *std::move(read);
        return bool(read);
    });
    return curves;
}

int64_t TraceReader::eventCount() const {
    int64_t count = 0;
    for (const LaneIndex& lane : m_impl->trace.lane_indexes) count += static_cast<int64_t>(lane.eventCount());
    return count;
}

std::vector<LaneRect> TraceReader::rects(LaneId lane, TimeRange range, double ns_per_px) const {
    Impl& r = *m_impl;
    std::vector<LaneRect> out;
    if (!r.known(lane)) return out;
    LaneIndex& index = r.trace.lane_indexes[static_cast<size_t>(lane)];
    if (index.rects(range, ns_per_px, r.chunkLoader(lane), out)) return out;
    r.abandonColumns();
    out.clear();
    (void)index.rects(range, ns_per_px, r.chunkLoader(lane), out);
    return out;
}

std::vector<IntervalEvent> TraceReader::events(LaneId lane, TimeRange range) const {
    Impl& r = *m_impl;
    std::vector<IntervalEvent> out;
    if (!r.known(lane)) return out;
    LaneIndex& index = r.trace.lane_indexes[static_cast<size_t>(lane)];
    if (index.events(range, lane, r.chunkLoader(lane), out)) return out;
    r.abandonColumns();
    out.clear();
    (void)index.events(range, lane, r.chunkLoader(lane), out);
    return out;
}

std::optional<IntervalDetails> TraceReader::details(EventId id) const {
    Impl& r = *m_impl;
    LaneEntry entry;
    LaneId lane = LaneId::none;
    const bool found = (r.rows ? r.withConnection([&] { return r.loader.loadEvent(id, entry, lane); })
                               : r.findInColumns(id, entry, lane)) &&
                       r.known(lane);
    if (!found) return std::nullopt;
    return IntervalDetails{.id = id,
                           .event = toEvent(lane, entry.rect, entry.detail),
                           .name = name(entry.detail.name),
                           .lane = r.trace.lanes[static_cast<size_t>(lane)]};
}

std::string TraceReader::name(NameId id) const {
    const auto& names = m_impl->trace.names;
    return id >= NameId{0} && static_cast<size_t>(id) < names.size() ? names[static_cast<size_t>(id)] : std::string();
}

const MemoryCurve& TraceReader::memory(int32_t rank, MemoryTier tier) const {
    static const MemoryCurve nothing;
    Impl& r = *m_impl;
    if (!r.memory_loaded) r.readMemory();
    const auto found = r.trace.memory.find({rank, tier});
    return found == r.trace.memory.end() ? nothing : found->second.curve();
}

} // namespace shardscope
