// SPDX-License-Identifier: Apache-2.0
#include "gui/export/export_controller.h"
#include "gui/style.h"
#include "profiler/report/comparison_html.h"
#include <QCoreApplication>
#include <QThreadPool>
#include <algorithm>

namespace shardscope::gui {
namespace {

Result<void> writeReport(const std::vector<std::string>& paths, size_t baseline, const std::string& output) {
    std::vector<std::unique_ptr<TraceReader>> readers; // a reader belongs to one thread: these are the worker's
    std::vector<const TraceReader*> borrowed;
    for (const std::string& path : paths) {
        auto reader = TraceReader::open(path);
        if (!reader) return reader.error();
        readers.push_back(std::move(reader).value());
        borrowed.push_back(readers.back().get());
    }
    return writeComparisonHtml(borrowed, baseline, output);
}

} // namespace

ExportController::ExportController(Session& session, QWidget* window)
    : QObject(window)
    , m_session(session)
    , m_window(window) {
    connect(session.actions().get(ActionId::export_view), &QAction::triggered, this, &ExportController::openDialog);
    connect(session.actions().get(ActionId::export_report), &QAction::triggered, this, &ExportController::exportReport);
}

std::vector<Exportable> ExportController::exportables() const {
    std::vector<Exportable> all;
    for (const Source& source : m_sources)
        for (Exportable& exportable : source()) all.push_back(std::move(exportable));
    return all;
}

ExportDialog* ExportController::openDialog() {
    std::vector<Exportable> all = exportables();
    if (all.empty()) {
        m_session.notify("This view has nothing to export yet; open a trace first.", false);
        return nullptr;
    }
    std::vector<std::string> titles;
    for (const OpenTrace& open : m_session.traces())
        if (m_session.place() == Place::timeline || m_session.place() == Place::buckets ? &open == m_session.active()
                                                                                        : open.compared)
            titles.push_back(open.facts.title());
    if (m_dialog) m_dialog->deleteLater();
    m_dialog = new ExportDialog(std::move(all), std::move(titles), m_session.theme(), m_window);
    m_dialog->setAttribute(Qt::WA_DeleteOnClose);
    if (m_choose) m_dialog->setChooseFile(m_choose);
    connect(m_dialog, &ExportDialog::exportedTo, this,
            [this](const QString& path) { m_session.notify("Exported " + path + ".", false); });
    m_dialog->open();
    return m_dialog;
}

void ExportController::exportReport() {
    std::vector<std::string> paths;
    QString stem = "report";
    size_t baseline = 0;
    for (const OpenTrace& open : m_session.traces()) {
        if (!open.compared) continue;
        if (open.id == m_session.baselineId()) baseline = paths.size();
        paths.push_back(open.reader->path());
        stem += " " + text(open.facts.title());
    }
    if (paths.empty()) return m_session.notify("There is no trace to report on; open one first.", false);
    const Exportable named{.name = {}, .file_stem = stem, .size = {}};
    QString suggested = fileNameFor(named, {}, ExportFormat::csv);
    suggested.replace(suggested.size() - 3, 3, "html");
    const QString path =
        m_choose ? m_choose(suggested, "html") : chooseFileToWrite(m_window, "Export report", suggested, "html");
    if (path.isEmpty()) return;
    ++m_writing;
    QThreadPool::globalInstance()->start([guard = QPointer<ExportController>(this), paths, baseline, path] {
        const auto written = writeReport(paths, baseline, path.toStdString());
        const QString problem = written ? QString() : text(written.error().message);
        QMetaObject::invokeMethod(
            QCoreApplication::instance(),
            [guard, path, problem] {
                if (!guard) return;
                --guard->m_writing;
                guard->m_session.notify(problem.isEmpty() ? "The report is in " + path + "; any browser opens it."
                                                          : problem,
                                        !problem.isEmpty());
            },
            Qt::QueuedConnection);
    });
}

} // namespace shardscope::gui
