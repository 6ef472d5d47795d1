// SPDX-License-Identifier: Apache-2.0
#include "traces/trace_writer.h"
#include "schema_sql.h"
#include "traces/column_writer.h"
#include "traces/lane_index.h"
#include "traces/sqlite_db.h"
#include "traces/trace_file.h"
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <random>
#include <thread>
#include <unistd.h>
#include <unordered_map>

namespace shardscope {

namespace fs = std::filesystem;

namespace {

struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};

// Asks SQLite to leave WAL mode, which needs the file to itself: readers that follow a run hold it for milliseconds
// only. A refusal is not always an error code; the answer names the mode that holds now.
bool leaveWal(Database& db) {
    for (int attempt = 0; attempt < 200; ++attempt) {
        Statement mode;
        if (mode.prepare(db, "PRAGMA journal_mode=DELETE") && mode.step() && mode.text(0) == "delete") return true;
        const bool busy = db.code() == SQLITE_OK || db.code() == SQLITE_BUSY || db.code() == SQLITE_LOCKED;
        if (!busy) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    db.fail(SQLITE_BUSY);
    return false;
}

// The write-ahead log of an older trace at this path must not be taken for the new one's. SQLite removes it itself when
// nobody else has the file open; whoever still has is either writing it or about to be surprised.
Result<void> retireOldTrace(const std::string& path) {
    const std::string wal = path + "-wal", shm = path + "-shm";
    if (fs::exists(path)) {
        Database old;
        if (old.open(path, SQLITE_OPEN_READWRITE) && !leaveWal(old) &&
            (old.code() == SQLITE_BUSY || old.code() == SQLITE_LOCKED))
            return Error{fmt::format("'{}' is being written or read by another program; wait for it to end or choose "
                                     "another file name.",
                                     path)};
    }
    std::error_code ignored;
    fs::remove(wal, ignored);
    fs::remove(shm, ignored);
    return {};
}

} // namespace

struct TraceWriter::Impl {
    std::string path, temporary;
    bool published = false, finished = false, in_transaction = false;
    Database db;
    Statement put_run, put_name, put_lane, put_op, put_wait, put_bucket, put_peak, put_event, put_memory, put_step,
        put_warning, put_group, put_counter;
    std::unique_ptr<SortedColumns> columns; // of a sorted writer
    bool rows = true;
    std::unordered_map<std::string, NameId, StringHash, std::equal_to<>> names;
    int64_t lanes = 0, events = 0, memory_changes = 0, peaks = 0, warnings = 0, counters = 0, ignored = 0, clamped = 0;
    std::optional<Error> failure;

    bool fail(std::string_view doing) {
        if (failure) return false;
        const int code = db.code();
        std::string remedy = "check that the disk has room and is healthy, and that the folder is still there,";
        if (code == SQLITE_FULL) remedy = "free some disk space";
        if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
            remedy = "make the folder writable";
        if (code == SQLITE_BUSY || code == SQLITE_LOCKED) remedy = "close the other program that uses it";
        failure = Error{
            fmt::format("Cannot {} '{}' ({}); {} and try again. {}", doing, path, db.message(), remedy,
                        published ? "What was committed before can still be opened." : "Nothing was left behind.")};
        db.exec("ROLLBACK");
        in_transaction = false;
        return false;
    }

    bool prepareAll() {
        return put_run.prepare(db, "INSERT OR REPLACE INTO run VALUES (?,?)") &&
               put_name.prepare(db, "INSERT INTO name VALUES (?,?)") &&
               put_lane.prepare(db, "INSERT INTO lane VALUES (?,?,?,?)") &&
               put_op.prepare(db, "INSERT OR REPLACE INTO op VALUES (?,?,?,?,?,?,?,?,?,?)") &&
               put_wait.prepare(db, "INSERT OR REPLACE INTO op_wait VALUES (?,?)") &&
               put_bucket.prepare(db, "INSERT OR REPLACE INTO bucket VALUES (?,?,?,?,?,?)") &&
               put_peak.prepare(db, "INSERT INTO planned_peak VALUES (?,?,?,?,?)") &&
               put_event.prepare(db, "INSERT INTO event_row VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)") &&
               put_memory.prepare(db, "INSERT INTO memory_row VALUES (?,?,?,?,?,?,?,?,?)") &&
               put_step.prepare(db, "INSERT OR REPLACE INTO step VALUES (?,?,?,?,?,?,?,?,?)") &&
               put_warning.prepare(db, "INSERT INTO warning VALUES (?,?,?,?)") &&
               put_group.prepare(db, "INSERT OR REPLACE INTO process_group VALUES (?,?,?,?,?)") &&
               put_counter.prepare(db, "INSERT INTO counter_row VALUES (?,?,?,?,?)");
    }

