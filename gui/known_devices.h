// SPDX-License-Identifier: Apache-2.0
// The GPUs that `shardscope doctor` found, and what a run would make of them: whether it takes any, which rank gets
// which, and how much memory that leaves it. The same rules as the command line's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shardscope::gui {

struct RunRequest;

struct KnownDevice {
    std::string name;
    int64_t memory_bytes = 0;
    int64_t free_bytes = -1; // when it was asked; -1: not known
    std::string compute_capability;
};

struct KnownDevices {
    std::vector<KnownDevice> gpus;
    std::string driver;       // "580.82.07"
    std::string auto_backend; // "cpu" or "cuda"
    std::string reason;       // why auto takes the processor, a sentence
    bool usable() const { return auto_backend == "cuda" && !gpus.empty(); }
    std::string words() const;   // "CPU ranks", "2 x NVIDIA H200"
    std::string details() const; // a line per device, or the reason
};

std::optional<KnownDevices> parseDevices(const std::string& doctor_json);

// Whether a run would use a GPU, as the command line decides it.
bool usesGpu(const RunRequest&, const std::optional<KnownDevices>&);
// The part of it that no device can change: CPU ranks are asked for, or needed because a link is emulated.
bool mayUseGpu(const RunRequest&);
// Why the run takes no GPU, a sentence with its remedy; empty: it does, or it is not known yet.
std::string whyNoGpu(const RunRequest&, const std::optional<KnownDevices>&);
// What is wrong with the list of GPUs of a run that takes some; empty: nothing.
std::string deviceProblem(const RunRequest&, const std::optional<KnownDevices>&);
// Ordinals in the order of the ranks; all of them where the request names none, or wrong ones.
std::vector<int> chosenDevices(const RunRequest&, const KnownDevices&);

// What the ranks have of one GPU: a rank each, or with fewer GPUs than ranks all of them on the first.
struct DeviceUse {
    int device = 0;
    KnownDevice gpu;
    int64_t first_rank = 0, ranks = 1; // more than one: virtual ranks
};
std::vector<DeviceUse> deviceUses(const RunRequest&, const std::optional<KnownDevices>&); // empty: CPU ranks

// What the rank that has least has.
struct DeviceShare {
    int64_t bytes = 0;  // per rank
    int64_t free = -1;  // per rank, when it was asked; -1: not known
    std::string device; // "NVIDIA H200, shared by 4 virtual ranks"
};
std::optional<DeviceShare> deviceShare(const RunRequest&, const std::optional<KnownDevices>&);

} // namespace shardscope::gui
