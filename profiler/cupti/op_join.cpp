// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti/op_join.h"
#include <algorithm>

namespace shardscope::cupti {
namespace {

constexpr int step_bits = 24, rank_bits = 16, op_bits = 24;
constexpr int kept_flushes = 2; // for records that are late

bool byStart(const DeviceWork& a, const DeviceWork& b) { return a.start_ns < b.start_ns; }

} // namespace

uint64_t opInstance(int32_t step, int32_t rank, OpId op) {
    const auto low = [](int32_t value, int bits) { return static_cast<uint64_t>(value) & ((uint64_t{1} << bits) - 1); };
    return low(step, step_bits) << (rank_bits + op_bits) | low(rank, rank_bits) << op_bits |
           low(static_cast<int32_t>(op), op_bits);
}

void OpJoin::nameStream(uint32_t device, uint32_t stream, int32_t rank, LaneKind kind) {
    m_streams[{device, stream}] = {rank, kind};
}

int32_t OpJoin::rankOfDevice(uint32_t device) const {
    int32_t lowest = -1;
    for (const auto& [stream, owner] : m_streams)
        if (stream.first == device && (lowest < 0 || owner.rank < lowest)) lowest = owner.rank;
    return std::max(lowest, 0);
}

OpJoin::StreamOwner OpJoin::ownerOf(const DeviceWork& w) const {
    const auto owner = m_streams.find({w.device, w.stream});
    return owner == m_streams.end() ? StreamOwner{rankOfDevice(w.device), LaneKind::compute} : owner->second;
}

void OpJoin::addOp(int32_t rank, const IntervalEvent& event) {
    m_ops[opInstance(event.step, rank, event.op)] = {{.event = event, .rank = rank}};
}

void OpJoin::add(const RecordBatch& batch) {
    for (const DeviceWork& w : batch.work) m_work.push_back({w});
    for (const Correlation& c : batch.correlations) m_instances[c.correlation] = {c.op_instance};
    for (const Launch& l : batch.launches) m_launches[l.correlation] = {l};
    m_waits.insert(m_waits.end(), batch.waits.begin(), batch.waits.end());
    m_overheads.insert(m_overheads.end(), batch.overheads.begin(), batch.overheads.end());
}

// The call that launched the work, in the lane of its thread: from there on the device could have started.
void OpJoin::emitLaunch(int32_t rank, const DeviceWork& w, const IntervalEvent& cause, std::vector<JoinedEvent>& out) {
    const auto launch = m_launches.find(w.correlation);
    if (launch == m_launches.end()) return;
    const Launch& l = launch->second.value;
    IntervalEvent e{.op = cause.op, .start_ns = l.start_ns, .end_ns = l.end_ns, .step = cause.step};
    e.phase = cause.phase;
    e.op_class = OpClass::api_call;
    e.correlation = w.correlation;
    out.push_back({{Row::launches, rank, LaneKind::host, 0, l.thread}, l.name, e});
    m_launches.erase(launch);
}

// Its op is none of the program's, or has left without it.
void OpJoin::emitLoose(const DeviceWork& w, std::vector<JoinedEvent>& out) {
    const auto instance = m_instances.find(w.correlation);
    const bool late = instance != m_instances.end();
    ++(late ? m_counts.late_work : m_counts.work_without_op);
    const StreamOwner owner = ownerOf(w);
    IntervalEvent e{.start_ns = w.start_ns, .end_ns = w.end_ns, .phase = Phase::unknown, .op_class = w.op_class};
    e.bytes = w.bytes;
    e.correlation = w.correlation;
    if (late) {
        e.op = static_cast<OpId>(instance->second.value & ((uint64_t{1} << op_bits) - 1));
        e.step = static_cast<int32_t>(instance->second.value >> (rank_bits + op_bits));
    }
    emitLaunch(owner.rank, w, e, out);
    out.push_back({{Row::stream, owner.rank, owner.kind, w.device, w.stream}, w.name, e});
}

LaneKey OpJoin::opLane(const RunningOp& op) const {
    const LaneKind kind = isCollective(op.event.op_class)      ? LaneKind::comm
                          : op.event.op_class == OpClass::copy ? LaneKind::copy
                                                               : LaneKind::compute;
    for (const auto& [stream, owner] : m_streams)
        if (owner.rank == op.rank && owner.kind == kind)
            return {Row::stream, op.rank, kind, stream.first, stream.second};
    return {Row::ops, op.rank, kind, 0, 0};
}

// A collective is one interval, whatever it consists of, because its bytes and its waiting are those of the whole. Its
// arrival is as long before its first kernel as the ranks' meeting says.
void OpJoin::emitCollective(const RunningOp& op, std::vector<JoinedEvent>& out) {
    IntervalEvent e = op.event;
    const DeviceWork& first = op.work.front();
    e.start_ns = first.start_ns - e.wait_ns;
    e.end_ns = std::max_element(op.work.begin(), op.work.end(), [](const DeviceWork& a, const DeviceWork& b) {
                   return a.end_ns < b.end_ns;
               })->end_ns;
    e.correlation = first.correlation;
    out.push_back({{Row::stream, op.rank, LaneKind::comm, first.device, first.stream}, -1, e});
    for (const DeviceWork& w : op.work) {
        IntervalEvent part{.op = e.op, .start_ns = w.start_ns, .end_ns = w.end_ns, .step = e.step};
        part.phase = e.phase;
        part.op_class = OpClass::annotation;
        part.bucket = e.bucket;
        part.layer = e.layer;
        part.bytes = w.bytes;
        out.push_back({{Row::parts, op.rank, LaneKind::comm, w.device, w.stream}, w.name, part});
        emitLaunch(op.rank, w, e, out);
    }
}

void OpJoin::emitOp(RunningOp& op, std::vector<JoinedEvent>& out) {
    if (op.work.empty()) {
        ++m_counts.ops_without_records;
        out.push_back({opLane(op), -1, op.event});
        return;
    }
    std::sort(op.work.begin(), op.work.end(), byStart);
    if (isCollective(op.event.op_class)) return emitCollective(op, out);
    bool counted = false; // what a computation writes is written once, by all of its kernels together
    for (const DeviceWork& w : op.work) {
        IntervalEvent e = op.event;
        e.start_ns = w.start_ns;
        e.end_ns = w.end_ns;
        e.op_class = w.op_class == OpClass::copy ? OpClass::copy : OpClass::compute;
        e.correlation = w.correlation;
        e.emulated_ns = 0;
        if (w.op_class == OpClass::copy)
            e.bytes = w.bytes;
        else if (counted)
            e.bytes = 0;
        if (counted) e.elements = 0;
        counted = true;
        emitLaunch(op.rank, w, e, out);
        out.push_back({{Row::stream, op.rank, ownerOf(w).kind, w.device, w.stream}, w.name, e});
    }
}

template <class Map> void OpJoin::age(Map& map) {
    for (auto at = map.begin(); at != map.end();) at = ++at->second.age > kept_flushes ? map.erase(at) : std::next(at);
}

void OpJoin::giveWorkToOps(bool last, std::vector<JoinedEvent>& out) {
    std::vector<Aged<DeviceWork>> later;
    for (Aged<DeviceWork>& w : m_work) {
        const auto instance = m_instances.find(w.value.correlation);
        if (instance != m_instances.end()) instance->second.age = 0; // wanted as long as its work waits
        const auto op = instance == m_instances.end() ? m_ops.end() : m_ops.find(instance->second.value);
        if (op != m_ops.end())
            op->second.value.work.push_back(w.value);
        else if (++w.age <= kept_flushes && !last)
            later.push_back(w);
        else
            emitLoose(w.value, out);
    }
    m_work = std::move(later);
}

// Waits and overheads say what the host or CUPTI did, and belong to no op.
void OpJoin::emitBeside(std::vector<JoinedEvent>& out) {
    const auto beside = [&](const LaneKey& lane, const auto& span) {
        IntervalEvent e{.start_ns = span.start_ns, .end_ns = span.end_ns, .phase = Phase::unknown};
        e.op_class = OpClass::annotation;
        out.push_back({lane, span.name, e});
    };
    for (const StreamWait& w : m_waits) {
        LaneKey lane{Row::waits, 0, LaneKind::host, 0, 0};
        for (const auto& [stream, owner] : m_streams)
            if (stream.second == w.stream) lane = {Row::waits, owner.rank, LaneKind::host, stream.first, 0};
        beside(lane, w);
    }
    for (const OverheadSpan& o : m_overheads) beside({Row::overhead, 0, LaneKind::host, 0, 0}, o);
    m_waits.clear();
    m_overheads.clear();
}

std::vector<JoinedEvent> OpJoin::take(bool last) {
    std::vector<JoinedEvent> out;
    giveWorkToOps(last, out);
    for (auto at = m_ops.begin(); at != m_ops.end();) {
        const bool complete = at->second.age++ > 0 || last;
        if (complete) emitOp(at->second.value, out);
        at = complete ? m_ops.erase(at) : std::next(at);
    }
    emitBeside(out);
    age(m_instances);
    age(m_launches);
    std::stable_sort(out.begin(), out.end(),
                     [](const JoinedEvent& a, const JoinedEvent& b) { return a.event.start_ns < b.event.start_ns; });
    return out;
}

} // namespace shardscope::cupti
