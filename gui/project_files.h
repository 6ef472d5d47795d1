// SPDX-License-Identifier: Apache-2.0
// The File menu's part that deals with projects: new, open, save, recent files. Asks for names where there are none
// yet.
#pragma once
#include "gui/workspace.h"

class QMenu;
class QWidget;

namespace shardscope::gui {

class ProjectFiles : public QObject {
    Q_OBJECT
public:
    ProjectFiles(Session&, Workspace&, QWidget* window);
    QMenu* recentMenu() { return m_recent; }

signals:
    void openRequested(const QString& path); // a trace, another profiler's file, or a project

private:
    void chooseProject();
    bool saveAs();
    void fillRecent();
    Session& m_session;
    Workspace& m_workspace;
    QWidget* m_window;
    QMenu* m_recent;
};

} // namespace shardscope::gui
