// SPDX-License-Identifier: Apache-2.0
#include "gui/device_probe.h"
#include "core_runtime/link_model.h"
#include "gui/canvas/format.h"
#include "gui/child_process.h"
#include <algorithm>
#include <nlohmann/json.hpp>

namespace shardscope::gui {
namespace {

using Json = nlohmann::json;

constexpr qsizetype longest_answer = 1 << 20;

std::string textOf(const Json& row, const char* key) {
    return row.is_object() && row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : std::string();
}

int64_t numberOf(const Json& row, const char* key, int64_t otherwise) {
    return row.is_object() && row.contains(key) && row[key].is_number_integer() ? row[key].get<int64_t>() : otherwise;
}

} // namespace

std::string KnownDevices::words() const {
    if (auto_backend != "cuda" || gpus.empty()) return "CPU ranks";
    bool alike = true;
    for (const KnownDevice& gpu : gpus) alike &= gpu.name == gpus.front().name;
    return (gpus.size() > 1 ? std::to_string(gpus.size()) + (alike ? " × " : " GPUs") : std::string()) +
           (alike ? gpus.front().name : std::string());
}

std::string KnownDevices::details() const {
    std::string text;
    for (size_t i = 0; i < gpus.size(); ++i) {
        const KnownDevice& gpu = gpus[i];
        text += (i > 0 ? "\n" : "") + std::string("GPU ") + std::to_string(i) + "  " + gpu.name + ", " +
                (gpu.free_bytes >= 0 ? formatBytes(gpu.free_bytes) + " free of " : "") + formatBytes(gpu.memory_bytes) +
                (gpu.compute_capability.empty() ? "" : ", compute " + gpu.compute_capability) +
                (driver.empty() ? "" : ", driver " + driver);
    }
    if (auto_backend != "cuda") text += (text.empty() ? "" : "\n") + reason;
    return text;
}

bool usesGpu(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    if (!devices || devices->auto_backend != "cuda" || devices->gpus.empty() || request.backend == "cpu") return false;
    if (request.backend == "cuda") return true;
    for (const std::string& name : {request.link, request.host_link, request.storage_link})
        if (const auto link = findLink(name); link && link->emulates()) return false;
    return true;
}

std::optional<DeviceShare> deviceShare(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    if (!usesGpu(request, devices)) return std::nullopt;
    const int64_t ranks = std::max<int64_t>(1, integerOr(request.ranks, 1));
    const KnownDevice& first = devices->gpus.front();
    const bool alone = ranks <= std::ssize(devices->gpus);
    const int64_t parts = alone ? 1 : ranks;
    return DeviceShare{first.memory_bytes / parts, first.free_bytes < 0 ? -1 : first.free_bytes / parts,
                       first.name + (alone ? "" : ", shared by " + std::to_string(ranks) + " virtual ranks")};
}

std::optional<KnownDevices> parseDevices(const std::string& doctor_json) {
    const Json document = Json::parse(doctor_json, nullptr, false);
    if (!document.is_object() || !document.contains("backend") || !document["backend"].is_array() ||
        document["backend"].empty())
        return std::nullopt;
    KnownDevices devices;
    devices.auto_backend = textOf(document["backend"][0], "auto");
    devices.reason = textOf(document["backend"][0], "reason");
    if (document.contains("gpus") && document["gpus"].is_array())
        for (const Json& row : document["gpus"])
            devices.gpus.push_back({textOf(row, "name"), numberOf(row, "memory_bytes", 0),
                                    numberOf(row, "free_bytes", -1), textOf(row, "compute_capability")});
    if (document.contains("machine") && document["machine"].is_array())
        for (const Json& row : document["machine"])
            if (textOf(row, "fact") == "NVIDIA driver") devices.driver = textOf(row, "value");
    return devices;
}

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
