// SPDX-License-Identifier: Apache-2.0
#include "gui/device_probe.h"
#include "gui/child_process.h"

namespace shardscope::gui {
namespace {

constexpr qsizetype longest_answer = 1 << 20;

} // namespace

DeviceProbe::DeviceProbe(QObject* parent)
    : QObject(parent) {}

DeviceProbe::~DeviceProbe() {
    if (m_process) endChild(*m_process);
}

void DeviceProbe::start(const QString& program) {
    if (m_process) return;
    if (program.isEmpty()) return fail("The command line program shardscope, which looks for GPUs, was not found.");
    m_process = std::make_unique<QProcess>();
    m_process->setStandardErrorFile(QProcess::nullDevice());
    connect(m_process.get(), &QProcess::finished, this, &DeviceProbe::finish);
    connect(m_process.get(), &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) finish(-1);
    });
    m_process->start(program, {"doctor", "--format", "json"});
}

void DeviceProbe::finish(int exit_code) {
    const QByteArray answer = exit_code == 0 ? m_process->read(longest_answer) : QByteArray();
    m_process.release()->deleteLater(); // it is in the middle of its own signal
    if (exit_code == 0) m_devices = parseDevices(answer.toStdString());
    if (exit_code != 0 || !m_devices)
        return fail("shardscope doctor, which looks for GPUs, did not end well; run it in a terminal.");
    emit changed();
}

void DeviceProbe::fail(const char* sentence) {
    m_devices = KnownDevices{.gpus = {}, .driver = {}, .auto_backend = "cpu", .reason = sentence};
    emit changed();
}

} // namespace shardscope::gui
