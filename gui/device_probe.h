// SPDX-License-Identifier: Apache-2.0
// Which GPUs this machine has and what `--backend auto` would take, asked of `shardscope doctor`, a child process:
// loading a driver takes seconds, and one that is broken takes its process with it. The same program starts the runs,
// so that what it says is what a run will find.
#pragma once
#include "gui/run_request.h"
#include <QObject>
#include <QProcess>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

struct KnownDevice {
    std::string name;
    int64_t memory_bytes = 0;
    int64_t free_bytes = -1; // when it was asked; -1: not known
    std::string compute_capability;
};

struct KnownDevices {
    std::vector<KnownDevice> gpus;
    std::string driver;          // "580.82.07"
    std::string auto_backend;    // "cpu" or "cuda"
    std::string reason;          // why auto takes the processor, a sentence
    std::string words() const;   // "CPU ranks", "2 x NVIDIA H200"
    std::string details() const; // a line per device, or the reason
};

// Whether a run would use a GPU, as the command line decides it.
bool usesGpu(const RunRequest&, const std::optional<KnownDevices>&);
// What one rank has of a GPU: all of it, or with fewer GPUs than ranks a part of the first.
struct DeviceShare {
    int64_t bytes = 0;  // per rank
    int64_t free = -1;  // per rank, when it was asked; -1: not known
    std::string device; // "NVIDIA H200, shared by 4 virtual ranks"
};
std::optional<DeviceShare> deviceShare(const RunRequest&, const std::optional<KnownDevices>&);

std::optional<KnownDevices> parseDevices(const std::string& doctor_json);

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
