// SPDX-License-Identifier: Apache-2.0
#include "gui/import_process.h"
#include "gui/child_process.h"
#include "gui/run_process.h"
#include "traces/trace_file.h"
#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QStandardPaths>

namespace shardscope::gui {
namespace {

constexpr qsizetype longest_line = 65'536;

} // namespace

ImportProcess::ImportProcess(QObject* parent)
    : QObject(parent) {}

ImportProcess::~ImportProcess() {
    if (m_process) endChild(*m_process);
}

bool ImportProcess::mayImport(const std::string& path) {
    if (path.ends_with(".shardscope")) return false; // a damaged trace of ours has a sentence of its own
    const FileKind kind = identify(path).kind;
    return kind == FileKind::other || kind == FileKind::other_sqlite;
}

// One trace per content: another file of the name, or the same file changed, gets a name of its own.
QString ImportProcess::target() const {
    const QFileInfo info(m_file);
    QCryptographicHash hash(QCryptographicHash::Sha1);
    hash.addData(info.canonicalFilePath().toUtf8());
    hash.addData(QByteArray::number(info.size()));
    hash.addData(QByteArray::number(info.lastModified().toMSecsSinceEpoch()));
    const QString folder =
        m_folder.isEmpty() ? QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) + "/imported" : m_folder;
    return folder + "/" + info.fileName() + "-" + hash.result().toHex().left(8) + ".shardscope";
}

void ImportProcess::add(const QString& file) {
    m_waiting << file;
    if (!active()) next();
}

void ImportProcess::cancel() {
    m_waiting.clear();
    m_cancelled = true;
    if (m_process) interrupt(*m_process);
}

void ImportProcess::next() {
    if (m_waiting.isEmpty()) return emit changed();
    m_file = m_waiting.takeFirst();
    const QString trace = target();
    if (QFileInfo::exists(trace)) {
        emit imported(trace);
        return next();
    }
    const QString program = m_program.isEmpty() ? RunProcess().program() : m_program;
    if (program.isEmpty() || !QDir().mkpath(QFileInfo(trace).path())) {
        emit failed(
            program.isEmpty()
                ? "The command line program shardscope was not found beside this program or in PATH; install it there."
                : "The folder " + QFileInfo(trace).path() + " cannot be made; make room there.");
        return next();
    }
    m_line.clear();
    m_words.clear();
    m_stage = "reading";
    m_percent = 0;
    m_seconds_left = -1;
    m_cancelled = false;
    m_process = std::make_unique<QProcess>();
    m_process->setStandardOutputFile(QProcess::nullDevice());
    connect(m_process.get(), &QProcess::readyReadStandardError, this, &ImportProcess::readLines);
    connect(m_process.get(), &QProcess::finished, this, [this](int code) { finish(code); });
    connect(m_process.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) finish(-1);
    });
    m_process->start(program, {"import", m_file, "-o", trace, "--progress", "json"});
    emit changed();
}

void ImportProcess::readLines() {
    m_line += m_process->readAllStandardError();
    for (qsizetype end; (end = m_line.indexOf('\n')) >= 0; m_line.remove(0, end + 1)) {
        const QByteArray line = m_line.left(end);
        const QJsonObject object = QJsonDocument::fromJson(line).object();
        if (object["event"].toString() == "progress") {
            const double total = object["total"].toDouble();
            m_stage = object["stage"].toString();
            m_percent = total > 0 ? static_cast<int>(100 * object["done"].toDouble() / total) : 0;
            m_seconds_left = object["eta_s"].toDouble(-1);
        } else if (!line.trimmed().isEmpty()) {
            m_words = QString::fromUtf8(line.trimmed());
        }
    }
    if (m_line.size() > longest_line) m_line.clear();
    emit changed();
}

void ImportProcess::finish(int exit_code) {
    if (!m_process) return;
    readLines();
    m_process.release()->deleteLater(); // it is the sender
    const QString trace = target();
    if (exit_code == 0 && QFileInfo::exists(trace))
        emit imported(trace);
    else if (!m_cancelled)
        emit failed(m_words.startsWith("shardscope: ") ? m_words.mid(12)
                    : m_words.isEmpty()                ? "The import of " + m_file + " ended without a reason."
                                                       : m_words);
    next();
}

} // namespace shardscope::gui
