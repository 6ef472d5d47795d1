// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/device_list.h"
#include <algorithm>
#include <charconv>

namespace shardscope {

Result<std::vector<int>> devicesOf(const std::string& list, int count) {
    std::vector<int> devices;
    for (int device = 0; list.empty() && device < count; ++device) devices.push_back(device);
    for (size_t from = 0; !list.empty() && from <= list.size();) {
        const size_t comma = std::min(list.find(',', from), list.size());
        const std::string part = list.substr(from, comma - from);
        int device = -1;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), device);
        if (error != std::errc() || end != part.data() + part.size())
            return Error{"--devices is '" + list + "'; give numbers of GPUs with commas between them, such as 0,2"};
        if (device < 0 || device >= count)
            return Error{"--devices names GPU " + part + "; this machine has " + std::to_string(count) +
                         ", counted from 0"};
        if (std::find(devices.begin(), devices.end(), device) != devices.end())
            return Error{"--devices names GPU " + part + " twice; give each once"};
        devices.push_back(device);
        from = comma + 1;
    }
    return devices;
}

} // namespace shardscope
