// SPDX-License-Identifier: Apache-2.0
// Which GPUs this machine has and what `--backend auto` would take, asked of `shardscope doctor`, a child process:
// loading a driver takes seconds, and one that is broken takes its process with it. The same program starts the runs,
// so that what it says is what a run will find.
#pragma once
#include "gui/known_devices.h"
#include <QObject>
#include <QProcess>
#include <memory>
#include <optional>

namespace shardscope::gui {

class DeviceProbe : public QObject {
    Q_OBJECT
public:
    explicit DeviceProbe(QObject* parent = nullptr);
    ~DeviceProbe() override;            // ends the child
    void start(const QString& program); // once; later calls ask again when the child before has ended
    bool active() const { return m_process != nullptr; }
    const std::optional<KnownDevices>& devices() const { return m_devices; }

signals:
    void changed();

private:
    void finish(int exit_code);
    void fail(const char* sentence);
    std::unique_ptr<QProcess> m_process;
    std::optional<KnownDevices> m_devices;
};

} // namespace shardscope::gui
