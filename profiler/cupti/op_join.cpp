// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti/op_join.h"
#include <algorithm>

namespace shardscope::cupti {
namespace {

constexpr int step_bits = 24, rank_bits = 16, op_bits = 24;
constexpr int kept_flushes = 2; // for records that are late
constexpr int kept_calls = 16;  // some seconds: which op launched what is known for work that comes much later

int32_t rankIn(uint64_t instance) {
    return static_cast<int32_t>(instance >> op_bits & ((uint64_t{1} << rank_bits) - 1));
}
int32_t stepIn(uint64_t instance) { return static_cast<int32_t>(instance >> (rank_bits + op_bits)); }
OpId opIn(uint64_t instance) { return static_cast<OpId>(instance & ((uint64_t{1} << op_bits) - 1)); }
uint64_t ofAnyStep(uint64_t instance) { return instance & ((uint64_t{1} << (rank_bits + op_bits)) - 1); }

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
    const uint64_t instance = opInstance(event.step, rank, event.op);
    m_ops[instance] = {{.event = event, .rank = rank}};
    m_known[ofAnyStep(instance)] = event;
}

void OpJoin::add(const RecordBatch& batch) {
    for (const DeviceWork& w : batch.work) {
        m_work.push_back({w});
        m_device_of_context[w.context] = w.device;
    }
    for (const Correlation& c : batch.correlations) m_instances[c.correlation] = {c.op_instance};
    for (const Launch& l : batch.launches) m_launches[l.correlation] = {l};
    m_waits.insert(m_waits.end(), batch.waits.begin(), batch.waits.end());
    m_overheads.insert(m_overheads.end(), batch.overheads.begin(), batch.overheads.end());
}

LaneKey OpJoin::callLane(int32_t rank, uint32_t thread, LaneKind of) {
    return {Row::calls, rank, LaneKind::host, 0, thread, m_kind_of_thread.try_emplace(thread, of).first->second};
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
    out.push_back({callLane(rank, l.thread, ownerOf(w).kind), l.name, e});
    m_launches.erase(launch);
}

// A kernel or copy of an op, which is no collective, with what is the op's to say.
void OpJoin::emitWork(int32_t rank, IntervalEvent e, const DeviceWork& w, std::vector<JoinedEvent>& out) {
    e.start_ns = w.start_ns;
    e.end_ns = w.end_ns;
    e.op_class = w.op_class == OpClass::copy ? OpClass::copy : OpClass::compute;
    if (w.op_class == OpClass::copy) e.bytes = w.bytes;
    e.correlation = w.correlation;
    e.emulated_ns = 0;
    emitLaunch(rank, w, e, out);
    out.push_back({{Row::stream, rank, ownerOf(w).kind, w.device, w.stream}, w.name, e});
}

// A part of a collective, which is itself one interval.
void OpJoin::emitPart(int32_t rank, const IntervalEvent& whole, const DeviceWork& w, std::vector<JoinedEvent>& out) {
    IntervalEvent part{.op = whole.op, .start_ns = w.start_ns, .end_ns = w.end_ns, .step = whole.step};
    part.phase = whole.phase;
    part.op_class = OpClass::annotation;
    part.bucket = whole.bucket;
    part.layer = whole.layer;
    part.bytes = w.bytes;
    out.push_back({{Row::parts, rank, LaneKind::comm, w.device, w.stream}, w.name, part});
    emitLaunch(rank, w, whole, out);
}

// Its op has left without it, and has said of itself what is to be said once.
void OpJoin::emitLate(uint64_t instance, const DeviceWork& w, std::vector<JoinedEvent>& out) {
    ++m_counts.late_work;
    const auto known = m_known.find(ofAnyStep(instance));
    IntervalEvent e = known != m_known.end() ? known->second : IntervalEvent{.phase = Phase::unknown};
    e.op = opIn(instance);
    e.step = stepIn(instance);
    e.elements = e.bytes = e.sent_bytes = e.wait_ns = 0;
    if (isCollective(e.op_class))
        emitPart(rankIn(instance), e, w, out);
    else
        emitWork(rankIn(instance), e, w, out);
}

// No op of the program launched it.
void OpJoin::emitLoose(const DeviceWork& w, std::vector<JoinedEvent>& out) {
    ++m_counts.work_without_op;
    const StreamOwner owner = ownerOf(w);
    IntervalEvent e{.start_ns = w.start_ns, .end_ns = w.end_ns, .phase = Phase::unknown, .op_class = w.op_class};
    e.bytes = w.bytes;
    e.correlation = w.correlation;
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
    for (const DeviceWork& w : op.work) emitPart(op.rank, e, w, out);
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
        if (counted) e.elements = e.bytes = 0;
        counted = true;
        emitWork(op.rank, e, w, out);
    }
}

template <class Map> void OpJoin::age(Map& map, int most) {
    for (auto at = map.begin(); at != map.end();) at = ++at->second.age > most ? map.erase(at) : std::next(at);
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
        else if (instance != m_instances.end())
            emitLate(instance->second.value, w.value, out);
        else
            emitLoose(w.value, out);
    }
    m_work = std::move(later);
}

// Of the thread that waits, among its launches, where its call is known. Streams have a number in their context only.
LaneKey OpJoin::waitLane(const HostWait& w) {
    const auto device = m_device_of_context.find(w.context);
    int32_t rank = device == m_device_of_context.end() ? 0 : rankOfDevice(device->second);
    LaneKind of = LaneKind::compute;
    uint32_t on_device = device == m_device_of_context.end() ? 0 : device->second;
    for (const auto& [stream, owner] : m_streams)
        if (stream.second == w.stream && (device == m_device_of_context.end() || stream.first == device->second)) {
            rank = owner.rank;
            of = owner.kind;
            on_device = stream.first;
        }
    const auto call = m_launches.find(w.correlation);
    if (call == m_launches.end()) return {Row::waits, rank, LaneKind::host, on_device, 0};
    return callLane(rank, call->second.value.thread, of);
}

// Waits and overheads say what the host or CUPTI did, and belong to no op.
void OpJoin::emitBeside(std::vector<JoinedEvent>& out) {
    const auto beside = [&](const LaneKey& lane, const auto& span) {
        IntervalEvent e{.start_ns = span.start_ns, .end_ns = span.end_ns, .phase = Phase::unknown};
        e.op_class = OpClass::annotation;
        out.push_back({lane, span.name, e});
    };
    for (const HostWait& w : m_waits) beside(waitLane(w), w);
    for (const OverheadSpan& o : m_overheads) beside({Row::overhead, 0, LaneKind::host, 0, 0}, o);
    m_waits.clear();
    m_overheads.clear();
}

std::vector<JoinedEvent> OpJoin::take(bool last) {
    std::vector<JoinedEvent> out;
    giveWorkToOps(last, out);
    for (auto at = m_ops.begin(); at != m_ops.end();) {
        const int awaited = at->second.value.work.empty() ? kept_flushes : 1; // an op without a record may get one
        const bool complete = at->second.age++ >= awaited || last;
        if (complete) emitOp(at->second.value, out);
        at = complete ? m_ops.erase(at) : std::next(at);
    }
    emitBeside(out);
    age(m_instances, kept_calls);
    age(m_launches, kept_calls);
    std::stable_sort(out.begin(), out.end(),
                     [](const JoinedEvent& a, const JoinedEvent& b) { return a.event.start_ns < b.event.start_ns; });
    return out;
}

} // namespace shardscope::cupti
