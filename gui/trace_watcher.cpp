// SPDX-License-Identifier: Apache-2.0
#include "gui/trace_watcher.h"
#include "gui/style.h"
#include <QFileInfo>

namespace shardscope::gui {

TraceWatcher::TraceWatcher(Session& session, QObject* parent)
    : QObject(parent)
    , m_session(session) {
    connect(&session, &Session::tracesChanged, this, &TraceWatcher::watch);
    connect(&m_files, &QFileSystemWatcher::fileChanged, this, &TraceWatcher::look);
}

void TraceWatcher::watch() {
    QStringList wanted;
    for (const OpenTrace& open : m_session.traces())
        if (!open.followed && open.file_state == FileState::as_opened) wanted << text(open.reader->path());
    for (const QString& file : m_files.files())
        if (!wanted.contains(file)) m_files.removePath(file);
    for (const QString& file : wanted)
        if (!m_files.files().contains(file)) m_files.addPath(file);
}

void TraceWatcher::look(const QString& path) {
    for (const OpenTrace& open : m_session.traces()) {
        if (text(open.reader->path()) != path) continue;
        const uint64_t now = fileIdentity(open.reader->path());
        const FileState state = now == 0           ? FileState::deleted
                                : now == open.file ? FileState::as_opened
                                                   : FileState::replaced;
        if (state == open.file_state) continue;
        const QString name = QFileInfo(path).fileName();
        m_session.setFileState(open.id, state);
        if (state == FileState::deleted)
            m_session.notify(name + " was deleted or moved. What was read of it stays here until it is closed.", true);
        else if (state == FileState::replaced)
            m_session.notify(name + " was replaced by another file. The window shows the one that was opened; “Open "
                                    "again” in the menu of its card shows the new one.",
                             true);
        return;
    }
}

} // namespace shardscope::gui
