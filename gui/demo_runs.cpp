// SPDX-License-Identifier: Apache-2.0
#include "gui/demo_runs.h"
#include "gui/config_text.h"
#include <QDir>
#include <QStandardPaths>

namespace shardscope::gui {
namespace {

constexpr int last_stage = 3;
constexpr const char* demo_steps = "12";

} // namespace

DemoRuns::DemoRuns(QObject* parent)
    : QObject(parent) {
    connect(&m_run, &RunProcess::changed, this, &DemoRuns::changed);
    connect(&m_run, &RunProcess::ended, this, &DemoRuns::stageEnded);
}

bool DemoRuns::start() {
    if (active()) return true;
    if (m_folder.isEmpty()) m_folder = QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) + "/demo";
    if (!QDir().mkpath(m_folder)) {
        emit failed(m_folder + " could not be created, so the demo has no place for its traces.");
        return false;
    }
    m_stage = 0;
    return next();
}

bool DemoRuns::next() {
    RunRequest request;
    request.steps = demo_steps;
    request.config = withConfigValue(startingConfig(), "zero_optimization.stage", std::to_string(m_stage));
    request.trace = QString("%1/zero%2.shardscope").arg(m_folder).arg(m_stage).toStdString();
    if (m_run.start(request)) {
        emit changed();
        return true;
    }
    m_stage = -1;
    emit failed("The demo could not start: " + m_run.message());
    emit changed();
    return false;
}

void DemoRuns::stageEnded() {
    if (!active()) return; // cancelled
    if (m_run.state() != RunState::finished) {
        const int stage = std::exchange(m_stage, -1);
        emit failed(QString("The demo ended at ZeRO stage %1: %2").arg(stage).arg(m_run.message()));
        emit changed();
        return;
    }
    emit finishedStage(QString::fromStdString(m_run.tracePath()));
    if (++m_stage <= last_stage) {
        next();
        return;
    }
    m_stage = -1;
    emit finishedAll();
    emit changed();
}

void DemoRuns::cancel() {
    m_stage = -1;
    m_run.stop();
    emit changed();
}

QString DemoRuns::progressText() const {
    if (!active()) return {};
    const auto& steps = m_run.progress();
    return QString("ZeRO-%1, step %2 of %3")
        .arg(m_stage)
        .arg(steps.empty() ? 0 : steps.back().step + 1)
        .arg(demo_steps);
}

} // namespace shardscope::gui
