// SPDX-License-Identifier: Apache-2.0
// The clocks of several recordings of one run brought together by what all ranks see at the same moment: the end of a
// collective. A fit is a shift and a drift; what it leaves over says how far it can be trusted.
#pragma once
#include "traces/trace_reader.h"
#include <functional>
#include <tuple>

namespace shardscope {

struct ClockFit {
    int64_t matches = 0;     // collectives that both traces have
    int64_t shift_ns = 0;    // added at `at_ns`
    int64_t at_ns = 0;       // on the clock that is fitted
    double drift = 0;        // added per ns from there on
    int64_t residual_ns = 0; // half of the distance between the quartiles of what is left
    int64_t applied(int64_t time_ns) const;
};

inline constexpr int64_t fewest_matches = 3;
inline constexpr double greatest_drift = 1e-3; // quartz is a hundred times better

// Names a collective across ranks: step, op, name, and how often the rank had made that call before in the step.
using CollectiveCall = std::tuple<int32_t, int32_t, std::string, int64_t>;
void forEachCollective(const TraceReader&, int32_t rank,
                       const std::function<void(const CollectiveCall&, const IntervalEvent&)>& visit); // by start

// How the times of `other` become times of `reference`. The n-th call of an op in a step meets the n-th.
ClockFit fitClock(const TraceReader& reference, const TraceReader& other);

} // namespace shardscope
