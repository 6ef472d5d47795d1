// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/executor.h"
#include "core_runtime/cpu/cpu_backend.h"
#include "core_runtime/link_hold.h"
#include "core_runtime/storage/swap_file.h"
#include "profiler/gpu_capture.h"
#include "profiler/nvtx_ranges.h"
#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

namespace shardscope {
namespace {

constexpr size_t lane_count = all_lane_kinds.size();
constexpr size_t laneIndex(LaneKind lane) { return static_cast<size_t>(lane); }
constexpr size_t compute_lane = laneIndex(LaneKind::compute);

struct RankState {
    std::unique_ptr<SwapFile> swap;    // if the program has NVMe buffers
    std::vector<std::byte*> addresses; // by buffer; null for NVMe
    Ledger ledger;                     // compute lane only
    // How far each lane is: ops with a smaller index have been passed on that lane. Waited on, for the reason given in
    // rendezvous.h.
    std::array<std::atomic<int32_t>, lane_count> progress{};
    std::array<LaneRecorder*, lane_count> recorders{};
};

} // namespace

struct Executor::Impl {
    const StepProgram& program;
    const MemoryPlan& memory;
    ExecutorOptions options;
    LinkHold storage_hold;
    std::unique_ptr<Backend> backend;
    std::unique_ptr<NvtxRanges> ranges; // with a backend that launches
    std::vector<std::unique_ptr<RankState>> ranks;
    std::array<std::vector<size_t>, lane_count> lane_ops;
    std::vector<NameId> op_names, buffer_names;

    std::vector<std::thread> threads;
    std::atomic<int32_t> steps_given = 0, lanes_busy = 0;
    std::atomic<bool> failed = false, quit = false;
    bool recording = true;                // written while all lanes rest
    const StepContext* context = nullptr; // written before steps_given, with the ops to run
    size_t first_op = 0, end_op = 0;
    std::mutex mutex; // guards what follows
    StepTimes times;
    std::optional<Error> failure;

    Impl(const StepProgram& p, const MemoryPlan& m, const ExecutorOptions& o)
        : program(p)
        , memory(m)
        , options(o) {}

    // Lanes that the program uses; compute and comm are always shown.
    bool hasLane(size_t lane) const { return lane <= laneIndex(LaneKind::comm) || !lane_ops[lane].empty(); }

    void recordMemory(int64_t rank, int64_t time_ns, BufferId id, int64_t delta, OpId op, int64_t step) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        if (!options.recorder || !recording) return;
        const BufferInfo& buffer = program.buffer(id);
        state.recorders[compute_lane]->memory({.time_ns = time_ns,
                                               .rank = static_cast<int32_t>(rank),
                                               .tier = buffer.tier,
                                               .category = buffer.category,
                                               .delta_bytes = delta,
                                               .buffer = buffer_names[index(id)],
                                               .op = op,
                                               .step = static_cast<int32_t>(step)});
    }

    IntervalEvent intervalOf(size_t i, int64_t step, const OpSpan& span) const {
        const Op& op = program.ops[i];
        return {.op = static_cast<OpId>(i),
                .name = op_names[i],
                .start_ns = span.start_ns,
                .end_ns = span.end_ns,
                .step = static_cast<int32_t>(step),
                .phase = op.phase,
                .op_class = op.op_class,
                .layer = op.layer,
                .bucket = op.bucket,
                .elements = op.elements,
                .bytes = op.bytes,
                .sent_bytes = op.kind == OpKind::collective ? sentBytes(op.op_class, op.bytes, program.ranks) : 0,
                .wait_ns = span.wait_ns,
                .emulated_ns = span.emulated_ns};
    }

    void recordInterval(size_t lane, int64_t rank, size_t i, int64_t step, const OpSpan& span) {
        if (options.recorder && options.record_intervals && recording)
            ranks[static_cast<size_t>(rank)]->recorders[lane]->interval(intervalOf(i, step, span));
    }

    // Tells profilers whose launches follow, while it lives.
    class Launching {
    public:
        Launching(const Impl& impl, size_t i, int64_t rank, int64_t step)
            : m_capture(impl.recording ? impl.options.capture : nullptr)
            , m_ranges(impl.ranges.get()) {
            if (m_capture)
                m_capture->pushOp(static_cast<int32_t>(step), static_cast<int32_t>(rank), static_cast<OpId>(i));
            if (m_ranges) m_ranges->push(static_cast<OpId>(i));
        }
        ~Launching() {
            if (m_ranges) m_ranges->pop();
            if (m_capture) m_capture->popOp();
        }
        Launching(const Launching&) = delete;
        Launching& operator=(const Launching&) = delete;

    private:
        GpuCapture* m_capture;
        const NvtxRanges* m_ranges;
    };

