// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/machine/device_peaks.h"

namespace shardscope {
namespace {

struct Sheet {
    std::string_view name; // part of the driver's name; a longer name stands before the shorter one it contains
    SheetPeaks peaks;
};

constexpr double tera = 1e12;
constexpr Sheet sheets[] = {
    {"H200 NVL", {60 * tera, 835 * tera, 4.8 * tera}},
    {"H200", {67 * tera, 989 * tera, 4.8 * tera}},
    {"H100 NVL", {60 * tera, 835 * tera, 3.9 * tera}},
    {"H100 PCIe", {51 * tera, 756 * tera, 2.0 * tera}},
    {"H100 80GB HBM3", {67 * tera, 989 * tera, 3.35 * tera}},
    {"A100-SXM4-80GB", {19.5 * tera, 312 * tera, 2.039 * tera}},
    {"A100-SXM4-40GB", {19.5 * tera, 312 * tera, 1.555 * tera}},
    {"A100 80GB PCIe", {19.5 * tera, 312 * tera, 1.935 * tera}},
    {"A100-PCIE-40GB", {19.5 * tera, 312 * tera, 1.555 * tera}},
    {"L40S", {91.6 * tera, 362 * tera, 0.864 * tera}},
    {"NVIDIA L4", {30.3 * tera, 121 * tera, 0.3 * tera}},
    {"Tesla T4", {8.1 * tera, 65 * tera, 0.32 * tera}},
};

} // namespace

std::optional<SheetPeaks> sheetPeaks(std::string_view device_name) {
    for (const Sheet& sheet : sheets) {
        const size_t at = device_name.find(sheet.name);
        if (at == std::string_view::npos) continue;
        const size_t end = at + sheet.name.size(); // "NVIDIA L4" is not an L40
        if (end < device_name.size() && device_name[end] >= '0' && device_name[end] <= '9') continue;
        return sheet.peaks;
    }
    return std::nullopt;
}

} // namespace shardscope
