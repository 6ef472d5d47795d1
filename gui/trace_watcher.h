// SPDX-License-Identifier: Apache-2.0
// Notices that the file of an open trace was deleted or replaced, and says so. What was read stays on the screen: the
// reader holds the file that was there. The system tells; nothing is polled.
#pragma once
#include "gui/session.h"
#include <QFileSystemWatcher>

namespace shardscope::gui {

class TraceWatcher : public QObject {
    Q_OBJECT
public:
    explicit TraceWatcher(Session&, QObject* parent = nullptr);

private:
    void watch();
    void look(const QString& path);
    Session& m_session;
    QFileSystemWatcher m_files;
};

} // namespace shardscope::gui
