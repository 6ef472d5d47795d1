// SPDX-License-Identifier: Apache-2.0
// The arguments of a Chrome event that mean something here, by the names that PyTorch's profiler gives them. The views
// are good as long as the event's.
#pragma once
#include "traces/importers/json_event.h"
#include <cstdint>
#include <optional>

namespace shardscope::importers {

struct ChromeArguments {
    explicit ChromeArguments(const JsonEvent&);

    std::optional<int64_t> stream, correlation, external_id;
    std::string_view device;
    int64_t bytes = 0; // of a copy; signed change of memory
    // collectives
    std::string_view collective, dtype, group_name, group_description, group_ranks;
    int64_t in_elements = 0, out_elements = 0, group_size = 0;
    // [memory]
    std::optional<int64_t> device_type, total_allocated;
    std::string_view device_id;
    int64_t address = 0; // 0: not given
    bool has_bytes = false;
};

std::optional<double> decimalToDouble(std::string_view);

} // namespace shardscope::importers
