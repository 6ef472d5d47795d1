// SPDX-License-Identifier: Apache-2.0
// How long a trace of a given size takes to show its first picture and to answer any zoom. The traces are made for it,
// columns only, in the folder for temporary files (about 12 bytes per event).
#pragma once
#include "traces/result.h"
#include <cstdint>
#include <string>

namespace shardscope {

struct BenchTraceRequest {
    int64_t events = 1'000'000; // 10^5 to 10^8
    bool json = false;
};

// Layers of compute, each a few operations, with collectives beside them, on the lanes of four ranks: durations from
// below a microsecond to milliseconds. The same number gives the same trace.
Result<void> writeBenchTrace(const std::string& path, int64_t events);

// Traces of 10^5, 10^6 ... up to `events`: written, opened and drawn once, with the file dropped from the page cache.
Result<std::string> benchOpen(const BenchTraceRequest&);
// A seeded walk of 2,000 views from the whole trace down to single events, all lanes at 1920 pixels each.
Result<std::string> benchZoom(const BenchTraceRequest&);

} // namespace shardscope
