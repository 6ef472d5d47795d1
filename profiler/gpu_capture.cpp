// SPDX-License-Identifier: Apache-2.0
#include "profiler/gpu_capture.h"
#include "profiler/cupti/outside_memory.h"
#include "profiler/cupti/session.h"
#include "profiler/cupti/trace_output.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

namespace shardscope {

using namespace cupti;

namespace {

int64_t medianOf(std::vector<int64_t> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[(values.size() - 1) / 2];
}

struct NamedStream {
    uint32_t device, stream;
    int32_t rank;
    LaneKind kind;
};

} // namespace

struct GpuCapture::Impl {
    Session session;
    Deliver deliver;
    int64_t flush_period_ns = 0, last_flush_ns = 0;
    bool recording = true, closed = false;
    double tag_ns = 0;
    std::vector<int64_t> step_ns[2]; // not recorded, recorded
    int64_t refused_before = 0;

    std::mutex mutex; // of what other threads leave for the writer; never held while CUPTI is called
    std::vector<std::pair<int32_t, IntervalEvent>> told;
    std::deque<decltype(told)> told_before_mark; // however far the writer is behind, an op has its whole flush of time
    std::vector<NamedStream> streams;
    std::vector<uint64_t> own_memory;

    // Of the writer thread, until it has ended.
    std::thread writer;
    std::unique_ptr<RecordReader> reader;
    RecordBatch batch;
    OpJoin join;
    OutsideMemory outside;
    size_t names_delivered = 0;
    std::shared_ptr<TraceOutput> output = std::make_shared<TraceOutput>();

    void write() {
        while (true) {
            const FullBuffer full = Session::buffers().take();
            if (full.data) {
                reader->read(full.data, full.bytes, TraceClock::now(), batch);
                Session::buffers().recycle(full.data);
            } else {
                deliverComplete(full.last_mark);
                if (full.last_mark) return;
            }
        }
    }

    void deliverComplete(bool all) {
        decltype(told) ops;
        {
            const std::lock_guard lock(mutex);
            ops = std::move(told_before_mark.front());
            told_before_mark.pop_front();
            for (const NamedStream& s : streams) join.nameStream(s.device, s.stream, s.rank, s.kind);
            for (const uint64_t address : own_memory) outside.ignore(address);
        }
        for (const auto& [rank, event] : ops) join.addOp(rank, event);
        join.add(batch);
        outside.add(batch.memory);
        batch = {};
        Delivery delivery{join.take(all), {}};
        delivery.new_names.assign(reader->names().begin() + static_cast<std::ptrdiff_t>(names_delivered),
                                  reader->names().end());
        names_delivered = reader->names().size();
        if (!delivery.joined.empty() || !delivery.new_names.empty())
            deliver([to = output, d = std::move(delivery)](TraceSink& sink) { to->write(sink, d); });
    }

    void flush(bool last) {
        session.api().flush(last ? flush_forced : 0);
        {
            const std::lock_guard lock(mutex);
            told_before_mark.push_back(std::exchange(told, {}));
        }
        Session::buffers().mark(last);
    }

    std::vector<TraceEvent> warnings(int64_t dropped, int64_t unmatched_releases) const {
        std::vector<TraceEvent> events;
        const auto warn = [&](const char* kind, int64_t count, const char* text) {
            if (count > 0) events.push_back(WarningEvent{.kind = kind, .text = text, .count = count});
        };
        const RecordCounts& c = reader->counts();
        warn(
            "gpu_records_dropped", dropped,
            "CUPTI dropped records of the GPU: kernels are missing. Record fewer steps, or a larger micro-batch, which "
            "launches fewer kernels per second.");
        warn("gpu_buffers_refused", Session::buffers().refused() - refused_before,
             "The memory for records of the GPU was used up: kernels are missing. Record fewer steps, or a larger "
             "micro-batch, which launches fewer kernels per second.");
        warn("gpu_records_without_time", c.without_time,
             "CUPTI had no room on the device to take times (zero time stamps): these kernels and copies are missing. "
             "Record fewer steps, or leave more of the device's memory free.");
        warn("gpu_records_outside_session", c.outside_session,
             "Records with times outside the recording were left out.");
        warn("gpu_records_unknown", c.unknown_kinds, "Records of kinds that are not known here were left out.");
        warn("gpu_buffers_damaged", c.damaged_buffers, "Buffers of records could not be read to their end.");
        warn("gpu_kinds_refused", session.refusedKinds(), "CUPTI refused to record some kinds of activity.");
        warn("gpu_work_without_op", join.counts().work_without_op,
             "Kernels and copies that no op of the program launched are in the budget, but belong to no step.");
        warn("gpu_records_late", join.counts().late_work,
             "Records came when their ops had been written: these kernels and copies stand beside what is known of the "
             "op.");
        warn("gpu_ops_without_records", join.counts().ops_without_records,
             "Ops without a record of the GPU have the times of their events.");
        warn("gpu_unmatched_releases", unmatched_releases,
             "Memory released that was allocated before recording began is not in the counter.");
        return events;
    }