    void finalizeAll() {
        for (Statement* s : {&put_run, &put_name, &put_lane, &put_op, &put_wait, &put_bucket, &put_peak, &put_event,
                             &put_memory, &put_step, &put_warning, &put_group, &put_counter})
            s->finalize();
    }

    bool begin() {
        if (failure) return false;
        if (in_transaction) return true;
        if (!db.exec("BEGIN")) return fail("write");
        in_transaction = true;
        return true;
    }

    // The temporary file, complete so far, takes the final name.
    bool rename() {
        finalizeAll();
        columns.reset();
        db.close();
        if (Result<void> retired = retireOldTrace(path); !retired) {
            failure = retired.error();
            return false;
        }
        if (std::rename(temporary.c_str(), path.c_str()) != 0) {
            failure = Error{fmt::format("Cannot put the trace at '{}' ({}); make the folder writable and record again.",
                                        path, std::strerror(errno))};
            return false;
        }
        published = true;
        return true;
    }

    // The first commit; from here on the journal is a WAL.
    bool publish() {
        if (!rename()) return false;
        if (!db.open(path, SQLITE_OPEN_READWRITE)) return fail("open");
        sqlite3_busy_timeout(db.handle(), 5000);
        // From the first read in WAL mode on we hold a lock that keeps a second writer from taking the file over.
        return (db.exec("PRAGMA journal_mode=WAL") && db.exec("SELECT count(*) FROM run") &&
                db.exec("PRAGMA synchronous=NORMAL") && prepareAll()) ||
               fail("write");
    }

    bool commit() {
        if (failure) return false;
        if (!in_transaction) return true;
        if (!db.exec("COMMIT")) return fail("write");
        in_transaction = false;
        return published || publish();
    }

    // Rows, index, columns and status in one transaction, on the disk before the file gets its name.
    bool finishSorted(std::string_view status) {
        const bool ok = begin() && columns->finish() && (!rows || db.exec(event_index_sql)) &&
                        put(RunInfoEvent{"status", std::string(status)}) && db.exec("COMMIT");
        if (!ok) return fail("complete");
        in_transaction = false;
        const int descriptor = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor >= 0) {
            fsync(descriptor);
            ::close(descriptor);
        }
        return rename();
    }

    bool putSorted(const IntervalEvent& e) {
        LaneEntry entry{.rect = {.start_ns = e.start_ns,
                                 .end_ns = e.end_ns,
                                 .event = static_cast<EventId>(++events),
                                 .phase = e.phase,
                                 .op_class = e.op_class,
                                 .layer = e.layer,
                                 .bucket = e.bucket},
                        .detail = {.op = e.op,
                                   .name = e.name,
                                   .step = e.step,
                                   .process_group = e.process_group,
                                   .elements = e.elements,
                                   .bytes = e.bytes,
                                   .sent_bytes = e.sent_bytes,
                                   .wait_ns = e.wait_ns,
                                   .emulated_ns = e.emulated_ns,
                                   .correlation = e.correlation}};
        const bool changed = clampToLimits(entry.rect, entry.detail);
        clamped += changed;
        if (!columns->add(static_cast<int64_t>(e.lane), entry)) return false;
        return !rows || putRow(changed ? toEvent(e.lane, entry.rect, entry.detail) : e, events);
    }

    bool put(const IntervalEvent& given) {
        if (columns) return putSorted(given);
        IntervalEvent e = given;
        LaneRect rect{.start_ns = e.start_ns, .end_ns = e.end_ns};
        IntervalDetail detail{.elements = e.elements,
                              .bytes = e.bytes,
                              .sent_bytes = e.sent_bytes,
                              .wait_ns = e.wait_ns,
                              .emulated_ns = e.emulated_ns};
        if (clampToLimits(rect, detail)) {
            ++clamped;
            e.start_ns = rect.start_ns;
            e.end_ns = rect.end_ns;
            e.elements = detail.elements;
            e.bytes = detail.bytes;
            e.sent_bytes = detail.sent_bytes;
            e.wait_ns = detail.wait_ns;
            e.emulated_ns = detail.emulated_ns;
        }
        return putRow(e, ++events);
    }

