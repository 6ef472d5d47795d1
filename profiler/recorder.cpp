// SPDX-License-Identifier: Apache-2.0
#include "profiler/recorder.h"
#include <algorithm>
#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>
#include <vector>

namespace shardscope {

namespace {

constexpr uint64_t ring_slots = 65536; // 4 MiB per lane: more than a second of very short intervals
constexpr uint64_t batch_slots = 2048; // given back to the lane at a time
constexpr auto drain_period = std::chrono::milliseconds(20);

int64_t threadProcessorNs() {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return int64_t{1'000'000'000} * used.tv_sec + used.tv_nsec;
}

enum class SlotKind : uint8_t { interval, interval_with_tail, tail, memory };

// One cache line. An interval that waited or was emulated continues in a second slot, whose start_ns and end_ns hold
// the two durations; memory changes use start_ns as time, layer as rank, bytes as change.
struct alignas(64) Slot {
    SlotKind kind;
    uint8_t phase_or_tier, class_or_category;
    int32_t op, name, step, layer, bucket;
    int64_t start_ns, end_ns, elements, bytes, sent_bytes;
};
static_assert(sizeof(Slot) == 64);

} // namespace

// Single producer (the lane's thread), single consumer (the writer thread). Positions only grow; a slot is at position
// modulo ring_slots.
struct LaneRecorder::Ring {
    LaneId lane = LaneId::none;
    std::string lane_name;
    std::unique_ptr<Slot[]> slots = std::make_unique<Slot[]>(ring_slots); // zeroed, so that no page is missing later
    uint64_t producer_position = 0, known_consumed = 0;                   // of the producer alone
    alignas(64) std::atomic<uint64_t> produced{0};
    alignas(64) std::atomic<uint64_t> consumed{0};
    alignas(64) std::atomic<int64_t> dropped{0};

    bool reserve(uint64_t count) {
        if (producer_position + count - known_consumed <= ring_slots) return true;
        known_consumed = consumed.load(std::memory_order_acquire);
        if (producer_position + count - known_consumed <= ring_slots) return true;
        dropped.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    // The consumer's core held the line last; asked for early, it is here when its turn comes.
    Slot& next() {
        __builtin_prefetch(&slots[(producer_position + 16) % ring_slots], 1);
        return slots[producer_position++ % ring_slots];
    }
    void publish() { produced.store(producer_position, std::memory_order_release); }
};

LaneRecorder::LaneRecorder(std::unique_ptr<Ring> ring)
    : m_ring(std::move(ring)) {}
LaneRecorder::~LaneRecorder() = default;

void LaneRecorder::interval(const IntervalEvent& e) {
    const bool tail = (e.wait_ns | e.emulated_ns) != 0;
    if (!m_ring->reserve(tail ? 2 : 1)) return;
    Slot& slot = m_ring->next();
    slot.kind = tail ? SlotKind::interval_with_tail : SlotKind::interval;
    slot.phase_or_tier = static_cast<uint8_t>(e.phase);
    slot.class_or_category = static_cast<uint8_t>(e.op_class);
    slot.op = static_cast<int32_t>(e.op);
    slot.name = static_cast<int32_t>(e.name);
    slot.step = e.step;
    slot.layer = e.layer;
    slot.bucket = e.bucket;
    slot.start_ns = e.start_ns;
    slot.end_ns = e.end_ns;
    slot.elements = e.elements;
    slot.bytes = e.bytes;
    slot.sent_bytes = e.sent_bytes;
    if (tail) {
        Slot& second = m_ring->next();
        second.kind = SlotKind::tail;
        second.start_ns = e.wait_ns;
        second.end_ns = e.emulated_ns;
    }
    m_ring->publish();
}

void LaneRecorder::memory(const MemoryEvent& e) {
    if (!m_ring->reserve(1)) return;
    Slot& slot = m_ring->next();
    slot.kind = SlotKind::memory;
    slot.phase_or_tier = static_cast<uint8_t>(e.tier);
    slot.class_or_category = static_cast<uint8_t>(e.category);
    slot.op = static_cast<int32_t>(e.op);
    slot.name = static_cast<int32_t>(e.buffer);
    slot.step = e.step;
    slot.layer = e.rank;
    slot.bucket = -1;
    slot.start_ns = e.time_ns;
    slot.end_ns = 0;
    slot.elements = 0;
    slot.bytes = e.delta_bytes;
    slot.sent_bytes = 0;
    m_ring->publish();
}

struct Recorder::Impl {
    Impl(TraceSink& the_sink, std::function<void()> the_commit)
        : sink(the_sink)
        , commit(std::move(the_commit)) {}

