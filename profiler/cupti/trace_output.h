// SPDX-License-Identifier: Apache-2.0
// Writes what was joined into a trace: makes its lanes and names when they are first needed. Used where the sink is
// used, which is another thread than the one that joins; a delivery therefore carries all it needs.
#pragma once
#include "profiler/cupti/op_join.h"
#include "traces/trace_sink.h"

namespace shardscope::cupti {

struct Delivery {
    std::vector<JoinedEvent> joined;
    std::vector<std::string> new_names; // continue those of the deliveries before
};

class TraceOutput {
public:
    void write(TraceSink&, const Delivery&);

private:
    std::vector<NameId> m_names;
    std::map<LaneKey, LaneId> m_lanes;
};

std::string laneName(const LaneKey&); // "GPU 0 stream 13"

} // namespace shardscope::cupti
