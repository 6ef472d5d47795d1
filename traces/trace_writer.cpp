// SPDX-License-Identifier: Apache-2.0
#include "traces/trace_writer.h"
#include "schema_sql.h"
#include "traces/column_writer.h"
#include "traces/disk_reserve.h"
#include "traces/lane_index.h"
#include "traces/sqlite_db.h"
#include "traces/trace_file.h"
#include "traces/trace_rows.h"
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <numeric>
#include <random>
#include <thread>
#include <unistd.h>
#include <unordered_map>

namespace shardscope {

namespace fs = std::filesystem;

namespace {

constexpr off_t reserved_bytes = 256 << 10; // a dozen pages in the log, and the pages a checkpoint may add

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
    TraceRows rows{db};
    std::unique_ptr<SortedColumns> columns; // of a sorted writer
    bool event_rows = true;
    DiskReserve reserve;
    std::unordered_map<std::string, NameId, StringHash, std::equal_to<>> names;
    int64_t lanes = 0, events = 0, memory_changes = 0, ignored = 0, clamped = 0;
    std::vector<IntervalEvent> clamped_events; // of the events being written, if any had to be changed
    std::vector<int64_t> ids;                  // of the same
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

    // After a failed write: what was committed stays, and the trace says why it ends there.
    void endAsFailed() {
        reserve.release();
        const auto tell = [&] {
            const bool told = db.exec("BEGIN") && rows.put(RunInfoEvent{"status", "failed"}) &&
                              rows.put(RunInfoEvent{"error", failure->message}) &&
                              (ignored == 0 || rows.put(WarningEvent{"events_not_written",
                                                                     "Events after the first failed write are "
                                                                     "missing.",
                                                                     ignored})) &&
                              db.exec("COMMIT");
            if (!told) db.exec("ROLLBACK");
            return told;
        };
        if (!tell() && db.exec("PRAGMA wal_checkpoint(TRUNCATE)")) tell();
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
        rows.finalize();
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
        const fs::path folder = fs::path(path).parent_path();
        reserve.take(folder.empty() ? "." : folder.string(), reserved_bytes);
        // From the first read in WAL mode on we hold a lock that keeps a second writer from taking the file over.
        return (db.exec("PRAGMA journal_mode=WAL") && db.exec("SELECT count(*) FROM run") &&
                db.exec("PRAGMA synchronous=NORMAL") && rows.prepare()) ||
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
        const bool ok = begin() && columns->finish() && (!event_rows || db.exec(event_index_sql)) &&
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

    // Of one lane.
    bool putSorted(std::span<const IntervalEvent> given) {
        if (!std::all_of(given.begin(), given.end(), withinLimits)) {
            clamped_events.assign(given.begin(), given.end());
            for (IntervalEvent& e : clamped_events) clamped += clampToLimits(e);
            given = clamped_events;
        }
        ids.resize(given.size());
        std::iota(ids.begin(), ids.end(), events + 1);
        events += static_cast<int64_t>(given.size());
        if (!columns->add(static_cast<int64_t>(given.front().lane), given, ids)) return false;
        if (event_rows)
            for (size_t i = 0; i < given.size(); ++i)
                if (!rows.put(given[i], ids[i])) return false;
        return true;
    }

    bool put(const IntervalEvent& given) {
        if (columns) return putSorted({&given, 1});
        IntervalEvent e = given;
        clamped += clampToLimits(e);
        return rows.put(e, ++events);
    }

    bool put(const MemoryEvent& e) {
        ++memory_changes;
        return rows.put(e);
    }
    template <class Event> bool put(const Event& e) { return rows.put(e); }

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
                    db.exec(identity.c_str()) && impl->begin() && db.exec(schema_sql) && impl->rows.prepare() &&
                    impl->put(RunInfoEvent{"status", "running"}) && impl->put(RunInfoEvent{"trace_id", trace_id});
    if (!ok) {
        impl->fail("create");
        Error error = *impl->failure;
        impl->rows.finalize();
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
    w.event_rows = rows;
    auto writer = std::unique_ptr<TraceWriter>(new TraceWriter(*std::move(impl)));
    if (!w.columns->prepare()) w.fail("create");
    if (w.failure) return *w.failure;
    return writer;
}

TraceWriter::~TraceWriter() {
    Impl& w = *m_impl;
    const bool unused = !w.published && w.events + w.memory_changes + w.lanes == 0 && w.names.empty();
    if (!w.finished && !unused && !w.columns) w.commit();
    w.rows.finalize();
    w.columns.reset();
    w.db.close();
    if (!w.published) removeTemporary(w.temporary);
}

NameId TraceWriter::intern(std::string_view text) {
    Impl& w = *m_impl;
    if (const auto known = w.names.find(text); known != w.names.end()) return known->second;
    const auto id = static_cast<NameId>(w.names.size());
    w.names.emplace(text, id);
    if (w.begin() && !w.rows.putName(id, text)) w.fail("write");
    return id;
}

LaneId TraceWriter::addLane(const LaneInfo& lane) {
    Impl& w = *m_impl;
    const auto id = static_cast<LaneId>(w.lanes++);
    if (w.begin() && !w.rows.putLane(id, lane)) w.fail("write");
    return id;
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
    while (!events.empty()) {
        size_t count = 1; // of the same lane, where that matters
        while (w.columns && count < events.size() && events[count].lane == events[0].lane) ++count;
        if (!w.begin())
            w.ignored += static_cast<int64_t>(count);
        else if (!(w.columns ? w.putSorted(events.first(count)) : w.put(events[0])))
            w.fail("write");
        events = events.subspan(count);
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
        w.rows.finalize();
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
    if (w.failure && w.published) w.endAsFailed();
    w.finished = true;
    w.rows.finalize();
    if (w.db.isOpen() && w.db.exec("PRAGMA wal_checkpoint(TRUNCATE)"))
        leaveWal(w.db); // a spectator may keep the empty WAL alive
    w.db.close();
    if (w.failure) return *w.failure;
    return {};
}

int64_t TraceWriter::ignored() const { return m_impl->ignored; }
const Error* TraceWriter::failure() const { return m_impl->failure ? &*m_impl->failure : nullptr; }

} // namespace shardscope