    TraceSink& sink;
    std::function<void()> commit;
    std::vector<std::unique_ptr<LaneRecorder>> lanes; // fixed once the thread runs
    std::vector<TraceEvent> batch;
    std::thread thread;
    bool started = false;
    std::atomic<int64_t> processor_ns{0}; // of the thread

    std::mutex mutex; // of what follows
    std::condition_variable wake, served;
    std::vector<TraceEvent> posted;
    std::vector<std::function<void(TraceSink&)>> deliveries;
    uint64_t flushes_asked = 0, flushes_served = 0;
    bool stopping = false;

    static TraceEvent memoryEvent(const Slot& s) {
        return MemoryEvent{.time_ns = s.start_ns,
                           .rank = s.layer,
                           .tier = static_cast<MemoryTier>(s.phase_or_tier),
                           .category = static_cast<MemoryCategory>(s.class_or_category),
                           .delta_bytes = s.bytes,
                           .buffer = static_cast<NameId>(s.name),
                           .op = static_cast<OpId>(s.op),
                           .step = s.step};
    }

    static IntervalEvent intervalEvent(LaneId lane, const Slot& s) {
        return {.lane = lane,
                .op = static_cast<OpId>(s.op),
                .name = static_cast<NameId>(s.name),
                .start_ns = s.start_ns,
                .end_ns = s.end_ns,
                .step = s.step,
                .phase = static_cast<Phase>(s.phase_or_tier),
                .op_class = static_cast<OpClass>(s.class_or_category),
                .layer = s.layer,
                .bucket = s.bucket,
                .elements = s.elements,
                .bytes = s.bytes,
                .sent_bytes = s.sent_bytes};
    }

    void passOn() {
        if (!batch.empty()) sink.append(batch);
        batch.clear();
    }

    bool drainLane(LaneRecorder::Ring& ring) {
        const uint64_t end = ring.produced.load(std::memory_order_acquire);
        uint64_t at = ring.consumed.load(std::memory_order_relaxed);
        const bool any = at != end;
        while (at != end) {
            const uint64_t stop = std::min(end, at + batch_slots);
            while (at < stop) {
                const Slot& slot = ring.slots[at++ % ring_slots];
                if (slot.kind == SlotKind::memory) {
                    batch.push_back(memoryEvent(slot));
                    continue;
                }
                IntervalEvent event = intervalEvent(ring.lane, slot);
                if (slot.kind == SlotKind::interval_with_tail) { // both slots were published together
                    const Slot& tail = ring.slots[at++ % ring_slots];
                    event.wait_ns = tail.start_ns;
                    event.emulated_ns = tail.end_ns;
                }
                batch.push_back(event);
            }
            ring.consumed.store(at, std::memory_order_release);
            passOn();
        }
        return any;
    }

    // Posts are taken before the rings: what a thread recorded before it posted is then in the sink with or before it.
    void drain() {
        std::vector<TraceEvent> rare;
        std::vector<std::function<void(TraceSink&)>> works;
        {
            const std::lock_guard lock(mutex);
            rare.swap(posted);
            works.swap(deliveries);
        }
        bool any = !rare.empty() || !works.empty();
        for (const auto& lane : lanes) any = drainLane(*lane->m_ring) || any;
        if (!rare.empty()) sink.append(rare);
        for (const auto& work : works) work(sink);
        if (any) commit();
    }

