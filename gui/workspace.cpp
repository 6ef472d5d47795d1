// SPDX-License-Identifier: Apache-2.0
#include "gui/workspace.h"
#include "gui/style.h"
#include "gui/timeline_tools.h"
#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QPointer>
#include <QSaveFile>
#include <QSettings>
#include <QStandardPaths>
#include <algorithm>
#include <filesystem>

namespace shardscope::gui {
namespace {

constexpr int copy_after_ms = 1'500, most_copies = 8, most_recent = 10;

std::string plural(size_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

ProjectTrace describe(const OpenTrace& open, const TimelineTools::Lanes& lanes) {
    std::error_code ignored;
    const auto bytes = std::filesystem::file_size(open.reader->path(), ignored);
    return {.path = std::filesystem::absolute(open.reader->path(), ignored).lexically_normal().string(),
            .trace_id = open.reader->runValue("trace_id"),
            .bytes = ignored ? 0 : static_cast<int64_t>(bytes),
            .open = true,
            .compared = open.compared,
            .name = open.name,
            .tags = open.tags,
            .collapsed = lanes.collapsed,
            .hidden = lanes.hidden,
            .rank_order = lanes.rank_order};
}

// What makes a project differ from its file: not where one looks, nor how the docks lie, nor a run that goes on.
std::string comparable(Project whole) {
    whole.view.reset();
    whole.layouts.clear();
    whole.origin.clear();
    for (ProjectTrace& trace : whole.traces) {
        trace.bytes = 0;
        trace.trace_id.clear();
        trace.collapsed.clear();
        trace.hidden.clear();
        trace.rank_order.clear();
    }
    return projectText(whole, {}).toStdString();
}

} // namespace

Workspace::Workspace(Session& session, QObject* parent)
    : QObject(parent)
    , m_session(session) {
    m_writer.setMaxThreadCount(1); // copies are written in order
    m_copy_timer.setSingleShot(true);
    m_copy_timer.setInterval(copy_after_ms);
    connect(&m_copy_timer, &QTimer::timeout, this, &Workspace::writeCopy);
    connect(&session, &Session::tracesChanged, this, &Workspace::touch);
    connect(&session.notes(), &NoteBook::changed, this, &Workspace::touch);
    connect(&session, &Session::viewChanged, this, &Workspace::copySoon);
    connect(&session, &Session::opened, this, [this](const std::string& path) {
        rememberFile("recent/files", text(path));
        std::erase_if(m_missing, [&](const ProjectTrace& trace) { return trace.path == path; });
    });
    m_saved = content();
}

Workspace::~Workspace() { finish(); }

void Workspace::finish() {
    if (m_copy_timer.isActive()) writeCopy();
    m_writer.waitForDone();
    m_read_layouts = nullptr;
    m_use_layouts = nullptr;
}

void Workspace::setLayoutHooks(std::function<Layouts()> read, std::function<void(const Layouts&)> use) {
    m_read_layouts = std::move(read);
    m_use_layouts = std::move(use);
}

QString Workspace::title() const { return m_path.isEmpty() ? "Untitled project" : QFileInfo(m_path).fileName(); }

// --- the file ------------------------------------------------------------------------------------------------------

Project Workspace::project() const {
    Project project;
    for (const OpenTrace& open : m_session.traces())
        project.traces.push_back(describe(open, m_session.timelineTools().lanes(open.reader->path())));
    for (const ProjectTrace& trace : m_missing) project.traces.push_back(trace);
    project.notes = m_session.notes().notes();
    project.bookmarks = m_bookmarks;
    if (!m_session.traces().empty()) project.view = bookmarkOf(m_session);
    if (m_read_layouts) project.layouts = m_read_layouts();
    project.origin = m_path.toStdString();
    // Notes and bookmarks of traces that were closed keep their trace, as one that is not open.
    const auto keep = [&](const std::string& path) {
        const auto same = [&](const ProjectTrace& trace) { return trace.path == path; };
        if (!path.empty() && std::none_of(project.traces.begin(), project.traces.end(), same))
            project.traces.push_back({.path = path,
                                      .trace_id = {},
                                      .open = false,
                                      .compared = false,
                                      .name = {},
                                      .tags = {},
                                      .collapsed = {},
                                      .hidden = {}});
    };
    for (const Note& note : project.notes) keep(note.trace);
    for (const auto& bookmark : project.bookmarks) {
        if (!bookmark) continue;
        keep(bookmark->trace);
        keep(bookmark->selected_trace);
    }
    return project;
}

std::string Workspace::content() const { return comparable(project()); }

void Workspace::touch() {
    if (m_using) return;
    m_dirty = content() != m_saved;
    copySoon();
    emit changed();
}

void Workspace::read(const QString& path, std::function<void(const Project&)> then) {
    ++m_reading;
    QThreadPool::globalInstance()->start(
        [guard = QPointer<Workspace>(this), path, asked = ++m_asked, then = std::move(then)] {
            const auto project = std::make_shared<const Result<Project>>(readProject(path));
            QMetaObject::invokeMethod(
                QCoreApplication::instance(),
                [guard, project, asked, then] {
                    if (!guard) return;
                    --guard->m_reading;
                    if (asked != guard->m_asked) return;
                    if (*project)
                        then(**project);
                    else
                        guard->m_session.notify(text(project->error().message), true);
                },
                Qt::QueuedConnection);
        });
}

void Workspace::open(const QString& path, std::function<void()> then) {
    read(path, [this, file = QFileInfo(path).absoluteFilePath(), then = std::move(then)](const Project& project) {
        setAside();
        m_path = file;
        rememberFile("recent/projects", m_path);
        use(project, [this] {
            m_saved = content();
            m_dirty = false;
            emit changed();
        });
        if (then) then();
    });
}

bool Workspace::saveAs(const QString& path) {
    if (const auto written = writeProject(project(), path); !written) {
        m_session.notify(text(written.error().message), true);
        return false;
    }
    m_path = QFileInfo(path).absoluteFilePath();
    m_saved = content();
    m_dirty = false;
    rememberFile("recent/projects", m_path);
    copySoon();
    emit changed();
    return true;
}

void Workspace::startNew() {
    setAside();
    m_path.clear();
    use({}, [this] {
        m_saved = content();
        m_dirty = false;
        emit changed();
    });
}

// A worker reads the traces, and the rest follows when all are there. Another project makes this one's steps void: the
// session forgets what it had yet to open.
void Workspace::use(const Project& project, std::function<void()> then) {
    m_using = true;
    m_session.closeAll();
    m_missing.clear();
    for (const ProjectTrace& trace : project.traces)
        if (trace.open)
            m_session.openLater(trace.path, [this, trace](const Result<int>& opened) { takeTrace(trace, opened); });
    m_session.whenOpened([this, project, then = std::move(then)] {
        applyOpened(project);
        m_using = false;
        then();
        copySoon();
    });
}

void Workspace::takeTrace(const ProjectTrace& trace, const Result<int>& opened) {
    if (!opened) {
        m_missing.push_back(trace);
        return;
    }
    const OpenTrace* open = m_session.trace(*opened);
    const std::string now = open->reader->runValue("trace_id");
    if (!trace.trace_id.empty() && now != trace.trace_id)
        m_session.notify(text(trace.path) + " holds another recording than when the project was saved; notes "
                                            "and bookmarks of it may not fit.",
                         true);
    m_session.setName(*opened, trace.name);
    m_session.setTags(*opened, trace.tags);
    m_session.timelineTools().setLanes(open->reader->path(), {trace.collapsed, trace.hidden, trace.rank_order});
}

void Workspace::applyOpened(const Project& project) {
    for (size_t i = 0; i < m_session.traces().size(); ++i) { // after all are open: opening a fifth moves one out
        const OpenTrace& open = m_session.traces()[i];
        for (const ProjectTrace& trace : project.traces)
            if (trace.path == open.reader->path() && !trace.compared) m_session.setCompared(open.id, false);
    }
    for (const ProjectTrace& trace : project.traces)
        if (const OpenTrace* open = openTraceAt(m_session, trace.path); open && trace.compared)
            m_session.setCompared(open->id, true);
    m_session.notes().replaceAll(project.notes);
    m_bookmarks = project.bookmarks;
    if (m_use_layouts) m_use_layouts(project.layouts);
    if (project.view) goTo(m_session, *project.view);
    if (!m_missing.empty())
        m_session.notify(text(plural(m_missing.size(), "trace")) + (m_missing.size() == 1 ? " is" : " are") +
                             " not where the project says; “Locate…” on the grey card tells where now.",
                         true);
}

// --- where one left off --------------------------------------------------------------------------------------------

QString Workspace::defaultFolder() {
    return QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) + "/projects";
}

// Several windows may be open at once: each keeps its copy under a number of its own.
void Workspace::keepCopiesIn(const QString& folder) {
    if (!QDir().mkpath(folder)) return;
    m_folder = folder;
    for (int number = 0; number < most_copies; ++number) {
        auto lock = std::make_unique<QLockFile>(QString("%1/open-%2.lock").arg(folder).arg(number));
        lock->setStaleLockTime(0);
        if (!lock->tryLock(0)) continue;
        m_copy_lock = std::move(lock);
        const QString left = QString("%1/open-%2.shardproj").arg(folder).arg(number);
        const QString previous = folder + "/previous.shardproj";
        if (const auto project = readProject(left); project && !project->traces.empty()) {
            QFile::remove(previous);
            QFile::rename(left, previous);
        }
        m_copy_path = left;
        break;
    }
    emit changed();
}

void Workspace::copySoon() {
    if (m_copy_lock && !m_using) m_copy_timer.start();
}

void Workspace::writeCopy() {
    m_copy_timer.stop();
    if (!m_copy_lock || m_session.traces().empty()) return;
    QByteArray bytes = projectText(project(), m_folder);
    if (bytes == m_copied) return;
    m_copied = bytes;
    m_writer.start([path = m_copy_path, bytes = std::move(bytes)] {
        QSaveFile file(path);
        if (file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size()) file.commit();
    });
}

// What is open is about to be closed for another project: it can be come back to.
void Workspace::setAside() {
    if (m_session.traces().empty() || !m_copy_lock) return;
    m_copy_timer.stop();
    if (!writeProject(project(), m_folder + "/previous.shardproj")) return;
    m_session.notify("What was open is kept; “Continue where you left off” in the File menu brings it back.", false);
}

bool Workspace::canContinue() const { return !m_folder.isEmpty() && QFile::exists(m_folder + "/previous.shardproj"); }

QString Workspace::previousSummary() const {
    if (!canContinue()) return {};
    const auto project = readProject(m_folder + "/previous.shardproj");
    if (!project) return {};
    std::string summary = plural(project->traces.size(), "trace");
    if (!project->notes.empty()) summary += ", " + plural(project->notes.size(), "note");
    return text(summary);
}

void Workspace::continuePrevious() {
    read(m_folder + "/previous.shardproj", [this](const Project& project) {
        setAside(); // the two change places
        m_path = text(project.origin);
        use(project, [this] {
            m_saved = savedContent();
            m_using = false;
            touch();
        });
    });
}

// What the file of the project holds, to be compared with content().
std::string Workspace::savedContent() const {
    if (m_path.isEmpty()) return {};
    auto saved = readProject(m_path);
    if (!saved) return {};
    return comparable(std::move(*saved));
}

// --- traces that are not where they were ---------------------------------------------------------------------------

void Workspace::locate(size_t index, const QString& path) {
    if (index >= m_missing.size()) return;
    const ProjectTrace trace = m_missing[index];
    m_session.openLater(path.toStdString(), [this, trace](const Result<int>& opened) { takeLocated(trace, opened); });
}

void Workspace::takeLocated(const ProjectTrace& trace, const Result<int>& opened) {
    if (!opened) return m_session.notify(text(opened.error().message), true);
    std::erase_if(m_missing, [&](const ProjectTrace& missing) { return missing.path == trace.path; });
    const OpenTrace* open = m_session.trace(*opened);
    const std::string now = open->reader->path();
    if (!trace.trace_id.empty() && open->reader->runValue("trace_id") != trace.trace_id)
        m_session.notify("This is another recording than the one of the project; its notes may not fit.", true);
    m_session.notes().moveTrace(trace.path, now);
    for (auto& bookmark : m_bookmarks)
        for (std::string* file :
             {bookmark ? &bookmark->trace : nullptr, bookmark ? &bookmark->selected_trace : nullptr})
            if (file && *file == trace.path) *file = now;
    m_session.setName(*opened, trace.name);
    m_session.setTags(*opened, trace.tags);
    touch();
}

void Workspace::forget(size_t index) {
    if (index >= m_missing.size()) return;
    m_missing.erase(m_missing.begin() + static_cast<std::ptrdiff_t>(index));
    touch();
}

// --- recent files --------------------------------------------------------------------------------------------------

void Workspace::rememberFile(const QString& key, const QString& path) {
    if (!m_remembers) return;
    QSettings settings;
    QStringList files = settings.value(key).toStringList();
    const QString absolute = QFileInfo(path).absoluteFilePath();
    files.removeAll(absolute);
    files.prepend(absolute);
    while (files.size() > most_recent) files.removeLast();
    settings.setValue(key, files);
}

QStringList Workspace::recentFiles() const {
    return m_remembers ? QSettings().value("recent/files").toStringList() : QStringList();
}

QStringList Workspace::recentProjects() const {
    return m_remembers ? QSettings().value("recent/projects").toStringList() : QStringList();
}

} // namespace shardscope::gui
