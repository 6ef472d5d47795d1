// SPDX-License-Identifier: Apache-2.0
// What stands beside the events of a PyTorch profiler trace, before or behind them: rank, clock base, devices.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace shardscope::importers {

struct KinetoMetadata {
    void take(const std::string& key, const std::string& json); // valid JSON
    std::string deviceName(const std::string& id) const;        // empty if unknown

    bool is_kineto = false;
    int64_t base_ns = 0; // added to all times
    std::optional<int32_t> rank;
    int64_t world_size = 0;
    int64_t errors = 0;      // that the profiler logged
    std::string environment; // host and user names; only for those who ask
    std::map<std::string, std::string> device_names;
};

} // namespace shardscope::importers
