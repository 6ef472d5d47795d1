// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "traces/trace_writer.h"
#include <cassert>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shardscope::cli {

// Holds back what describes a run until the recorder commits for the first time: a run that fails before that leaves no
// trace, and an older trace of that name stays what it was.
class HeldSink final : public TraceSink {
public:
    explicit HeldSink(TraceWriter& writer)
        : m_writer(writer) {}
    NameId intern(std::string_view name) override {
        if (m_released) return m_writer.intern(name);
        const auto [at, fresh] = m_ids.try_emplace(std::string(name), static_cast<NameId>(m_names.size()));
        if (fresh) m_names.emplace_back(name);
        return at->second;
    }
    LaneId addLane(const LaneInfo& lane) override {
        if (m_released) return m_writer.addLane(lane);
        m_lanes.push_back(lane);
        return static_cast<LaneId>(m_lanes.size() - 1);
    }
    void append(std::span<const TraceEvent> events) override {
        if (m_released) return m_writer.append(events);
        m_events.insert(m_events.end(), events.begin(), events.end());
    }
    void release() {
        if (std::exchange(m_released, true)) return;
        for (size_t i = 0; i < m_names.size(); ++i) {
            [[maybe_unused]] const NameId id = m_writer.intern(m_names[i]);
            assert(id == static_cast<NameId>(i)); // writers number names and lanes in order
        }
        for (size_t i = 0; i < m_lanes.size(); ++i) {
            [[maybe_unused]] const LaneId id = m_writer.addLane(m_lanes[i]);
            assert(id == static_cast<LaneId>(i));
        }
        m_writer.append(m_events);
        m_events.clear();
    }
    bool released() const { return m_released; }

private:
    TraceWriter& m_writer;
    bool m_released = false;
    std::unordered_map<std::string, NameId> m_ids;
    std::vector<std::string> m_names;
    std::vector<LaneInfo> m_lanes;
    std::vector<TraceEvent> m_events;
};

} // namespace shardscope::cli