    // What recording cost, in CUPTI's words and by the steps with and without it.
    std::string facts(int64_t dropped) const {
        uint32_t version = 0;
        session.api().version(&version);
        const RecordCounts& c = reader->counts();
        nlohmann::json json{
            {"cupti_version", version},        {"kernels", c.kernels},         {"copies", c.copies},
            {"dropped_records", dropped},      {"overhead_ns", c.overhead_ns}, {"recorded_steps", step_ns[1].size()},
            {"plain_steps", step_ns[0].size()}};
        if (!c.overhead_by_kind.empty()) json["overhead_by_kind_ns"] = c.overhead_by_kind;
        const int64_t plain = medianOf(step_ns[0]), recorded = medianOf(step_ns[1]);
        if (recorded > 0) json["recorded_step_ns"] = recorded;
        if (plain > 0) json["plain_step_ns"] = plain;
        if (plain > 0 && recorded > 0)
            json["tax_percent"] = 100.0 * static_cast<double>(recorded - plain) / static_cast<double>(plain);
        return json.dump();
    }
};

GpuCapture::GpuCapture(std::unique_ptr<Impl> impl)
    : m_impl(std::move(impl)) {}

GpuCapture::~GpuCapture() { close(); }

GpuCapture::Started GpuCapture::start(const Symbols& symbols, Deliver deliver, int64_t flush_period_ns) {
    auto impl = std::make_unique<Impl>();
    const int64_t start_ns = TraceClock::now();
    CaptureState state = impl->session.start(symbols);
    if (state.availability != Availability::available) return {nullptr, std::move(state)};
    impl->deliver = std::move(deliver);
    impl->flush_period_ns = flush_period_ns;
    impl->refused_before = Session::buffers().refused();
    impl->reader = std::make_unique<RecordReader>(impl->session.api(), TraceClock::zero(), start_ns);
    impl->writer = std::thread([i = impl.get()] { i->write(); });
    return {std::unique_ptr<GpuCapture>(new GpuCapture(std::move(impl))), std::move(state)};
}

CaptureState GpuCapture::probe(const Symbols& symbols) { return Session().subscribe(symbols); }

std::vector<TraceEvent> GpuCapture::describe(const CaptureState& state) {
    std::vector<TraceEvent> events{RunInfoEvent{"gpu_capture_state", state.sentence}};
    if (state.availability != Availability::available)
        events.push_back(WarningEvent{.kind = "gpu_capture_unavailable", .text = state.sentence});
    events.push_back(RunInfoEvent{"gpu_capture_reason", toText(state.availability)});
    return events;
}

void GpuCapture::nameStream(uint32_t device, void* stream, int32_t rank, LaneKind kind) {
    uint32_t id = 0;
    if (m_impl->session.api().stream_id(nullptr, stream, 0, &id) != Status::success) return;
    const std::lock_guard lock(m_impl->mutex);
    m_impl->streams.push_back({device, id, rank, kind});
}

void GpuCapture::ownMemory(const void* allocation) {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->own_memory.push_back(reinterpret_cast<uint64_t>(allocation));
}

void GpuCapture::pushOp(int32_t step, int32_t rank, OpId op) {
    m_impl->session.api().push_correlation(custom_correlation, opInstance(step, rank, op));
}

void GpuCapture::popOp() {
    uint64_t last = 0;
    m_impl->session.api().pop_correlation(custom_correlation, &last);
}

void GpuCapture::ran(int32_t rank, const IntervalEvent& event) {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->told.emplace_back(rank, event);
}

// No call of CUDA is made inside, so that none of these reaches a record.
double GpuCapture::measureTagNs() {
    constexpr int rounds = 16, pairs = 64;
    std::vector<int64_t> round_ns;
    for (int round = 0; round < rounds; ++round) {
        const int64_t start = TraceClock::now();
        for (int i = 0; i < pairs; ++i) {
            pushOp(0, 0, OpId{0});
            popOp();
        }
        round_ns.push_back(TraceClock::now() - start);
    }
    return static_cast<double>(medianOf(std::move(round_ns))) / pairs;
}

int64_t GpuCapture::overheadNs() const { return m_impl->reader->counts().overhead_ns; }
double GpuCapture::tagNs() const { return m_impl->tag_ns; }

void GpuCapture::endStep(int64_t step_ns) {
    Impl& c = *m_impl;
    c.step_ns[c.recording].push_back(step_ns);
    const int64_t now = TraceClock::now();
    if (now - c.last_flush_ns < c.flush_period_ns) return;
    c.last_flush_ns = now;
    c.flush(false);
}

void GpuCapture::setRecording(bool on) {
    if (on != m_impl->recording) m_impl->session.record(on);
    m_impl->recording = on;
}

void GpuCapture::close() {
    Impl& c = *m_impl;
    if (c.closed) return;
    c.closed = true;
    c.tag_ns = measureTagNs();
    setRecording(false);
    c.flush(true);
    c.writer.join();
    size_t dropped = 0;
    c.session.api().dropped_records(nullptr, 0, &dropped);
    c.session.stop();
    const OutsideMemory::Curves outside = c.outside.curves(c.join);
    std::vector<TraceEvent> events = c.warnings(static_cast<int64_t>(dropped), outside.unmatched_releases);
    events.push_back(RunInfoEvent{"gpu_capture", c.facts(static_cast<int64_t>(dropped))});
    c.deliver([events = std::move(events), outside](TraceSink& sink) {
        sink.append(events);
        writeCounters(sink, outside);
    });
}

} // namespace shardscope
