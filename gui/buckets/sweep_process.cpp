// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/sweep_process.h"
#include "gui/child_process.h"
#include "gui/units.h"
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <algorithm>
#include <filesystem>

namespace shardscope::gui {
namespace {

namespace fs = std::filesystem;

constexpr int patience_ms = 5'000;         // between asking the child to stop and killing it
constexpr qsizetype longest_line = 65'536; // a child that writes no line ends must not fill our memory

std::string entry(const Sweep& sweep, const char* key, const char* otherwise = "") {
    const auto found = sweep.base.find(key);
    return found == sweep.base.end() ? otherwise : found->second;
}

} // namespace

SweepRequest requestOf(const Sweep& sweep) {
    SweepRequest request{.repeat = sweep.repeat, .warmup_steps = sweep.warmup_steps, .folder = sweep.folder};
    request.run = {.model = entry(sweep, "model"),
                   .link = entry(sweep, "link", "none"),
                   .host_link = entry(sweep, "host_link", "none"),
                   .storage_link = entry(sweep, "storage_link", "none"),
                   .ranks = entry(sweep, "ranks", "1"),
                   .steps = std::to_string(sweep.steps),
                   .sequence = entry(sweep, "sequence", "0"),
                   .seed = entry(sweep, "seed", "1"),
                   .data = entry(sweep, "data"),
                   .config = entry(sweep, "config", "{}")};
    for (size_t k = 0; k < sweep.keys.size(); ++k) {
        std::vector<std::string> values;
        for (const SweepPoint& point : sweep.points)
            if (const std::string value = valueLabel(point.values[k]);
                (!point.is_default || !point.runs.empty()) &&
                std::find(values.begin(), values.end(), value) == values.end())
                values.push_back(value);
        std::string list;
        for (const std::string& value : values) list += (list.empty() ? "" : ",") + value;
        request.vary.push_back(sweep.keys[k] + "=" + list);
    }
    return request;
}

std::vector<std::string> sweepArguments(const SweepRequest& request, const std::string& config_path) {
    const RunRequest& run = request.run;
    const auto integer = [](const std::string& text) { // as people type it: 1,000 or 1e3
        int64_t value = 0;
        return parseInteger(text, value) ? std::to_string(value) : text;
    };
    std::vector<std::string> arguments = {"sweep",
                                          "--config",
                                          config_path,
                                          "--model",
                                          run.model,
                                          "--ranks",
                                          integer(run.ranks),
                                          "--steps",
                                          integer(run.steps),
                                          "--link",
                                          run.link,
                                          "--host-link",
                                          run.host_link,
                                          "--storage-link",
                                          run.storage_link,
                                          "--repeat",
                                          std::to_string(request.repeat),
                                          "--warmup",
                                          std::to_string(request.warmup_steps),
                                          "--output",
                                          request.folder,
                                          "--progress",
                                          "json"};
    const auto add = [&](const char* flag, const std::string& value) {
        if (!value.empty()) arguments.insert(arguments.end(), {flag, value});
    };
    add("--sequence", integer(run.sequence));
    add("--seed", integer(run.seed));
    add("--data", run.data);
    for (const std::string& vary : request.vary) add("--vary", vary);
    return arguments;
}

std::string defaultSweepFolder(const RunRequest& request) {
    const fs::path beside = fs::path(defaultTracePath(request)).parent_path();
    const std::string name = "sweep-" + fs::path(request.model).stem().string();
    std::error_code ignored;
    for (int number = 1;; ++number)
        if (const fs::path folder = beside / (name + "-" + std::to_string(number)); !fs::exists(folder, ignored))
            return folder.string();
}

SweepProcess::SweepProcess(QObject* parent)
    : QObject(parent) {
    m_kill_timer.setSingleShot(true);
    connect(&m_kill_timer, &QTimer::timeout, this, [this] {
        if (m_process) m_process->kill();
    });
}

SweepProcess::~SweepProcess() {
    if (m_process) endChild(*m_process);
}

void SweepProcess::fail(const QString& sentence) {
    m_state.kind = SweepState::failed;
    m_state.message = sentence;
    emit changed();
    emit ended();
}

void SweepProcess::start(const QString& program, const SweepRequest& request) {
    if (active()) return;
    m_state = {};
    m_line.clear();
    m_last_words.clear();
    m_notices.clear();
    m_folder = request.folder;
    const QString executable = m_program.isEmpty() ? program : m_program;
    if (executable.isEmpty())
        return fail("The command line program shardscope was not found beside this program or in PATH; install it "
                    "there.");
    m_private = std::make_unique<QTemporaryDir>(); // readable by this user only
    QFile config(m_private->filePath("ds_config.json"));
    if (!m_private->isValid() || !config.open(QIODevice::WriteOnly) ||
        config.write(QByteArray::fromStdString(request.run.config)) < 0)
        return fail("The configuration could not be written to the temporary folder; free some space there.");
    config.close();
    QStringList arguments;
    for (const std::string& argument : sweepArguments(request, config.fileName().toStdString()))
        arguments << QString::fromStdString(argument);
    m_process = std::make_unique<QProcess>();
    m_process->setStandardOutputFile(QProcess::nullDevice());
    connect(m_process.get(), &QProcess::readyReadStandardError, this, &SweepProcess::readLines);
    connect(m_process.get(), &QProcess::finished, this, &SweepProcess::finish);
    connect(m_process.get(), &QProcess::errorOccurred, this, [this, executable](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            fail(QString("%1 could not be started; check that it is executable.").arg(executable));
    });
    m_state.kind = SweepState::running;
    m_process->start(executable, arguments);
    emit changed();
}

void SweepProcess::stop() {
    if (!active() || !m_process || m_process->processId() <= 0) return;
    m_state.kind = SweepState::stopping;
    interrupt(*m_process);
    m_kill_timer.start(patience_ms);
    emit changed();
}

void SweepProcess::readLines() {
    m_line += m_process->readAllStandardError();
    for (qsizetype end = m_line.indexOf('\n'); end >= 0; end = m_line.indexOf('\n')) {
        takeLine(m_line.left(end));
        m_line.remove(0, end + 1);
    }
    if (m_line.size() > longest_line) m_line.clear();
}

void SweepProcess::takeLine(const QByteArray& line) {
    const QJsonObject object = QJsonDocument::fromJson(line).object();
    const QString event = object["event"].toString();
    if (event == "sweep") {
        m_state.runs = object["runs"].toInteger();
        emit measured(); // the file is there, with what was measured before
    } else if (event == "progress") {
        m_state.done = object["done"].toInteger();
        m_state.label = object["label"].toString().toStdString();
        m_state.round = object["round"].toInteger();
        m_state.step = object["step"].toInteger();
        m_state.steps = object["steps"].toInteger();
        m_state.eta_s = object["eta_s"].toDouble(-1);
    } else if (event == "run") {
        m_state.done = object["done"].toInteger();
        m_state.eta_s = object["eta_s"].toDouble(-1);
        emit measured();
    } else if (event == "notice") {
        m_notices << object["message"].toString();
    } else if (event == "error") {
        m_state.message = object["message"].toString();
    } else if (event.isEmpty() && !line.trimmed().isEmpty()) {
        m_last_words = QString::fromUtf8(line.trimmed());
    }
    emit changed();
}

void SweepProcess::finish(int exit_code, QProcess::ExitStatus status) {
    m_kill_timer.stop();
    readLines();
    if (!m_line.isEmpty()) takeLine(m_line);
    m_line.clear();
    const bool asked = m_state.kind == SweepState::stopping;
    m_private.reset();
    if (asked || exit_code == 130) {
        m_state.kind = SweepState::stopped;
    } else if (status == QProcess::CrashExit) {
        m_state.kind = SweepState::failed;
        m_state.message = QString("The sweep was killed (signal %1). What it has measured is kept; Resume goes on with "
                                  "the rest.")
                              .arg(exit_code);
    } else if (m_state.message.isEmpty() && m_state.runs > 0) {
        m_state.kind = SweepState::finished; // points that failed say so themselves
    } else if (exit_code != 0) {
        m_state.kind = SweepState::failed;
        if (m_state.message.isEmpty()) m_state.message = m_last_words;
        if (m_state.message.isEmpty())
            m_state.message = QString("The sweep ended with exit code %1 and said nothing.").arg(exit_code);
    } else {
        m_state.kind = SweepState::finished;
    }
    emit measured();
    emit changed();
    emit ended();
}

} // namespace shardscope::gui