    bool putRow(const IntervalEvent& e, int64_t id) {
        Statement& s = put_event;
        s.bind(0, id);
        s.bind(1, static_cast<int64_t>(e.lane));
        s.bind(2, e.start_ns);
        s.bind(3, e.end_ns);
        s.bindUnless(4, static_cast<int64_t>(e.op), -1);
        s.bindUnless(5, static_cast<int64_t>(e.name), -1);
        s.bindUnless(6, e.step, -1);
        s.bind(7, static_cast<int64_t>(e.phase));
        s.bind(8, static_cast<int64_t>(e.op_class));
        s.bindUnless(9, e.layer, -1);
        s.bindUnless(10, e.bucket, -1);
        s.bind(11, e.elements);
        s.bind(12, e.bytes);
        s.bind(13, e.sent_bytes);
        s.bind(14, e.wait_ns);
        s.bind(15, e.emulated_ns);
        s.bindUnless(16, e.correlation, -1);
        s.bindUnless(17, e.process_group, -1);
        return s.run();
    }

    bool put(const MemoryEvent& e) {
        Statement& s = put_memory;
        s.bind(0, ++memory_changes);
        s.bind(1, e.time_ns);
        s.bind(2, int64_t{e.rank});
        s.bind(3, static_cast<int64_t>(e.tier));
        s.bind(4, static_cast<int64_t>(e.category));
        s.bind(5, e.delta_bytes);
        s.bindUnless(6, static_cast<int64_t>(e.buffer), -1);
        s.bindUnless(7, static_cast<int64_t>(e.op), -1);
        s.bindUnless(8, e.step, -1);
        return s.run();
    }

    bool put(const StepEvent& e) {
        Statement& s = put_step;
        s.bind(0, int64_t{e.step});
        s.bind(1, e.start_ns);
        s.bind(2, e.end_ns);
        s.bind(3, e.loss); // SQLite keeps not-a-number as NULL
        s.bind(4, e.learning_rate);
        s.bind(5, e.tokens);
        s.bind(6, e.gradient_norm);
        s.bind(7, e.loss_scale);
        s.bind(8, int64_t{e.skipped});
        return s.run();
    }

    bool put(const RunInfoEvent& e) {
        put_run.bind(0, e.key);
        put_run.bind(1, e.value);
        return put_run.run();
    }

    bool put(const ProgramOpEvent& e) {
        Statement& s = put_op;
        const auto id = static_cast<int64_t>(e.op);
        s.bind(0, id);
        s.bind(1, e.name);
        s.bind(2, toText(e.lane));
        s.bind(3, toText(e.phase));
        s.bind(4, toText(e.op_class));
        s.bindUnless(5, e.layer, -1);
        s.bindUnless(6, e.bucket, -1);
        s.bind(7, e.elements);
        s.bind(8, e.bytes);
        e.config_key.empty() ? s.bindNull(9) : s.bind(9, e.config_key);
        if (!s.run()) return false;
        for (const OpId before : e.waits_for) {
            put_wait.bind(0, id);
            put_wait.bind(1, static_cast<int64_t>(before));
            if (!put_wait.run()) return false;
        }
        return true;
    }

    bool put(const BucketEvent& e) {
        Statement& s = put_bucket;
        s.bind(0, int64_t{e.bucket});
        s.bind(1, e.elements);
        s.bind(2, e.padded_elements);
        s.bind(3, e.bytes);
        s.bind(4, e.parameters);
        s.bind(5, e.closed_because);
        return s.run();
    }

    bool put(const PlannedPeakEvent& e) {
        Statement& s = put_peak;
        s.bind(0, ++peaks);
        s.bind(1, int64_t{e.rank});
        s.bind(2, toText(e.tier));
        s.bind(3, e.category ? toText(*e.category) : std::string_view("total"));
        s.bind(4, e.bytes);
        return s.run();
    }

