// SPDX-License-Identifier: Apache-2.0
#include "traces/trace_rows.h"

namespace shardscope {

bool TraceRows::prepare() {
    return m_run.prepare(m_db, "INSERT OR REPLACE INTO run VALUES (?,?)") &&
           m_name.prepare(m_db, "INSERT INTO name VALUES (?,?)") &&
           m_lane.prepare(m_db, "INSERT INTO lane VALUES (?,?,?,?)") &&
           m_op.prepare(m_db, "INSERT OR REPLACE INTO op VALUES (?,?,?,?,?,?,?,?,?,?)") &&
           m_wait.prepare(m_db, "INSERT OR REPLACE INTO op_wait VALUES (?,?)") &&
           m_bucket.prepare(m_db, "INSERT OR REPLACE INTO bucket VALUES (?,?,?,?,?,?)") &&
           m_peak.prepare(m_db, "INSERT INTO planned_peak VALUES (?,?,?,?,?)") &&
           m_event.prepare(m_db, "INSERT INTO event_row VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)") &&
           m_memory.prepare(m_db, "INSERT INTO memory_row VALUES (?,?,?,?,?,?,?,?,?)") &&
           m_step.prepare(m_db, "INSERT OR REPLACE INTO step VALUES (?,?,?,?,?,?,?,?,?)") &&
           m_warning.prepare(m_db, "INSERT INTO warning VALUES (?,?,?,?)") &&
           m_group.prepare(m_db, "INSERT OR REPLACE INTO process_group VALUES (?,?,?,?,?)") &&
           m_counter.prepare(m_db, "INSERT INTO counter_row VALUES (?,?,?,?,?)");
}

void TraceRows::finalize() {
    for (Statement* s : {&m_run, &m_name, &m_lane, &m_op, &m_wait, &m_bucket, &m_peak, &m_event, &m_memory, &m_step,
                         &m_warning, &m_group, &m_counter})
        s->finalize();
}

bool TraceRows::putName(NameId id, std::string_view text) {
    m_name.bind(0, static_cast<int64_t>(id));
    m_name.bind(1, text);
    return m_name.run();
}

bool TraceRows::putLane(LaneId id, const LaneInfo& lane) {
    m_lane.bind(0, static_cast<int64_t>(id));
    m_lane.bind(1, int64_t{lane.rank});
    m_lane.bind(2, toText(lane.kind));
    m_lane.bind(3, lane.name);
    return m_lane.run();
}

bool TraceRows::put(const IntervalEvent& e, int64_t id) {
    Statement& s = m_event;
    s.bind(0, id);
    s.bind(1, static_cast<int64_t>(e.lane));
    s.bind(2, e.start_ns);
    s.bind(3, e.end_ns);
    s.bindUnless(4, static_cast<int64_t>(e.op), -1);
    s.bindUnless(5, static_cast<int64_t>(e.name), -1);
    s.bindUnless(6, e.step, -1);
    s.bind(7, static_cast<int64_t>(e.phase));
    s.bind(8, static_cast<int64_t>(e.op_class));
    s.bindUnless(9, e.layer, -1);
    s.bindUnless(10, e.bucket, -1);
    s.bind(11, e.elements);
    s.bind(12, e.bytes);
    s.bind(13, e.sent_bytes);
    s.bind(14, e.wait_ns);
    s.bind(15, e.emulated_ns);
    s.bindUnless(16, e.correlation, -1);
    s.bindUnless(17, e.process_group, -1);
    return s.run();
}

bool TraceRows::put(const MemoryEvent& e) {
    Statement& s = m_memory;
    s.bind(0, ++m_memory_changes);
    s.bind(1, e.time_ns);
    s.bind(2, int64_t{e.rank});
    s.bind(3, static_cast<int64_t>(e.tier));
    s.bind(4, static_cast<int64_t>(e.category));
    s.bind(5, e.delta_bytes);
    s.bindUnless(6, static_cast<int64_t>(e.buffer), -1);
    s.bindUnless(7, static_cast<int64_t>(e.op), -1);
    s.bindUnless(8, e.step, -1);
    return s.run();
}

bool TraceRows::put(const StepEvent& e) {
    Statement& s = m_step;
    s.bind(0, int64_t{e.step});
    s.bind(1, e.start_ns);
    s.bind(2, e.end_ns);
    s.bind(3, e.loss); // SQLite keeps not-a-number as NULL
    s.bind(4, e.learning_rate);
    s.bind(5, e.tokens);
    s.bind(6, e.gradient_norm);
    s.bind(7, e.loss_scale);
    s.bind(8, int64_t{e.skipped});
    return s.run();
}

bool TraceRows::put(const RunInfoEvent& e) {
    m_run.bind(0, e.key);
    m_run.bind(1, e.value);
    return m_run.run();
}

bool TraceRows::put(const ProgramOpEvent& e) {
    Statement& s = m_op;
    const auto id = static_cast<int64_t>(e.op);
    s.bind(0, id);
    s.bind(1, e.name);
    s.bind(2, toText(e.lane));
    s.bind(3, toText(e.phase));
    s.bind(4, toText(e.op_class));
    s.bindUnless(5, e.layer, -1);
    s.bindUnless(6, e.bucket, -1);
    s.bind(7, e.elements);
    s.bind(8, e.bytes);
    e.config_key.empty() ? s.bindNull(9) : s.bind(9, e.config_key);
    if (!s.run()) return false;
    for (const OpId before : e.waits_for) {
        m_wait.bind(0, id);
        m_wait.bind(1, static_cast<int64_t>(before));
        if (!m_wait.run()) return false;
    }
    return true;
}

bool TraceRows::put(const BucketEvent& e) {
    Statement& s = m_bucket;
    s.bind(0, int64_t{e.bucket});
    s.bind(1, e.elements);
    s.bind(2, e.padded_elements);
    s.bind(3, e.bytes);
    s.bind(4, e.parameters);
    s.bind(5, e.closed_because);
    return s.run();
}

bool TraceRows::put(const PlannedPeakEvent& e) {
    Statement& s = m_peak;
    s.bind(0, ++m_peaks);
    s.bind(1, int64_t{e.rank});
    s.bind(2, toText(e.tier));
    s.bind(3, e.category ? toText(*e.category) : std::string_view("total"));
    s.bind(4, e.bytes);
    return s.run();
}

bool TraceRows::put(const WarningEvent& e) {
    Statement& s = m_warning;
    s.bind(0, ++m_warnings);
    s.bind(1, e.kind);
    s.bind(2, e.text);
    s.bind(3, e.count);
    return s.run();
}

bool TraceRows::put(const ProcessGroupEvent& e) {
    Statement& s = m_group;
    s.bind(0, int64_t{e.group});
    s.bind(1, e.name);
    s.bind(2, e.description);
    s.bind(3, e.size);
    s.bind(4, e.ranks);
    return s.run();
}

bool TraceRows::put(const CounterEvent& e) {
    Statement& s = m_counter;
    s.bind(0, ++m_counters);
    s.bind(1, e.time_ns);
    s.bind(2, int64_t{e.rank});
    s.bind(3, static_cast<int64_t>(e.name));
    s.bind(4, e.value);
    return s.run();
}

} // namespace shardscope
