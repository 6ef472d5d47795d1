// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/executor.h"
#include "core_runtime/cpu/arena_memory.h"
#include "core_runtime/cpu/thread_communicator.h"
#include "core_runtime/storage/swap_file.h"
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
    std::array<std::unique_ptr<ArenaMemory>, 2> arenas; // device, host
    std::unique_ptr<SwapFile> swap;                     // if the program has NVMe buffers
    std::vector<std::byte*> addresses;                  // by buffer; null for NVMe
    Ledger ledger;                                      // compute lane only
    // How far each lane is: ops with a smaller index have ended on that lane. Waited on, for the reason given in
    // thread_communicator.h.
    std::array<std::atomic<int32_t>, lane_count> progress{};
    std::array<LaneRecorder*, lane_count> recorders{};
};

} // namespace

struct Executor::Impl {
    const StepProgram& program;
    const MemoryPlan& memory;
    ExecutorOptions options;
    ThreadCommunicator communicator;
    std::vector<std::unique_ptr<RankState>> ranks;
    std::array<std::vector<size_t>, lane_count> lane_ops;
    std::vector<NameId> op_names, buffer_names;

    std::vector<std::thread> threads;
    std::atomic<int32_t> steps_given = 0, lanes_busy = 0;
    std::atomic<bool> failed = false, quit = false;
    const StepContext* context = nullptr; // written before steps_given, with the ops to run
    size_t first_op = 0, end_op = 0;
    std::mutex mutex; // guards what follows
    StepTimes times;
    std::optional<Error> failure;

    Impl(const StepProgram& p, const MemoryPlan& m, const ExecutorOptions& o)
        : program(p)
        , memory(m)
        , options(o)
        , communicator(p.ranks, o.link) {}

    // Lanes that the program uses; compute and comm are always shown.
    bool hasLane(size_t lane) const { return lane <= laneIndex(LaneKind::comm) || !lane_ops[lane].empty(); }

