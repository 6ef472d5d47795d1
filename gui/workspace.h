// SPDX-License-Identifier: Apache-2.0
// The project that is open: its file, whether it has changes, its bookmarks, traces that are not where they were, and
// what was opened lately. Whatever is open is copied into the application's folder a moment after it changed, so that
// neither a crash nor a closed window loses anything.
#pragma once
#include "gui/project.h"
#include <QLockFile>
#include <QStringList>
#include <QThreadPool>
#include <QTimer>
#include <functional>

namespace shardscope::gui {

class Workspace : public QObject {
    Q_OBJECT
public:
    explicit Workspace(Session&, QObject* parent = nullptr);
    ~Workspace() override;
    void finish(); // before what the layout hooks use goes away: the last copy is on disk afterwards

    using Layouts = std::map<std::string, QByteArray>;
    void setLayoutHooks(std::function<Layouts()> read, std::function<void(const Layouts&)> use);
    void setRemembers(bool remembers) { m_remembers = remembers; } // recent files, in the user's settings
    void keepCopiesIn(const QString& folder);
    static QString defaultFolder();

    // --- the file
    const QString& path() const { return m_path; } // empty: it has no name yet
    QString title() const;                         // "zero-stages.shardproj" or "Untitled project"
    bool dirty() const { return m_dirty; }
    // A worker reads the file, then its traces. `then` follows when the project has taken the place of what was open;
    // if it cannot, nothing changes and a notice says why.
    void open(const QString& path, std::function<void()> then = {});
    bool reading() const { return m_reading > 0; }
    bool saveAs(const QString& path);
    bool save() { return saveAs(m_path); } // only where there is a path
    void startNew();
    Project project() const;

    // --- where one left off: the copy of the window before, or of what startNew() and open() closed
    bool canContinue() const;
    QString previousSummary() const; // "2 traces, 3 notes"
    void continuePrevious();

    // --- traces that are not where they were
    const std::vector<ProjectTrace>& missing() const { return m_missing; }
    void locate(size_t missing, const QString& path);
    void forget(size_t missing);

    // --- bookmarks and marks
    const Bookmarks& bookmarks() const { return m_bookmarks; }
    void setBookmark(size_t);
    void goToBookmark(size_t);
    // Pins a note to the selection, the event or the moment under the mouse; `then` gets its id if there is any of
    // them.
    void mark(bool toggle, std::function<void(int id)> then = {});
    void goToNote(int id);

    QStringList recentFiles() const, recentProjects() const;

signals:
    void changed(); // title, missing, bookmarks, recent files

private:
    void read(const QString& path, std::function<void(const Project&)> then);
    void use(const Project&, std::function<void()> then);
    void applyOpened(const Project&);
    void takeTrace(const ProjectTrace&, const Result<int>& opened);
    void mark(const std::optional<Note>& place, bool toggle, const std::function<void(int id)>& then);
    void touch();
    void copySoon();
    void writeCopy();
    void setAside();
    void takeLocated(const ProjectTrace&, const Result<int>& opened);
    std::string content() const, savedContent() const;
    void rememberFile(const QString& key, const QString& path);

    Session& m_session;
    QString m_path, m_folder, m_copy_path;
    bool m_dirty = false, m_remembers = false, m_using = false;
    int m_reading = 0, m_asked = 0; // project files; only the one that was asked for last is used
    std::string m_saved;            // the content that is in the file
    std::vector<ProjectTrace> m_missing;
    Bookmarks m_bookmarks;
    std::function<Layouts()> m_read_layouts;
    std::function<void(const Layouts&)> m_use_layouts;
    std::unique_ptr<QLockFile> m_copy_lock;
    QByteArray m_copied;
    QTimer m_copy_timer; // runs for a moment after a change, never otherwise
    QThreadPool m_writer;
};

} // namespace shardscope::gui