    bool put(const WarningEvent& e) {
        Statement& s = put_warning;
        s.bind(0, ++warnings);
        s.bind(1, e.kind);
        s.bind(2, e.text);
        s.bind(3, e.count);
        return s.run();
    }

    bool put(const ProcessGroupEvent& e) {
        Statement& s = put_group;
        s.bind(0, int64_t{e.group});
        s.bind(1, e.name);
        s.bind(2, e.description);
        s.bind(3, e.size);
        s.bind(4, e.ranks);
        return s.run();
    }

    bool put(const CounterEvent& e) {
        Statement& s = put_counter;
        s.bind(0, ++counters);
        s.bind(1, e.time_ns);
        s.bind(2, int64_t{e.rank});
        s.bind(3, static_cast<int64_t>(e.name));
        s.bind(4, e.value);
        return s.run();
    }

    static Result<std::unique_ptr<Impl>> create(const std::string& path);
};

TraceWriter::TraceWriter(std::unique_ptr<Impl> impl)
    : m_impl(std::move(impl)) {}

Result<void> TraceWriter::check(const std::string& path) {
    if (path.empty()) return Error{"The trace file has no name; give a path such as run.shardscope."};
    const FileIdentity existing = identify(path);
    switch (existing.kind) {
    case FileKind::directory:
        return Error{fmt::format("'{0}' is a folder; name a file in it, such as {0}/run.shardscope.", path)};
    case FileKind::other:
    case FileKind::other_sqlite:
        return Error{fmt::format("'{}' exists and is not a Shardscope trace; it is left as it is, choose another file "
                                 "name.",
                                 path)};
    case FileKind::unreadable:
        return Error{
            fmt::format("'{}' exists and cannot be read; choose another file name or change its permissions.", path)};
    case FileKind::missing:
    case FileKind::empty:
    case FileKind::trace:
        break;
    }
    const fs::path target(path);
    const fs::path folder = target.parent_path().empty() ? fs::path(".") : target.parent_path();
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored))
        return Error{fmt::format("The folder '{}' does not exist; create it or choose another path.", folder.string())};
    return {};
}

// A full disk leaves the journal as well, because what it would roll back cannot be written either.
static void removeTemporary(const std::string& temporary) {
    std::remove(temporary.c_str());
    std::remove((temporary + "-journal").c_str());
}

