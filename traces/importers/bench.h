// SPDX-License-Identifier: Apache-2.0
// How fast Chrome JSON becomes a trace, beside a bare simdjson pass over the same bytes in memory.
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <string>

namespace shardscope {

struct BenchImportRequest {
    int64_t events = 1'000'000; // of the file that is made, 10^3 to 10^8
    bool json = false;
};

// Needs about 140 bytes per event in the folder for temporary files.
Result<std::string> benchImport(const BenchImportRequest&);

} // namespace shardscope
