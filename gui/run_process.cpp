// SPDX-License-Identifier: Apache-2.0
#include "gui/run_process.h"
#include "gui/child_process.h"
#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QStandardPaths>
#include <csignal>

namespace shardscope::gui {
namespace {

constexpr qsizetype longest_line = 65'536; // a child that writes no line ends must not fill our memory
constexpr qsizetype longest_output = 262'144;

} // namespace

RunProcess::RunProcess(QObject* parent)
    : QObject(parent) {
    m_kill_timer.setSingleShot(true);
    connect(&m_kill_timer, &QTimer::timeout, this, [this] {
        if (m_process) m_process->kill();
    });
}

RunProcess::~RunProcess() {
    if (m_process) endChild(*m_process);
}

QString RunProcess::program() const {
    if (!m_program.isEmpty()) return m_program;
    const QString beside = QCoreApplication::applicationDirPath() + "/shardscope";
    if (QFileInfo(beside).isExecutable()) return beside;
    return QStandardPaths::findExecutable("shardscope");
}

bool RunProcess::start(const RunRequest& request) {
    if (active()) return false;
    m_message.clear();
    m_output.clear();
    m_progress.clear();
    m_line.clear();
    m_last_words.clear();
    m_announced_stop = false;
    m_steps = 0;
    const auto refuse = [this](const QString& sentence) {
        m_message = sentence;
        m_state = RunState::failed;
        emit changed();
        return false;
    };
    const QString executable = program();
    if (executable.isEmpty())
        return refuse(
            "The command line program shardscope was not found beside this program or in PATH; install it there.");
    m_folder = std::make_unique<QTemporaryDir>(); // readable by this user only
    QFile config(m_folder->filePath("ds_config.json"));
    if (!m_folder->isValid() || !config.open(QIODevice::WriteOnly) ||
        config.write(QByteArray::fromStdString(request.config)) < 0)
        return refuse("The configuration could not be written to the temporary folder; free some space there.");
    config.close();
    m_trace_path = request.trace.empty() ? defaultTracePath(request) : request.trace;

    QStringList arguments;
    for (const std::string& argument : commandArguments(request, config.fileName().toStdString(), m_trace_path))
        arguments << QString::fromStdString(argument);
    keep(executable + " " + arguments.join(' '));
    m_process = std::make_unique<QProcess>();
    m_process->setStandardOutputFile(QProcess::nullDevice());
    connect(m_process.get(), &QProcess::readyReadStandardError, this, &RunProcess::readLines);
    connect(m_process.get(), &QProcess::finished, this, &RunProcess::finish);
    connect(m_process.get(), &QProcess::errorOccurred, this, [this, executable](QProcess::ProcessError error) {
        if (error != QProcess::FailedToStart) return;
        m_message = QString("%1 could not be started; check that it is executable.").arg(executable);
        m_state = RunState::failed;
        emit changed();
        emit ended();
    });
    m_state = RunState::starting;
    m_process->start(executable, arguments);
    emit changed();
    return m_state != RunState::failed;
}

void RunProcess::stop() {
    if (!active() || !m_process || m_process->processId() <= 0) return;
    m_state = RunState::stopping;
    interrupt(*m_process);
    m_kill_timer.start(m_patience_ms);
    emit changed();
}

void RunProcess::readLines() {
    m_line += m_process->readAllStandardError();
    for (qsizetype end = m_line.indexOf('\n'); end >= 0; end = m_line.indexOf('\n')) {
        takeLine(m_line.left(end));
        m_line.remove(0, end + 1);
    }
    if (m_line.size() > longest_line) m_line.clear();
}

void RunProcess::keep(const QString& line) {
    m_output += line + '\n';
    if (m_output.size() > longest_output) m_output.remove(0, m_output.indexOf('\n', longest_output / 4) + 1);
}

void RunProcess::takeLine(const QByteArray& line) {
    const QJsonObject object = QJsonDocument::fromJson(line).object();
    const QString event = object["event"].toString();
    if (event == "start") {
        m_steps = object["steps"].toInteger();
        if (m_state == RunState::starting) m_state = RunState::running;
    } else if (event == "step") {
        m_progress.push_back({object["step"].toInteger(), object["steps"].toInteger(), object["loss"].toDouble(),
                              static_cast<int64_t>(object["step_ns"].toDouble()), object["tokens_per_s"].toDouble(),
                              object["eta_s"].toDouble(-1)});
        m_steps = m_progress.back().steps;
        if (m_state == RunState::starting) m_state = RunState::running;
    } else if (event == "error") {
        m_message = object["message"].toString();
        keep("error: " + m_message);
    } else if (event == "notice") {
        return keep("note: " + object["message"].toString());
    } else if (event == "timers") {
        return keep(object["text"].toString().trimmed());
    } else if (event == "checkpoint") {
        return keep("checkpoint " + object["path"].toString());
    } else if (event == "end") {
        m_announced_stop = object["status"].toString() == "stopped";
    } else if (!event.isEmpty()) {
        return; // what a newer child may say
    } else {
        if (line.trimmed().isEmpty()) return;
        m_last_words = QString::fromUtf8(line.trimmed());
        return keep(m_last_words);
    }
    emit changed();
}

void RunProcess::finish(int exit_code, QProcess::ExitStatus status) {
    m_kill_timer.stop();
    readLines();
    if (!m_line.isEmpty()) takeLine(m_line); // a last line without an end
    m_line.clear();
    const bool asked_to_stop = m_state == RunState::stopping;
    if (status == QProcess::CrashExit) {
        m_state = asked_to_stop ? RunState::stopped : RunState::killed;
        m_message =
            asked_to_stop
                ? QString("The run did not end after its step and was killed; what it recorded stays open.")
                : QString(
                      "The run ended: its process was killed (signal %1)%2. What it recorded until then stays open.")
                      .arg(exit_code)
                      .arg(exit_code == SIGKILL
                               ? "; if nobody did that, the system ran out of memory: take fewer ranks "
                                 "or a smaller micro-batch"
                               : "; that is a fault of the program, its output helps to report it");
    } else if (m_announced_stop || (asked_to_stop && m_message.isEmpty())) {
        m_state = RunState::stopped;
    } else if (exit_code == 0) {
        m_state = RunState::finished;
    } else {
        m_state = RunState::failed;
        if (m_message.isEmpty()) m_message = m_last_words;
        if (m_message.isEmpty())
            m_message = QString("The run ended with exit code %1 and said nothing.").arg(exit_code);
    }
    m_folder.reset();
    emit changed();
    emit ended();
}

} // namespace shardscope::gui
