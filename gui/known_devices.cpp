// SPDX-License-Identifier: Apache-2.0
#include "gui/known_devices.h"
#include "core_runtime/device_list.h"
#include "core_runtime/link_model.h"
#include "gui/canvas/format.h"
#include "gui/run_request.h"
#include <algorithm>
#include <nlohmann/json.hpp>

namespace shardscope::gui {
namespace {

using Json = nlohmann::json;

std::string textOf(const Json& row, const char* key) {
    return row.is_object() && row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : std::string();
}

int64_t numberOf(const Json& row, const char* key, int64_t otherwise) {
    return row.is_object() && row.contains(key) && row[key].is_number_integer() ? row[key].get<int64_t>() : otherwise;
}

// The name of the field whose link keeps the run from a GPU; empty: none does.
std::string emulatedLink(const RunRequest& request) {
    for (const auto& [field, name] :
         {std::pair{"Link", &request.link}, {"Host link", &request.host_link}, {"Storage link", &request.storage_link}})
        if (const auto link = findLink(*name); link && link->emulates()) return field;
    return {};
}

} // namespace

std::string KnownDevices::words() const {
    if (!usable()) return "CPU ranks";
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

bool mayUseGpu(const RunRequest& request) {
    return request.backend == "cuda" || (request.backend == "auto" && emulatedLink(request).empty());
}

bool usesGpu(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    return devices && devices->usable() && mayUseGpu(request);
}

std::string whyNoGpu(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    if (!devices || usesGpu(request, devices)) return {};
    if (!devices->usable()) {
        std::string reason = devices->reason.empty() ? "No GPU was found" : devices->reason;
        if (const size_t said = reason.find(" (");
            said != std::string::npos && said > 0) // by the loader: details() have it
            reason.resize(said);
        if (reason.back() != '.') reason += '.';
        reason[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(reason[0])));
        return reason;
    }
    if (request.backend == "cpu") return "Backend is cpu; take auto to use a GPU.";
    if (const std::string field = emulatedLink(request); !field.empty())
        return field + " is emulated, and only CPU ranks do that; take none to use a GPU.";
    return "No such backend.";
}

std::string deviceProblem(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    if (!usesGpu(request, devices)) return {};
    const auto chosen = devicesOf(request.devices, static_cast<int>(devices->gpus.size()));
    return chosen ? std::string() : chosen.error().message + ".";
}

std::vector<int> chosenDevices(const RunRequest& request, const KnownDevices& devices) {
    const int count = static_cast<int>(devices.gpus.size());
    auto chosen = devicesOf(request.devices, count);
    if (!chosen) chosen = devicesOf("", count);
    return chosen ? *std::move(chosen) : std::vector<int>();
}

std::vector<DeviceUse> deviceUses(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    if (!usesGpu(request, devices)) return {};
    const int64_t ranks = std::max<int64_t>(1, integerOr(request.ranks, 1));
    const std::vector<int> chosen = chosenDevices(request, *devices);
    const auto gpu = [&](int device) { return devices->gpus[static_cast<size_t>(device)]; };
    if (ranks > std::ssize(chosen)) return {{chosen.front(), gpu(chosen.front()), 0, ranks}};
    std::vector<DeviceUse> uses;
    for (int64_t rank = 0; rank < ranks; ++rank) {
        const int device = chosen[static_cast<size_t>(rank)];
        uses.push_back({device, gpu(device), rank, 1});
    }
    return uses;
}

std::optional<DeviceShare> deviceShare(const RunRequest& request, const std::optional<KnownDevices>& devices) {
    const std::vector<DeviceUse> uses = deviceUses(request, devices);
    if (uses.empty()) return std::nullopt;
    const DeviceUse& least = *std::min_element(uses.begin(), uses.end(), [](const DeviceUse& a, const DeviceUse& b) {
        return a.gpu.memory_bytes < b.gpu.memory_bytes;
    });
    const bool alike = std::all_of(
        uses.begin(), uses.end(), [&](const DeviceUse& use) { return use.gpu.memory_bytes == least.gpu.memory_bytes; });
    DeviceShare share{least.gpu.memory_bytes / least.ranks, -1, least.gpu.name};
    if (least.ranks > 1)
        share.device += ", shared by " + std::to_string(least.ranks) + " virtual ranks";
    else if (!alike)
        share.device += " of rank " + std::to_string(least.first_rank) + ", the smallest";
    for (const DeviceUse& use : uses)
        if (use.gpu.free_bytes >= 0)
            share.free =
                share.free < 0 ? use.gpu.free_bytes / use.ranks : std::min(share.free, use.gpu.free_bytes / use.ranks);
    return share;
}

} // namespace shardscope::gui
