// SPDX-License-Identifier: Apache-2.0
// Composes the window: menus and one toolbar row from the table of actions, the docks, the places, the status line.
// Keeps a layout per place and remembers it between starts, unless it is a window for pictures or tests.
#pragma once
#include "gui/session.h"
#include <QMainWindow>
#include <map>

class QDockWidget;
class QFrame;
class QLabel;
class QProgressBar;
class QSplitter;
class QStackedWidget;

namespace shardscope::gui {

class BucketsPanel;
class DetailsPanel;
class ExportController;
class ImportProcess;
class InspectorPanel;
class LibraryPanel;
class MemoryPanel;
class NotesPanel;
class RunPanel;
class SummaryPanel;
class TimelinePanel;
class WindowTools;
class Workspace;

enum class Memory { remembers, forgets }; // whether the window reads and writes the user's settings

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    MainWindow(Session&, Memory);
    ~MainWindow() override;
    // Workers read traces and projects and import other files first; each failure is shown. False: there are no files.
    bool openFiles(const std::vector<std::string>&);
    bool settled() const; // everything asked for is drawn and analysed; tests and pictures wait for it

    LibraryPanel& library() { return *m_library; }
    InspectorPanel& inspector() { return *m_inspector; }
    SummaryPanel& summary() { return *m_summary; }
    TimelinePanel& timeline() { return *m_timeline; }
    MemoryPanel& memory() { return *m_memory; }
    DetailsPanel& details() { return *m_details; }
    BucketsPanel& buckets() { return *m_buckets; }
    RunPanel& runPanel() { return *m_run; }
    WindowTools& tools() { return *m_tools; }
    Workspace& workspace() { return *m_workspace; }
    ImportProcess& imports() { return *m_import; }
    ExportController& exports() { return *m_exports; }
    QString notice() const; // the sentence shown now; empty if there is none
    QString statusText() const;

protected:
    void resizeEvent(QResizeEvent*) override;
    void closeEvent(QCloseEvent*) override;
    void dragEnterEvent(QDragEnterEvent*) override;
    void dropEvent(QDropEvent*) override;

private:
    void makeToolBar();
    void makeDocks();
    void makeCentre();
    void makeStatusBar();
    void connectWindowActions();
    void connectDetails();
    void showPlace();
    bool nothingOpen() const; // the welcome page has the window to itself
    void showWelcome();
    void showPage(QWidget*);
    void fitTools();
    void widenDocks();
    void useDefaultLayout(Place);
    void showNotice(const QString& sentence, bool is_error);
    void showStatus();
    void showImport();
    void applyCurrentTheme();
    void chooseFiles();
    void savePicture();
    void restore();
    void connectWorkspace();
    void openDropped(const QString& file);

    Session& m_session;
    const bool m_remembers;
    LibraryPanel* m_library = nullptr;
    InspectorPanel* m_inspector = nullptr;
    SummaryPanel* m_summary = nullptr;
    TimelinePanel* m_timeline = nullptr;
    MemoryPanel* m_memory = nullptr; // below the timeline's curves, in the Memory place
    QSplitter* m_canvas_page = nullptr;
    DetailsPanel* m_details = nullptr;
    QDockWidget* m_details_dock = nullptr;
    RunPanel* m_run = nullptr;
    WindowTools* m_tools = nullptr;
    ExportController* m_exports = nullptr;
    BucketsPanel* m_buckets = nullptr;
    Workspace* m_workspace = nullptr;
    NotesPanel* m_notes = nullptr;
    QDockWidget *m_library_dock = nullptr, *m_inspector_dock = nullptr, *m_summary_dock = nullptr,
                *m_notes_dock = nullptr;
    ImportProcess* m_import = nullptr;
    QWidget* m_import_box = nullptr; // in the status line, while something is imported
    QLabel* m_import_text = nullptr;
    QProgressBar* m_import_bar = nullptr;
    QStackedWidget* m_centre = nullptr;
    QFrame* m_notice = nullptr;
    QLabel *m_notice_text = nullptr, *m_status = nullptr, *m_hint = nullptr, *m_step_label = nullptr,
           *m_project_name = nullptr;
    QList<std::pair<QWidget*, float>> m_giving_tools; // shown from this width of the window on, at scale 1
    QWidget* m_gap = nullptr;                         // between the tools of the left and of the right
    float m_docked_scale = 1;                         // of the type when docks were given their widths
    QList<QAction*> m_canvas_tools, m_run_tools;      // toolbar items that belong to some places only
    std::optional<Place> m_shown_place;
    bool m_welcomes = false, m_composed = false;
    std::map<Place, QByteArray> m_layouts;
    QTimer m_notice_timer;
};

} // namespace shardscope::gui
