// SPDX-License-Identifier: Apache-2.0
// The narrow waist: the executor's recorder, and later the simulator, CUPTI and the importers, all write here. A new
// kind of event adds a member to TraceEvent and no method. A sink is used from one thread at a time.
#pragma once
#include "traces/trace_event.h"
#include <span>
#include <string_view>

namespace shardscope {

class TraceSink {
public:
    virtual ~TraceSink() = default;
    virtual NameId intern(std::string_view) = 0; // the same text always gives the same id
    virtual LaneId addLane(const LaneInfo&) = 0;
    virtual void append(std::span<const TraceEvent>) = 0;
};

} // namespace shardscope
