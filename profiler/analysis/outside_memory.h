// SPDX-License-Identifier: Apache-2.0
// Memory of a GPU that is in no arena of the run: what CUDA's libraries allocate, and CUPTI's own buffers as far as
// they are told. A counter of the trace per device; the ledger does not know it.
#pragma once
#include "traces/trace_reader.h"

namespace shardscope {

struct OutsideCurve {
    std::string name;             // "GPU 0 bytes outside the arenas"
    std::vector<int64_t> time_ns; // not falling; bytes[i] are held from time_ns[i] on
    std::vector<int64_t> bytes;
    int64_t highest = 0;
    int64_t at(int64_t time_ns) const; // 0 before the first
};
using OutsideCurves = std::map<int32_t, OutsideCurve>; // by rank: the lowest one of the device

OutsideCurves outsideCurves(const TraceReader&); // reads the file

} // namespace shardscope
