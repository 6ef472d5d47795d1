// SPDX-License-Identifier: Apache-2.0
// Memory of the devices that the run's own ledger does not know: what libraries allocate. A counter per device; one
// thread at a time.
#pragma once
#include "profiler/cupti/op_join.h"
#include "traces/trace_sink.h"
#include <set>

namespace shardscope::cupti {

class OutsideMemory {
public:
    void ignore(uint64_t address) { m_own.insert(address); } // an arena
    void add(const std::vector<MemoryChange>&);              // in any order of time
    struct Curves {
        struct Point {
            int64_t time_ns;
            int32_t rank;
            uint32_t device;
            int64_t bytes; // held from now on
        };
        std::vector<Point> points;
        int64_t unmatched_releases = 0; // of what was allocated before the recording
    };
    Curves curves(const OpJoin&) const;

private:
    std::set<uint64_t> m_own;
    std::vector<MemoryChange> m_changes;
};

void writeCounters(TraceSink&, const OutsideMemory::Curves&);

} // namespace shardscope::cupti