    // Gives the change in bytes.
    int64_t changeMemory(const Op& op, size_t i, int64_t rank) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        const BufferInfo& buffer = program.buffer(op.buffer);
        std::byte* start = state.addresses[index(op.buffer)];
        if (op.kind == OpKind::alloc)
            backend->alloc(rank, i, buffer, start);
        else
            backend->free(rank, i, buffer, start);
        return state.ledger.change(buffer, op.kind == OpKind::alloc);
    }

    // Between host and NVMe: moves the bytes, then holds the lane as long as the modelled link would have needed.
    OpSpan runStorage(const Op& op, int64_t rank) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        const Operand &to = op.operands[0], &from = op.operands[1];
        OpSpan span{.start_ns = TraceClock::now()};
        auto place = [&](const Operand& o) { return memory.addresses[index(o.buffer)] + byteOffset(program, o, rank); };
        if (program.buffer(to.buffer).tier == MemoryTier::nvme)
            state.swap->write(addressOf(program, from, rank, state.addresses), place(to), op.bytes);
        else
            state.swap->read(addressOf(program, to, rank, state.addresses), place(from), op.bytes);
        if (options.storage_link.emulates())
            span.emulated_ns = storage_hold.hold(span.start_ns, copyTimeNs(options.storage_link, op.bytes));
        span.end_ns = TraceClock::now();
        return span;
    }

    void fail(std::string message) {
        {
            std::lock_guard lock(mutex);
            if (!failure) failure = Error{std::move(message)};
        }
        failed = true;
        storage_hold.abort();
        backend->abort();
        for (auto& rank : ranks)
            for (std::atomic<int32_t>& progress : rank->progress) {
                progress.exchange(INT32_MAX); // lets every waiter go on to see the failure
                progress.notify_all();
            }
    }

    static std::string placeOf(int64_t rank, int64_t step) {
        return " on rank " + std::to_string(rank) + " in step " + std::to_string(step);
    }

    // What the backend has only enqueued, and memory that changes along with it: recorded when the lane has ended.
    struct Deferred {
        size_t op;
        int64_t delta_bytes; // of alloc and free
    };

    // One lane of one rank through the ops to run, until all of them have been passed. False after a failure anywhere.
    bool passLane(size_t lane, int64_t rank, const StepContext& step, std::vector<Deferred>& deferred) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        const std::vector<size_t>& ops = lane_ops[lane];
        for (auto at = std::lower_bound(ops.begin(), ops.end(), first_op); at != ops.end() && *at < end_op; ++at) {
            const size_t i = *at;
            const Op& op = program.ops[i];
            for (OpId w : op.waits_for) {
                std::atomic<int32_t>& other = state.progress[laneIndex(program.ops[index(w)].lane)];
                for (int32_t seen; (seen = other.load()) <= static_cast<int32_t>(w);) other.wait(seen);
            }
            if (failed) return false;
            try {
                for (OpId w : op.waits_for) backend->follow(rank, op.lane, index(w));
                if (op.kind == OpKind::alloc || op.kind == OpKind::free) {
                    const int64_t delta = changeMemory(op, i, rank);
                    if (deferred.empty())
                        recordMemory(rank, TraceClock::now(), op.buffer, delta, static_cast<OpId>(i), step.step);
                    else
                        deferred.push_back({i, delta});
                } else if (!step.only_update || op.phase == Phase::optimizer) {
                    const Launching launching(*this, i, rank, step.step);
                    const std::optional<OpSpan> span = op.lane == LaneKind::storage
                                                           ? runStorage(op, rank)
                                                           : backend->run(i, rank, state.addresses, step);
                    if (failed) return false;
                    if (span)
                        recordInterval(lane, rank, i, step.step, *span);
                    else
                        deferred.push_back({i, 0});
                }
            } catch (const std::exception& e) {
                fail("'" + op.name + "' failed" + placeOf(rank, step.step) + ": " + e.what());
                return false;
            }
            int32_t before = state.progress[lane].load(); // a failure elsewhere has set it to its end
            while (before != INT32_MAX &&
                   !state.progress[lane].compare_exchange_weak(before, static_cast<int32_t>(i) + 1))
                ;
            state.progress[lane].notify_all();
        }
        return true;
    }

    void recordDeferred(size_t lane, int64_t rank, int64_t step, const std::vector<Deferred>& deferred) {
        if (!options.recorder || !recording || deferred.empty()) return;
        int64_t last_end = backend->pieceStart(rank);
        for (const Deferred& d : deferred) {
            const Op& op = program.ops[d.op];
            if (op.kind == OpKind::alloc || op.kind == OpKind::free) {
                recordMemory(rank, last_end, op.buffer, d.delta_bytes, static_cast<OpId>(d.op), step);
                continue;
            }
            const OpSpan span = backend->spanOf(d.op, rank, last_end);
            if (options.capture)
                options.capture->ran(static_cast<int32_t>(rank), intervalOf(d.op, step, span));
            else
                recordInterval(lane, rank, d.op, step, span);
            last_end = span.end_ns;
        }
    }

    // Gives the time at which the lane had ended.
    int64_t runLane(size_t lane, int64_t rank, const StepContext& step) {
        std::vector<Deferred> deferred;
        const bool passed = passLane(lane, rank, step, deferred);
        try {
            if (!deferred.empty()) backend->endLane(rank, all_lane_kinds[lane]);
            const int64_t end = TraceClock::now();
            if (passed && !failed) recordDeferred(lane, rank, step.step, deferred);
            return end;
        } catch (const std::exception& e) {
            fail("The " + std::string(toText(all_lane_kinds[lane])) + " lane failed" + placeOf(rank, step.step) + ": " +
                 e.what());
            return TraceClock::now();
        }
    }

    void laneThread(size_t lane, int64_t rank) {
        try {
            backend->enterLane(rank, all_lane_kinds[lane]);
        } catch (const std::exception& e) {
            fail("The " + std::string(toText(all_lane_kinds[lane])) + " lane of rank " + std::to_string(rank) +
                 " could not begin: " + e.what());
        }
        for (int32_t steps_seen = 0;; ++steps_seen) {
            steps_given.wait(steps_seen);
            if (quit) return;
            const int64_t start = TraceClock::now();
            const int64_t end = runLane(lane, rank, *context);
            {
                std::lock_guard lock(mutex);
                times.start_ns = std::min(times.start_ns, start);
                times.end_ns = std::max(times.end_ns, end);
            }
            if (lanes_busy.fetch_sub(1) == 1) lanes_busy.notify_all();
        }
    }

    std::optional<Error> prepareMemory(RankState& state, int64_t rank) {
        if (const int64_t bytes = memory.tier(MemoryTier::nvme).arena_bytes; bytes > 0) {
            Result<std::unique_ptr<SwapFile>> swap = SwapFile::create(options.nvme_path, bytes, rank);
            if (!swap) return swap.error();
            state.swap = std::move(swap).value();
        }
        for (size_t b = 0; b < program.buffers.size(); ++b) {
            const BufferInfo& buffer = program.buffers[b];
            std::byte* arena = buffer.tier == MemoryTier::nvme ? nullptr : backend->arena(rank, buffer.tier);
            state.addresses.push_back(arena ? arena + memory.addresses[b] : nullptr);
        }
        return std::nullopt;
    }
};

