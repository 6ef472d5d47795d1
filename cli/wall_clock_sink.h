// SPDX-License-Identifier: Apache-2.0
// Listens to a run for DeepSpeed's wall_clock_breakdown and passes everything on to the trace, if there is one.
#pragma once
#include "profiler/analysis/step_timers.h"
#include "traces/trace_sink.h"
#include <mutex>
#include <utility>

namespace shardscope::cli {

class WallClockSink final : public TraceSink {
public:
    explicit WallClockSink(TraceSink* next) // may be null
        : m_next(next) {}
    NameId intern(std::string_view name) override { return m_next ? m_next->intern(name) : NameId::none; }
    LaneId addLane(const LaneInfo& lane) override {
        const LaneId id = m_next ? m_next->addLane(lane) : static_cast<LaneId>(m_lanes++);
        m_timers.addLane(id, lane);
        return id;
    }
    void append(std::span<const TraceEvent> events) override {
        for (const TraceEvent& event : events) {
            if (const auto* interval = std::get_if<IntervalEvent>(&event)) m_timers.add(*interval);
            if (const auto* step = std::get_if<StepEvent>(&event)) { // comes after the intervals of its step
                const std::string text = timerText(m_timers.take(step->step), 0);
                std::lock_guard lock(m_mutex);
                m_text += text;
            }
        }
        if (m_next) m_next->append(events);
    }
    std::string takeText() { // of the steps that the recorder has seen end; from any thread
        std::lock_guard lock(m_mutex);
        return std::exchange(m_text, {});
    }

private:
    TraceSink* m_next;
    int32_t m_lanes = 0;
    StepTimerCollector m_timers{0};
    std::mutex m_mutex; // guards what follows
    std::string m_text;
};

} // namespace shardscope::cli
