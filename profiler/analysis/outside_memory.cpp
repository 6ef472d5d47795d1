// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/outside_memory.h"
#include <algorithm>
#include <cmath>

namespace shardscope {

int64_t OutsideCurve::at(int64_t time) const {
    const auto after = std::upper_bound(time_ns.begin(), time_ns.end(), time);
    return after == time_ns.begin() ? 0 : bytes[static_cast<size_t>(after - time_ns.begin()) - 1];
}

OutsideCurves outsideCurves(const TraceReader& trace) {
    OutsideCurves curves;
    for (CounterCurve& counter : trace.counters()) {
        if (!counter.name.ends_with(" bytes outside the arenas") || counter.time_ns.empty()) continue;
        OutsideCurve& curve = curves[counter.rank];
        curve.name = std::move(counter.name);
        curve.time_ns = std::move(counter.time_ns);
        curve.bytes.clear();
        for (const double value : counter.value) // a damaged file may hold anything
            curve.bytes.push_back(std::isfinite(value) && value > 0 && value < 9e18 ? std::llround(value) : 0);
        curve.highest = *std::max_element(curve.bytes.begin(), curve.bytes.end());
    }
    return curves;
}

} // namespace shardscope