    void recordMemory(int64_t rank, const BufferInfo& buffer, BufferId id, int64_t delta, OpId op, int64_t step) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        if (!options.recorder) return;
        state.recorders[compute_lane]->memory({.time_ns = TraceClock::now(),
                                               .rank = static_cast<int32_t>(rank),
                                               .tier = buffer.tier,
                                               .category = buffer.category,
                                               .delta_bytes = delta,
                                               .buffer = buffer_names[index(id)],
                                               .op = op,
                                               .step = static_cast<int32_t>(step)});
    }

    void recordInterval(size_t lane, int64_t rank, size_t i, int64_t step, int64_t start, const OpTiming& timing) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        if (!options.recorder || !options.record_intervals) return;
        const Op& op = program.ops[i];
        state.recorders[lane]->interval(
            {.op = static_cast<OpId>(i),
             .name = op_names[i],
             .start_ns = start,
             .end_ns = TraceClock::now(),
             .step = static_cast<int32_t>(step),
             .phase = op.phase,
             .op_class = op.op_class,
             .layer = op.layer,
             .bucket = op.bucket,
             .elements = op.elements,
             .bytes = op.bytes,
             .sent_bytes = op.kind == OpKind::collective ? sentBytes(op.op_class, op.bytes, program.ranks) : 0,
             .wait_ns = timing.wait_ns,
             .emulated_ns = timing.emulated_ns});
    }

    void changeMemory(const Op& op, size_t i, int64_t rank, int64_t step) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        const BufferInfo& buffer = program.buffer(op.buffer);
        std::byte* start = state.addresses[index(op.buffer)];
        if (op.kind == OpKind::alloc) {
            ASAN_UNPOISON_MEMORY_REGION(start, static_cast<size_t>(buffer.bytes()));
            for (const ElementRange& range : buffer.zeroed)
                std::memset(start + range.first * bytesOf(buffer.dtype), 0,
                            static_cast<size_t>(range.elements * bytesOf(buffer.dtype)));
        } else {
            ASAN_POISON_MEMORY_REGION(start, static_cast<size_t>(buffer.bytes()));
        }
        const int64_t delta = state.ledger.change(buffer, op.kind == OpKind::alloc);
        recordMemory(rank, buffer, op.buffer, delta, static_cast<OpId>(i), step);
    }

    // Moves the bytes, then holds the lane as long as the modelled link would have needed.
    OpTiming runCopy(const Op& op, int64_t rank) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        const Operand &to = op.operands[0], &from = op.operands[1];
        const int64_t begin = TraceClock::now();
        auto offset = [&](const Operand& o) {
            return (o.offset + rank * o.rank_stride) * bytesOf(program.buffer(o.buffer).dtype);
        };
        auto stored = [&](const Operand& o) { return program.buffer(o.buffer).tier == MemoryTier::nvme; };
        auto address = [&](const Operand& o) { return state.addresses[index(o.buffer)] + offset(o); };
        auto place = [&](const Operand& o) { return memory.addresses[index(o.buffer)] + offset(o); };
        if (stored(to))
            state.swap->write(address(from), place(to), op.bytes);
        else if (stored(from))
            state.swap->read(address(to), place(from), op.bytes);
        else
            std::memcpy(address(to), address(from), static_cast<size_t>(op.bytes));
        const LinkModel& link = op.lane == LaneKind::storage ? options.storage_link : options.host_link;
        return communicator.hold(begin, link.emulates() ? copyTimeNs(link, op.bytes) : 0);
    }

    OpTiming runOp(const Op& op, int64_t rank, const StepContext& step) {
        switch (op.kind) {
        case OpKind::collective:
            return communicator.run(program, op, rank, ranks[static_cast<size_t>(rank)]->addresses);
        case OpKind::copy:
            return runCopy(op, rank);
        default:
            runCompute(program, op, rank, ranks[static_cast<size_t>(rank)]->addresses, step);
            return {};
        }
    }

    void fail(std::string message) {
        {
            std::lock_guard lock(mutex);
            if (!failure) failure = Error{std::move(message)};
        }
        failed = true;
        communicator.abort();
        for (auto& rank : ranks)
            for (std::atomic<int32_t>& progress : rank->progress) {
                progress.exchange(INT32_MAX); // lets every waiter go on to see the failure
                progress.notify_all();
            }
    }

    // One lane of one rank through the ops to run. False after a failure anywhere.
    bool runLane(size_t lane, int64_t rank, const StepContext& step) {
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
            if (op.kind == OpKind::alloc || op.kind == OpKind::free) {
                changeMemory(op, i, rank, step.step);
            } else if (!step.only_update || op.phase == Phase::optimizer) {
                const int64_t start = TraceClock::now();
                OpTiming timing;
                try {
                    timing = runOp(op, rank, step);
                } catch (const std::exception& e) {
                    fail("'" + op.name + "' failed on rank " + std::to_string(rank) + " in step " +
                         std::to_string(step.step) + ": " + e.what());
                }
                if (timing.aborted || failed) return false;
                recordInterval(lane, rank, i, step.step, start, timing);
            }
            int32_t before = state.progress[lane].load(); // a failure elsewhere has set it to its end
            while (before != INT32_MAX &&
                   !state.progress[lane].compare_exchange_weak(before, static_cast<int32_t>(i) + 1))
                ;
            state.progress[lane].notify_all();
        }
        return true;
    }

    void laneThread(size_t lane, int64_t rank) {
        const int64_t cores = std::max<int64_t>(std::thread::hardware_concurrency(), 1);
        kernels::setThreadsPerOp(static_cast<int>(std::max<int64_t>(cores / program.ranks, 1)));
        for (int32_t steps_seen = 0;; ++steps_seen) {
            steps_given.wait(steps_seen);
            if (quit) return;
            const int64_t start = TraceClock::now();
            runLane(lane, rank, *context);
            const int64_t end = TraceClock::now();
            {
                std::lock_guard lock(mutex);
                times.start_ns = std::min(times.start_ns, start);
                times.end_ns = std::max(times.end_ns, end);
            }
            if (lanes_busy.fetch_sub(1) == 1) lanes_busy.notify_all();
        }
    }

    std::optional<Error> prepareMemory(RankState& state, int64_t rank) {
        for (const MemoryTier tier : {MemoryTier::device, MemoryTier::host}) {
            auto& arena = state.arenas[static_cast<size_t>(tier)];
            arena = std::make_unique<ArenaMemory>(memory.tier(tier).arena_bytes);
            if (!arena->good())
                return Error{
                    "The " + std::to_string(program.ranks) + " ranks need " +
                    std::to_string(memory.arenaBytes() * program.ranks / (1 << 20)) +
                    " MiB, which this machine does not give; take fewer ranks, a smaller model or a higher stage."};
        }
        if (const int64_t bytes = memory.tier(MemoryTier::nvme).arena_bytes; bytes > 0) {
            Result<std::unique_ptr<SwapFile>> swap = SwapFile::create(options.nvme_path, bytes, rank);
            if (!swap) return swap.error();
            state.swap = std::move(swap).value();
        }
        for (size_t b = 0; b < program.buffers.size(); ++b) {
            const BufferInfo& buffer = program.buffers[b];
            const bool stored = buffer.tier == MemoryTier::nvme;
            std::byte* address =
                stored ? nullptr : state.arenas[static_cast<size_t>(buffer.tier)]->start() + memory.addresses[b];
            state.addresses.push_back(address);
            if (!stored && !buffer.persistent) ASAN_POISON_MEMORY_REGION(address, static_cast<size_t>(buffer.bytes()));
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
            if (impl->hasLane(lane))
                state->recorders[lane] =
                    &recorder->addLane({.rank = static_cast<int32_t>(r),
                                        .kind = kind,
                                        .name = "rank " + std::to_string(r) + " " + std::string(toText(kind))});
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
            m_impl->recordMemory(r, buffer, static_cast<BufferId>(b), delta, OpId::none, -1);
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
    if (impl.failure) return *impl.failure;
    impl.context = &context;
    impl.lanes_busy = static_cast<int32_t>(impl.threads.size());
    impl.times = {.start_ns = INT64_MAX, .end_ns = 0};
    impl.first_op = first;
    impl.end_op = end;
    for (auto& rank : impl.ranks)
        for (std::atomic<int32_t>& progress : rank->progress)
            if (first == 0) progress = 0;
    impl.steps_given.fetch_add(1);
    impl.steps_given.notify_all();
    for (int32_t busy; (busy = impl.lanes_busy.load()) > 0;) impl.lanes_busy.wait(busy);
    if (impl.failure) return *impl.failure;
    return impl.times;
}

std::span<std::byte> Executor::bytes(int64_t rank, BufferId id) {
    assert(m_impl->program.buffer(id).tier != MemoryTier::nvme);
    return {m_impl->ranks[static_cast<size_t>(rank)]->addresses[index(id)],
            static_cast<size_t>(m_impl->program.buffer(id).bytes())};
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

std::vector<std::byte> Executor::readStored(int64_t rank, BufferId id) {
    const int64_t bytes = m_impl->program.buffer(id).bytes();
    PageBuffer page(bytes);
    m_impl->ranks[static_cast<size_t>(rank)]->swap->read(page.start(), m_impl->memory.addresses[index(id)], bytes);
    return {page.start(), page.start() + bytes};
}

void Executor::writeStored(int64_t rank, BufferId id, std::span<const std::byte> data) {
    assert(static_cast<int64_t>(data.size()) == m_impl->program.buffer(id).bytes());
    PageBuffer page(static_cast<int64_t>(data.size()));
    std::copy(data.begin(), data.end(), page.start());
    m_impl->ranks[static_cast<size_t>(rank)]->swap->write(page.start(), m_impl->memory.addresses[index(id)],
                                                          static_cast<int64_t>(data.size()));
}

LedgerPeaks Executor::peaks(int64_t rank, MemoryTier tier) const {
    return m_impl->ranks[static_cast<size_t>(rank)]->ledger.peaks(tier);
}

} // namespace shardscope
