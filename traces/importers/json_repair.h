// SPDX-License-Identifier: Apache-2.0
// Reads one JSON value from text that may be damaged and writes it as valid JSON, so that one strict reader serves both
// sound and damaged files. Repairs what profilers are known to write: bare words such as N/A or nan, invalid escapes,
// control characters, quotes that are not escaped, bytes that are not UTF-8.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace shardscope::importers {

struct RepairCounts {
    int64_t words = 0, escapes = 0, controls = 0, quotes = 0, bytes = 0, deep = 0;
};

enum class RepairOutcome {
    complete,
    unfinished, // the text ends before the value does
    hopeless    // this is no JSON value
};

// `out` is replaced; `used` is how far the value reaches in `text`. Values nested deeper than 64 become null.
RepairOutcome repairValue(std::string_view text, std::string& out, size_t& used, RepairCounts&);

} // namespace shardscope::importers
