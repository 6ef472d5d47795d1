// SPDX-License-Identifier: Apache-2.0
// Notices when the file of an open trace is deleted, replaced by another, or overwritten in place, marks the trace and
// says so once. Traces that are still being written are followed by the Session instead.
#pragma once
#include "gui/session.h"
#include <QFileSystemWatcher>
#include <QThreadPool>
#include <QTimer>

namespace shardscope::gui {

class TraceWatcher : public QObject {
    Q_OBJECT
public:
    explicit TraceWatcher(Session&, QObject* parent = nullptr);
    ~TraceWatcher() override; // waits for the worker

private:
    struct Content { // what tells a file that was written again; of the inode that was opened
        int64_t bytes = 0, changed_ns = 0;
        bool operator==(const Content&) const = default;
    };
    static Content contentOf(const std::string& path);
    void watch();
    void look(const QString& path);
    void compareOverwritten();
    void takeOverwritten(const std::string& path, bool same_recording);
    Session& m_session;
    QFileSystemWatcher m_files;
    std::map<std::string, Content> m_known;       // by path
    std::map<std::string, Content> m_overwritten; // as they were last seen; writing may go on
    QTimer m_quiet;
    QThreadPool m_pool;
};

} // namespace shardscope::gui