Result<std::unique_ptr<TraceWriter::Impl>> TraceWriter::Impl::create(const std::string& path) {
    if (const Result<void> possible = check(path); !possible) return possible.error();
    const fs::path target(path);
    const fs::path folder = target.parent_path().empty() ? fs::path(".") : target.parent_path();
    static std::atomic<int> serial = 0; // two writers of one process may aim at the same file
    auto impl = std::make_unique<Impl>();
    impl->path = path;
    impl->temporary = (folder / fmt::format(".{}.part-{}-{}", target.filename().string(), getpid(), serial++)).string();
    removeTemporary(impl->temporary); // left by a killed process that had the same number
    const int descriptor = open(impl->temporary.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return Error{fmt::format("Cannot write into the folder '{}' ({}); make it writable or choose another path.",
                                 folder.string(), std::strerror(errno))};
    close(descriptor);

    Database& db = impl->db;
    const std::string identity =
        fmt::format("PRAGMA application_id={}; PRAGMA user_version={};", trace_application_id, trace_format_version);
    std::random_device random;
    const std::string trace_id = fmt::format("{:08x}{:08x}", random(), random());
    // Nothing may be lost if the machine stops while the file has its temporary name, so this part need not be synced.
    const bool ok = db.open(impl->temporary, SQLITE_OPEN_READWRITE) && db.exec("PRAGMA synchronous=OFF") &&
                    db.exec(identity.c_str()) && impl->begin() && db.exec(schema_sql) && impl->prepareAll() &&
                    impl->put(RunInfoEvent{"status", "running"}) && impl->put(RunInfoEvent{"trace_id", trace_id});
    if (!ok) {
        impl->fail("create");
        Error error = *impl->failure;
        impl->finalizeAll();
        db.close();
        removeTemporary(impl->temporary);
        return error;
    }
    return impl;
}

Result<std::unique_ptr<TraceWriter>> TraceWriter::create(const std::string& path) {
    auto impl = Impl::create(path);
    if (!impl) return impl.error();
    return std::unique_ptr<TraceWriter>(new TraceWriter(*std::move(impl)));
}

Result<std::unique_ptr<TraceWriter>> TraceWriter::createSorted(const std::string& path, bool rows) {
    auto impl = Impl::create(path);
    if (!impl) return impl.error();
    Impl& w = **impl;
    w.columns = std::make_unique<SortedColumns>(w.db);
    w.rows = rows;
    auto writer = std::unique_ptr<TraceWriter>(new TraceWriter(*std::move(impl)));
    if (!w.columns->prepare()) w.fail("create");
    if (w.failure) return *w.failure;
    return writer;
}

TraceWriter::~TraceWriter() {
    Impl& w = *m_impl;
    const bool unused = !w.published && w.events + w.memory_changes + w.lanes == 0 && w.names.empty();
    if (!w.finished && !unused && !w.columns) w.commit();
    w.finalizeAll();
    w.columns.reset();
    w.db.close();
    if (!w.published) removeTemporary(w.temporary);
}

NameId TraceWriter::intern(std::string_view text) {
    Impl& w = *m_impl;
    if (const auto known = w.names.find(text); known != w.names.end()) return known->second;
    const auto id = static_cast<NameId>(w.names.size());
    w.names.emplace(text, id);
    if (w.begin()) {
        w.put_name.bind(0, static_cast<int64_t>(id));
        w.put_name.bind(1, text);
        if (!w.put_name.run()) w.fail("write");
    }
    return id;
}

LaneId TraceWriter::addLane(const LaneInfo& lane) {
    Impl& w = *m_impl;
    const int64_t id = w.lanes++;
    if (w.begin()) {
        w.put_lane.bind(0, id);
        w.put_lane.bind(1, int64_t{lane.rank});
        w.put_lane.bind(2, toText(lane.kind));
        w.put_lane.bind(3, lane.name);
        if (!w.put_lane.run()) w.fail("write");
    }
    return static_cast<LaneId>(id);
}

void TraceWriter::append(std::span<const TraceEvent> events) {
    Impl& w = *m_impl;
    assert(!w.finished);
    if (events.empty()) return;
    for (const TraceEvent& event : events) {
        if (!w.begin()) {
            ++w.ignored;
            continue;
        }
        if (!std::visit([&](const auto& e) { return w.put(e); }, event)) w.fail("write");
    }
}

void TraceWriter::append(std::span<const IntervalEvent> events) {
    Impl& w = *m_impl;
    assert(!w.finished);
    for (const IntervalEvent& event : events) {
        if (!w.begin())
            ++w.ignored;
        else if (!w.put(event))
            w.fail("write");
    }
}

Result<void> TraceWriter::commit() {
    if (!m_impl->commit()) return *m_impl->failure;
    return {};
}

Result<void> TraceWriter::finish(std::string_view status) {
    Impl& w = *m_impl;
    assert(!w.finished);
    // Rows first, so that a full disk costs the columns and not the events.
    bool ok = w.begin();
    if (ok && w.clamped > 0)
        ok = w.put(WarningEvent{"clamped_intervals",
                                "Intervals that ended before they began, or waited longer than they "
                                "lasted, were cut to what is possible.",
                                w.clamped}) ||
             w.fail("write");
    if (w.columns) {
        if (ok) w.finishSorted(status);
        w.finished = true;
        w.finalizeAll();
        w.columns.reset();
        w.db.close();
        if (w.failure) return *w.failure;
        return {};
    }
    ok = ok && w.commit();
    if (ok) {
        // The status and the columns appear together: whoever reads "finished" finds them.
        ok = w.begin() && ((writeColumns(w.db, w.lanes) && w.put(RunInfoEvent{"status", std::string(status)})) ||
                           w.fail("complete"));
        ok = ok && w.commit();
    }
    w.finished = true;
    w.finalizeAll();
    if (ok && w.db.exec("PRAGMA wal_checkpoint(TRUNCATE)")) leaveWal(w.db); // a spectator may keep the empty WAL alive
    w.db.close();
    if (w.failure) return *w.failure;
    return {};
}

int64_t TraceWriter::ignored() const { return m_impl->ignored; }
const Error* TraceWriter::failure() const { return m_impl->failure ? &*m_impl->failure : nullptr; }

} // namespace shardscope