Executor::Executor(std::unique_ptr<Impl> impl)
    : m_impl(std::move(impl)) {}

Executor::~Executor() {
    m_impl->quit = true;
    m_impl->steps_given.fetch_add(1);
    m_impl->steps_given.notify_all();
    for (std::thread& t : m_impl->threads) t.join();
}

Result<std::unique_ptr<Executor>> Executor::create(const StepProgram& program, const MemoryPlan& memory,
                                                   const ExecutorOptions& options) {
    auto impl = std::make_unique<Impl>(program, memory, options);
    Result<std::unique_ptr<Backend>> backend =
        options.backend.create ? options.backend.create(program, memory)
                               : CpuBackend::create(program, memory, options.link, options.host_link);
    if (!backend) return backend.error();
    impl->backend = std::move(backend).value();
    if (options.capture) impl->backend->describe(*options.capture);
    if (options.backend.create && NvtxRanges::compiled()) {
        std::vector<std::string> names;
        for (const Op& op : program.ops) names.push_back(op.name);
        impl->ranges = std::make_unique<NvtxRanges>(names);
    }
    Recorder* recorder = options.recorder;
    for (size_t i = 0; i < program.ops.size(); ++i) {
        impl->lane_ops[laneIndex(program.ops[i].lane)].push_back(i);
        if (recorder) impl->op_names.push_back(recorder->intern(program.ops[i].name));
    }
    for (const BufferInfo& buffer : program.buffers)
        if (recorder) impl->buffer_names.push_back(recorder->intern(buffer.name));
    for (int64_t r = 0; r < program.ranks; ++r) {
        auto state = std::make_unique<RankState>();
        if (auto error = impl->prepareMemory(*state, r)) return *error;
        for (size_t lane = 0; lane < lane_count && recorder; ++lane) {
            const LaneKind kind = all_lane_kinds[lane];
            if (!impl->hasLane(lane)) continue;
            std::string name = "rank " + std::to_string(r) + " " + std::string(toText(kind));
            const bool on_stream =
                kind == LaneKind::compute || kind == LaneKind::comm || kind == LaneKind::copy; // shown by the capture
            state->recorders[lane] =
                options.capture && on_stream
                    ? &recorder->addMemory(name)
                    : &recorder->addLane({.rank = static_cast<int32_t>(r), .kind = kind, .name = std::move(name)});
        }
        impl->ranks.push_back(std::move(state));
    }
    return std::unique_ptr<Executor>(new Executor(std::move(impl)));
}

