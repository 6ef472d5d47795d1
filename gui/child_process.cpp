// SPDX-License-Identifier: Apache-2.0
#include "gui/child_process.h"
#include <QProcess>
#include <csignal>

namespace shardscope::gui {

void interrupt(const QProcess& process) {
    if (process.processId() > 0) ::kill(static_cast<pid_t>(process.processId()), SIGINT);
}

void endChild(QProcess& process) {
    constexpr int farewell_ms = 2'000;
    if (process.state() == QProcess::NotRunning) return;
    process.disconnect();
    interrupt(process);
    if (process.waitForFinished(farewell_ms)) return;
    process.kill();
    process.waitForFinished(farewell_ms);
}

} // namespace shardscope::gui
