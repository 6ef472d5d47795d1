// SPDX-License-Identifier: Apache-2.0
#include "gui/trace_watcher.h"
#include "gui/bookmarks.h"
#include "gui/style.h"
#include <QFileInfo>
#include <sys/stat.h>

namespace shardscope::gui {

namespace {

constexpr int quiet_ms = 400; // without a change, before a file that is being overwritten is looked at

QString nameOf(const std::string& path) { return QFileInfo(text(path)).fileName(); }

} // namespace

TraceWatcher::TraceWatcher(Session& session, QObject* parent)
    : QObject(parent)
    , m_session(session) {
    m_pool.setMaxThreadCount(1);
    m_quiet.setSingleShot(true);
    m_quiet.setInterval(quiet_ms);
    connect(&m_quiet, &QTimer::timeout, this, &TraceWatcher::compareOverwritten);
    connect(&session, &Session::tracesChanged, this, &TraceWatcher::watch);
    connect(&m_files, &QFileSystemWatcher::fileChanged, this, &TraceWatcher::look);
}

TraceWatcher::~TraceWatcher() { m_pool.waitForDone(); }

TraceWatcher::Content TraceWatcher::contentOf(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return {};
    return {info.st_size, info.st_mtim.tv_sec * int64_t{1'000'000'000} + info.st_mtim.tv_nsec};
}

void TraceWatcher::watch() {
    QStringList wanted;
    for (const OpenTrace& open : m_session.traces())
        if (!open.followed && open.file_state == FileState::as_opened) wanted << text(open.reader->path());
    for (const QString& file : m_files.files())
        if (!wanted.contains(file)) {
            m_files.removePath(file);
            m_known.erase(file.toStdString());
        }
    for (const QString& file : wanted) {
        if (m_files.files().contains(file)) continue;
        m_files.addPath(file);
        m_known[file.toStdString()] = contentOf(file.toStdString());
    }
}

void TraceWatcher::look(const QString& file) {
    const std::string path = file.toStdString();
    const OpenTrace* open = openTraceAt(m_session, path);
    if (!open || open->file_state != FileState::as_opened) return;
    const uint64_t now = fileIdentity(path);
    if (now == open->file) {
        if (const Content content = contentOf(path); content != m_known[path]) {
            m_overwritten[path] = content;
            m_quiet.start();
        }
        return;
    }
    const QString name = nameOf(path);
    m_session.setFileState(open->id, now == 0 ? FileState::deleted : FileState::replaced);
    if (now == 0)
        m_session.notify(name + " was deleted or moved. What was read of it stays here until it is closed.", true);
    else
        m_session.notify(name + " was replaced by another file. The window shows the one that was opened; “Open "
                                "again” in the menu of its card shows the new one.",
                         true);
}

// A writer that finishes its trace changes the file as well: only another recording is worth a word.
void TraceWatcher::compareOverwritten() {
    for (auto& [path, seen] : m_overwritten)
        if (const Content now = contentOf(path); now != seen) { // it goes on
            seen = now;
            m_quiet.start();
            return;
        }
    for (const auto& [path, seen] : std::exchange(m_overwritten, {})) {
        const OpenTrace* open = openTraceAt(m_session, path);
        if (!open) continue;
        m_known[path] = seen;
        m_pool.start(
            [this, path = path, recording = open->reader->runValue("trace_id"), events = open->reader->eventCount()] {
                const auto reader = TraceReader::open(path);
                const bool same =
                    reader && (*reader)->runValue("trace_id") == recording && (*reader)->eventCount() == events;
                // The destructor waits for the pool; the queued call dies with the object.
                QMetaObject::invokeMethod(
                    this, [this, path, same] { takeOverwritten(path, same); }, Qt::QueuedConnection);
            });
    }
}

void TraceWatcher::takeOverwritten(const std::string& path, bool same_recording) {
    const OpenTrace* open = openTraceAt(m_session, path);
    if (!open || same_recording) return;
    m_session.setFileState(open->id, FileState::replaced); // nothing of the old content can be read any more
    m_session.openLater(path, [this, path](const Result<int>& opened) {
        const QString name = nameOf(path);
        if (opened)
            m_session.notify(name + " was overwritten while it was open. The window shows what it holds now.", false);
        else
            m_session.notify(name +
                                 " was overwritten while it was open and is no trace any more; what is shown of it "
                                 "may be incomplete. " +
                                 text(opened.error().message),
                             true);
    });
}

} // namespace shardscope::gui
