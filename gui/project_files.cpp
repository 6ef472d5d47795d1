// SPDX-License-Identifier: Apache-2.0
#include "gui/project_files.h"
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>

namespace shardscope::gui {
namespace {

constexpr const char* filter = "Projects (*.shardproj)";

} // namespace

ProjectFiles::ProjectFiles(Session& session, Workspace& workspace, QWidget* window)
    : QObject(window)
    , m_session(session)
    , m_workspace(workspace)
    , m_window(window)
    , m_recent(new QMenu("Recent", window)) {
    const auto on = [&](ActionId id, auto&& what) {
        connect(session.actions().get(id), &QAction::triggered, this, std::forward<decltype(what)>(what));
    };
    on(ActionId::new_project, [this] { m_workspace.startNew(); });
    on(ActionId::open_project, [this] { chooseProject(); });
    on(ActionId::continue_project, [this] { m_workspace.continuePrevious(); });
    on(ActionId::save_project, [this] {
        if (m_workspace.path().isEmpty())
            saveAs();
        else if (m_workspace.save())
            m_session.notify("Saved " + m_workspace.title() + ".", false);
    });
    on(ActionId::save_project_as, [this] { saveAs(); });
    connect(m_recent, &QMenu::aboutToShow, this, &ProjectFiles::fillRecent);
    const auto show = [this] {
        m_session.actions().get(ActionId::continue_project)->setEnabled(m_workspace.canContinue());
        m_window->setWindowTitle(m_workspace.title() + "[*] – Shardscope");
        m_window->setWindowModified(m_workspace.dirty());
    };
    connect(&workspace, &Workspace::changed, this, show);
    show();
}

void ProjectFiles::chooseProject() {
    const QString path = QFileDialog::getOpenFileName(m_window, "Open project", {}, filter);
    if (!path.isEmpty()) m_workspace.open(path);
}

bool ProjectFiles::saveAs() {
    const QString start = m_workspace.path().isEmpty() ? "zero.shardproj" : m_workspace.path();
    QString path = QFileDialog::getSaveFileName(m_window, "Save project", start, filter);
    if (path.isEmpty()) return false;
    if (QFileInfo(path).suffix().isEmpty()) path += ".shardproj";
    if (!m_workspace.saveAs(path)) return false;
    m_session.notify("Saved " + m_workspace.title() + ".", false);
    return true;
}

void ProjectFiles::fillRecent() {
    m_recent->clear();
    const auto add = [this](const QStringList& files) {
        for (const QString& file : files) {
            QAction* action = m_recent->addAction(QFileInfo(file).fileName());
            action->setToolTip(file);
            connect(action, &QAction::triggered, this, [this, file] { emit openRequested(file); });
        }
    };
    add(m_workspace.recentProjects());
    m_recent->addSeparator();
    add(m_workspace.recentFiles());
    if (m_recent->isEmpty()) m_recent->addAction("Nothing was opened yet")->setEnabled(false);
    m_recent->setToolTipsVisible(true);
}

} // namespace shardscope::gui
