// SPDX-License-Identifier: Apache-2.0
// The memory of one rank and tier, built from its changes. Changes come nearly in order of time; equal times keep the
// order in which they were recorded.
#pragma once
#include "traces/trace_reader.h"
#include <vector>

namespace shardscope {

class MemoryLedger {
public:
    struct Change {
        int64_t time_ns;
        MemoryCategory category;
        int64_t delta_bytes;
    };

    void append(std::vector<Change>);
    const MemoryCurve& curve() const { return m_curve; }

private:
    void truncate(size_t length);
    void extend();

    std::vector<Change> m_changes;
    MemoryCurve m_curve;
};

} // namespace shardscope