    void run() {
        std::unique_lock lock(mutex);
        while (true) {
            wake.wait_for(lock, drain_period, [&] { return stopping || flushes_asked != flushes_served; });
            const uint64_t asked = flushes_asked;
            const bool last = stopping;
            lock.unlock();
            drain();
            processor_ns.store(threadProcessorNs(), std::memory_order_relaxed);
            lock.lock();
            flushes_served = asked;
            served.notify_all();
            if (last) return;
        }
    }
};

Recorder::Recorder(TraceSink& sink, std::function<void()> commit)
    : m_impl(std::make_unique<Impl>(sink, std::move(commit))) {}

Recorder::~Recorder() { stop(); }

LaneRecorder& Recorder::addLane(const LaneInfo& info) {
    assert(!m_impl->started);
    auto ring = std::make_unique<LaneRecorder::Ring>();
    ring->lane = m_impl->sink.addLane(info);
    ring->lane_name = info.name;
    m_impl->lanes.push_back(std::unique_ptr<LaneRecorder>(new LaneRecorder(std::move(ring))));
    return *m_impl->lanes.back();
}

LaneRecorder& Recorder::addMemory(const std::string& name) {
    assert(!m_impl->started);
    auto ring = std::make_unique<LaneRecorder::Ring>();
    ring->lane_name = name;
    m_impl->lanes.push_back(std::unique_ptr<LaneRecorder>(new LaneRecorder(std::move(ring))));
    return *m_impl->lanes.back();
}

NameId Recorder::intern(std::string_view text) {
    assert(!m_impl->started);
    return m_impl->sink.intern(text);
}

void Recorder::start() {
    assert(!m_impl->started);
    m_impl->started = true;
    m_impl->thread = std::thread([this] { m_impl->run(); });
}

void Recorder::post(TraceEvent event) {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->posted.push_back(std::move(event));
}

void Recorder::deliver(std::function<void(TraceSink&)> work) {
    const std::lock_guard lock(m_impl->mutex);
    m_impl->deliveries.push_back(std::move(work));
}

void Recorder::flush() {
    Impl& r = *m_impl;
    if (!r.thread.joinable()) {
        r.drain();
        return;
    }
    std::unique_lock lock(r.mutex);
    const uint64_t ticket = ++r.flushes_asked;
    r.wake.notify_one();
    r.served.wait(lock, [&] { return r.flushes_served >= ticket; });
}

void Recorder::stop() {
    Impl& r = *m_impl;
    {
        const std::lock_guard lock(r.mutex);
        if (r.stopping) return;
        r.stopping = true;
    }
    r.wake.notify_one();
    if (r.thread.joinable()) r.thread.join();
    for (const auto& lane : r.lanes) {
        const int64_t lost = lane->m_ring->dropped.load(std::memory_order_relaxed);
        if (lost > 0)
            post(WarningEvent{.kind = "dropped_records",
                              .text = "The recorder could not keep up with '" + lane->m_ring->lane_name +
                                      "': times and memory of this lane are incomplete.",
                              .count = lost});
    }
    r.drain();
}

int64_t Recorder::dropped() const {
    int64_t sum = 0;
    for (const auto& lane : m_impl->lanes) sum += lane->m_ring->dropped.load(std::memory_order_relaxed);
    return sum;
}

int64_t Recorder::mostRecords() const {
    uint64_t most = 0;
    for (const auto& lane : m_impl->lanes)
        most = std::max(most, lane->m_ring->produced.load(std::memory_order_relaxed));
    return static_cast<int64_t>(most);
}

int64_t Recorder::writerProcessorNs() const { return m_impl->processor_ns.load(std::memory_order_relaxed); }

} // namespace shardscope