void Executor::begin() {
    for (int64_t r = 0; r < m_impl->program.ranks; ++r)
        for (size_t b = 0; b < m_impl->program.buffers.size(); ++b) {
            const BufferInfo& buffer = m_impl->program.buffers[b];
            if (!buffer.persistent) continue;
            const int64_t delta = m_impl->ranks[static_cast<size_t>(r)]->ledger.change(buffer, true);
            m_impl->recordMemory(r, TraceClock::now(), static_cast<BufferId>(b), delta, OpId::none, -1);
        }
    for (int64_t r = 0; r < m_impl->program.ranks; ++r)
        for (size_t lane = 0; lane < lane_count; ++lane)
            if (m_impl->hasLane(lane))
                m_impl->threads.emplace_back([impl = m_impl.get(), lane, r] { impl->laneThread(lane, r); });
}

Result<StepTimes> Executor::runStep(const StepContext& context) {
    return runPiece(context, 0, m_impl->program.ops.size());
}

Result<StepTimes> Executor::runPiece(const StepContext& context, size_t first, size_t end) {
    Impl& impl = *m_impl;
    const auto failure = [&] { // a lane may fail before its first step
        std::lock_guard lock(impl.mutex);
        return *impl.failure;
    };
    if (impl.failed) return failure();
    impl.context = &context;
    impl.lanes_busy = static_cast<int32_t>(impl.threads.size());
    impl.times = {.start_ns = INT64_MAX, .end_ns = 0};
    impl.first_op = first;
    impl.end_op = end;
    try {
        impl.backend->beginPiece();
    } catch (const std::exception& e) {
        impl.fail("Step " + std::to_string(context.step) + " could not begin: " + e.what());
        return failure();
    }
    for (auto& rank : impl.ranks)
        for (std::atomic<int32_t>& progress : rank->progress)
            if (first == 0) progress = 0;
    if (impl.failed) return failure(); // what has just been reset would let lanes wait for ever
    impl.steps_given.fetch_add(1);
    impl.steps_given.notify_all();
    for (int32_t busy; (busy = impl.lanes_busy.load()) > 0;) impl.lanes_busy.wait(busy);
    if (impl.failed) return failure();
    return impl.times;
}

namespace {

// Whole pages that start on a page, as direct transfers ask.
class PageBuffer {
public:
    explicit PageBuffer(int64_t bytes)
        : m_memory(static_cast<size_t>(bytes + 2 * SwapFile::page)) {}
    std::byte* start() {
        const auto address = reinterpret_cast<uintptr_t>(m_memory.data());
        return m_memory.data() + (SwapFile::page - address % SwapFile::page) % SwapFile::page;
    }

private:
    std::vector<std::byte> m_memory;
};

} // namespace

std::span<std::byte> Executor::inPlace(int64_t rank, BufferId id) {
    const BufferInfo& buffer = m_impl->program.buffer(id);
    if (buffer.tier == MemoryTier::nvme || !m_impl->backend->hostAddressable(buffer.tier)) return {};
    return {m_impl->ranks[static_cast<size_t>(rank)]->addresses[index(id)], static_cast<size_t>(buffer.bytes())};
}

std::vector<std::byte> Executor::read(int64_t rank, BufferId id) {
    const BufferInfo& buffer = m_impl->program.buffer(id);
    const RankState& state = *m_impl->ranks[static_cast<size_t>(rank)];
    if (buffer.tier == MemoryTier::nvme) {
        PageBuffer page(buffer.bytes());
        state.swap->read(page.start(), m_impl->memory.addresses[index(id)], buffer.bytes());
        return {page.start(), page.start() + buffer.bytes()};
    }
    std::vector<std::byte> all(static_cast<size_t>(buffer.bytes()));
    m_impl->backend->read(rank, all, state.addresses[index(id)]);
    return all;
}

void Executor::write(int64_t rank, BufferId id, std::span<const std::byte> data) {
    const BufferInfo& buffer = m_impl->program.buffer(id);
    const RankState& state = *m_impl->ranks[static_cast<size_t>(rank)];
    assert(std::ssize(data) == buffer.bytes());
    if (buffer.tier != MemoryTier::nvme) return m_impl->backend->write(rank, state.addresses[index(id)], data);
    PageBuffer page(buffer.bytes());
    std::copy(data.begin(), data.end(), page.start());
    state.swap->write(page.start(), m_impl->memory.addresses[index(id)], buffer.bytes());
}

void Executor::setRecording(bool on) { m_impl->recording = on; }

LedgerPeaks Executor::peaks(int64_t rank, MemoryTier tier) const {
    return m_impl->ranks[static_cast<size_t>(rank)]->ledger.peaks(tier);
}

} // namespace shardscope
