// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/step_timers.h"
#include <algorithm>
#include <fmt/core.h>
#include <optional>

namespace shardscope {
namespace {

struct Extent { // from the first start to the last end
    std::optional<int64_t> start;
    int64_t end = 0;
    void add(const IntervalEvent& e) {
        start = std::min(start.value_or(e.start_ns), e.start_ns);
        end = std::max(end, e.end_ns);
    }
    int64_t ns() const { return start ? end - *start : 0; }
};

struct MicroBatch {
    Extent forward, backward;
    int64_t reduced_ns = 0; // end of the last gradient collective
};

double ms(int64_t ns) { return static_cast<double>(ns) * 1e-6; }

} // namespace

void StepTimerCollector::addLane(LaneId id, const LaneInfo& lane) {
    if (lane.rank == m_rank) m_lanes[id] = lane.kind;
}

void StepTimerCollector::add(const IntervalEvent& e) {
    if (e.step >= 0 && m_lanes.contains(e.lane)) m_steps[e.step].push_back(e);
}

StepTimers StepTimerCollector::take(int32_t step) {
    StepTimers timers{.step = step, .micro_batches = {}};
    std::vector<IntervalEvent> events = std::move(m_steps[step]);
    m_steps.erase(step);
    std::stable_sort(events.begin(), events.end(),
                     [](const IntervalEvent& a, const IntervalEvent& b) { return a.start_ns < b.start_ns; });
    Extent optimizer;
    std::vector<MicroBatch> batches;
    for (const IntervalEvent& e : events) {
        if (e.phase == Phase::optimizer) optimizer.add(e);
        if (m_lanes.at(e.lane) != LaneKind::compute) continue;
        if (e.phase == Phase::forward) {
            // A forward op after a backward op begins the next micro-batch.
            if (batches.empty() || batches.back().backward.start) batches.emplace_back();
            batches.back().forward.add(e);
        } else if ((e.phase == Phase::backward || e.phase == Phase::recompute) && !batches.empty()) {
            batches.back().backward.add(e);
        }
    }
    for (const IntervalEvent& e : events) {
        if (e.phase != Phase::backward || (e.op_class != OpClass::reduce_scatter && e.op_class != OpClass::all_reduce))
            continue;
        const auto of = std::find_if(batches.rbegin(), batches.rend(), [&](const MicroBatch& b) {
            return b.backward.start && *b.backward.start <= e.start_ns;
        });
        if (of != batches.rend()) of->reduced_ns = std::max(of->reduced_ns, e.end_ns);
    }
    for (const MicroBatch& b : batches)
        timers.micro_batches.push_back({.fwd = b.forward.ns(),
                                        .bwd_inner = b.backward.ns(),
                                        .bwd_allreduce = std::max<int64_t>(b.reduced_ns - b.backward.end, 0)});
    timers.optimizer = optimizer.ns();
    return timers;
}

std::string timerText(const StepTimers& timers, int32_t rank) {
    const std::string head = fmt::format("[Rank {}] step {} time (ms)", rank, timers.step);
    std::string text;
    MicroBatchTimers sum;
    for (size_t i = 0; i < timers.micro_batches.size(); ++i) {
        const MicroBatchTimers& m = timers.micro_batches[i];
        const bool last = i + 1 == timers.micro_batches.size();
        text += fmt::format("{} | fwd_microstep: {:.2f} | bwd_microstep: {:.2f} | bwd_inner_microstep: {:.2f} | "
                            "bwd_allreduce_microstep: {:.2f} | step_microstep: {:.2f}\n",
                            head, ms(m.fwd), ms(m.bwd()), ms(m.bwd_inner), ms(m.bwd_allreduce),
                            last ? ms(timers.optimizer) : 0);
        sum.fwd += m.fwd;
        sum.bwd_inner += m.bwd_inner;
        sum.bwd_allreduce += m.bwd_allreduce;
    }
    return text + fmt::format(
                      "{} | fwd: {:.2f} | bwd: {:.2f} | bwd_inner: {:.2f} | bwd_allreduce: {:.2f} | step: {:.2f}\n",
                      head, ms(sum.fwd), ms(sum.bwd()), ms(sum.bwd_inner), ms(sum.bwd_allreduce), ms(timers.optimizer));
}

} // namespace shardscope
