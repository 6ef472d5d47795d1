// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/executor.h"
#include "core_runtime/cpu/thread_communicator.h"
#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <thread>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace shardscope {
namespace {

// Anonymous pages, huge where the system allows: first touches of 4 KiB pages cost more than a small step.
class ArenaMemory {
public:
    explicit ArenaMemory(int64_t bytes)
        : m_bytes(static_cast<size_t>(bytes)) {
        void* address = mmap(nullptr, m_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (address == MAP_FAILED) return;
        m_start = static_cast<std::byte*>(address);
        madvise(address, m_bytes, MADV_HUGEPAGE);
    }
    ~ArenaMemory() {
        if (!m_start) return;
        ASAN_UNPOISON_MEMORY_REGION(m_start, m_bytes);
        munmap(m_start, m_bytes);
    }
    ArenaMemory(const ArenaMemory&) = delete;
    ArenaMemory& operator=(const ArenaMemory&) = delete;
    std::byte* start() const { return m_start; }

private:
    std::byte* m_start = nullptr;
    size_t m_bytes;
};

class Ledger {
public:
    int64_t change(const BufferInfo& buffer, bool alloc) {
        const auto c = static_cast<size_t>(buffer.category);
        const int64_t delta = alloc ? buffer.bytes() : -buffer.bytes();
        m_now[c] += delta;
        m_total += delta;
        m_peaks.category_peak[c] = std::max(m_peaks.category_peak[c], m_now[c]);
        m_peaks.peak_bytes = std::max(m_peaks.peak_bytes, m_total);
        return delta;
    }
    const LedgerPeaks& peaks() const { return m_peaks; }

private:
    std::array<int64_t, all_memory_categories.size()> m_now{};
    int64_t m_total = 0;
    LedgerPeaks m_peaks;
};

constexpr std::array lanes_of_a_rank = {LaneKind::compute, LaneKind::comm};

struct RankState {
    std::unique_ptr<ArenaMemory> arena;
    std::vector<std::byte*> addresses; // by buffer
    Ledger ledger;                     // compute lane only
    // How far each lane is: ops with a smaller index have ended on that lane. Guarded by the mutex.
    std::mutex mutex;
    std::condition_variable progress_made;
    std::array<size_t, lanes_of_a_rank.size()> progress{};
    std::array<LaneRecorder*, lanes_of_a_rank.size()> recorders{};
};

} // namespace

struct Executor::Impl {
    const StepProgram& program;
    const MemoryPlan& memory;
    ThreadCommunicator communicator;
    Recorder* recorder;
    bool record_intervals;
    std::vector<std::unique_ptr<RankState>> ranks;
    std::array<std::vector<size_t>, lanes_of_a_rank.size()> lane_ops;
    std::vector<NameId> op_names, buffer_names;

    std::vector<std::thread> threads;
    std::mutex mutex; // guards what follows
    std::condition_variable step_given, step_done;
    uint64_t steps_given = 0;
    size_t lanes_busy = 0;
    StepTimes times;
    const StepContext* context = nullptr;
    std::optional<Error> failure;
    bool quit = false;
    std::atomic<bool> failed = false;

    Impl(const StepProgram& p, const MemoryPlan& m, const LinkModel& link, Recorder* r, bool intervals)
        : program(p)
        , memory(m)
        , communicator(p.ranks, link)
        , recorder(r)
        , record_intervals(intervals) {}

    void recordMemory(int64_t rank, const BufferInfo& buffer, BufferId id, int64_t delta, OpId op, int64_t step) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        if (!recorder) return;
        state.recorders[0]->memory({.time_ns = TraceClock::now(),
                                    .rank = static_cast<int32_t>(rank),
                                    .tier = buffer.tier,
                                    .category = buffer.category,
                                    .delta_bytes = delta,
                                    .buffer = buffer_names[index(id)],
                                    .op = op,
                                    .step = static_cast<int32_t>(step)});
    }

    void recordInterval(size_t lane, int64_t rank, size_t i, int64_t step, int64_t start,
                        const CollectiveTiming& timing) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        if (!recorder || !record_intervals) return;
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

    void fail(std::string message) {
        {
            std::lock_guard lock(mutex);
            if (!failure) failure = Error{std::move(message)};
        }
        failed = true;
        communicator.abort();
        for (auto& rank : ranks) {
            std::lock_guard lock(rank->mutex); // so that no waiter misses the change
            rank->progress_made.notify_all();
        }
    }

    // One lane of one rank through one step. False after a failure anywhere.
    bool runLane(size_t lane, int64_t rank, const StepContext& step) {
        RankState& state = *ranks[static_cast<size_t>(rank)];
        for (size_t i : lane_ops[lane]) {
            const Op& op = program.ops[i];
            if (!op.waits_for.empty()) {
                std::unique_lock lock(state.mutex);
                state.progress_made.wait(lock, [&] {
                    return failed || std::all_of(op.waits_for.begin(), op.waits_for.end(), [&](OpId w) {
                               const size_t other = program.ops[index(w)].lane == LaneKind::compute ? 0 : 1;
                               return state.progress[other] > index(w);
                           });
                });
            }
            if (failed) return false;
            if (op.kind == OpKind::alloc || op.kind == OpKind::free) {
                changeMemory(op, i, rank, step.step);
            } else {
                const int64_t start = TraceClock::now();
                CollectiveTiming timing;
                try {
                    if (op.kind == OpKind::collective)
                        timing = communicator.run(program, op, rank, state.addresses);
                    else
                        runCompute(program, op, rank, state.addresses, step);
                } catch (const std::exception& e) {
                    fail("'" + op.name + "' failed on rank " + std::to_string(rank) + " in step " +
                         std::to_string(step.step) + ": " + e.what() + ".");
                }
                if (timing.aborted || failed) return false;
                recordInterval(lane, rank, i, step.step, start, timing);
            }
            {
                std::lock_guard lock(state.mutex);
                state.progress[lane] = i + 1;
            }
            state.progress_made.notify_all();
        }
        return true;
    }

    void laneThread(size_t lane, int64_t rank) {
        const int64_t cores = std::max<int64_t>(std::thread::hardware_concurrency(), 1);
        kernels::setThreadsPerOp(static_cast<int>(std::max<int64_t>(cores / program.ranks, 1)));
        uint64_t steps_seen = 0;
        for (;;) {
            const StepContext* step = nullptr;
            {
                std::unique_lock lock(mutex);
                step_given.wait(lock, [&] { return quit || steps_given != steps_seen; });
                if (quit) return;
                steps_seen = steps_given;
                step = context;
            }
            const int64_t start = TraceClock::now();
            runLane(lane, rank, *step);
            const int64_t end = TraceClock::now();
            std::lock_guard lock(mutex);
            times.start_ns = std::min(times.start_ns, start);
            times.end_ns = std::max(times.end_ns, end);
            if (--lanes_busy == 0) step_done.notify_all();
        }
    }
};

Executor::Executor(std::unique_ptr<Impl> impl)
    : m_impl(std::move(impl)) {}

Executor::~Executor() {
    {
        std::lock_guard lock(m_impl->mutex);
        m_impl->quit = true;
    }
    m_impl->step_given.notify_all();
    for (std::thread& t : m_impl->threads) t.join();
}

Result<std::unique_ptr<Executor>> Executor::create(const StepProgram& program, const MemoryPlan& memory,
                                                   const LinkModel& link, Recorder* recorder, bool record_intervals) {
    auto impl = std::make_unique<Impl>(program, memory, link, recorder, record_intervals);
    for (int64_t r = 0; r < program.ranks; ++r) {
        auto state = std::make_unique<RankState>();
        state->arena = std::make_unique<ArenaMemory>(memory.arena_bytes);
        if (!state->arena->start())
            return Error{
                "The " + std::to_string(program.ranks) + " ranks need " +
                std::to_string(memory.arena_bytes * program.ranks / (1 << 20)) +
                " MiB, which this machine does not give; take fewer ranks, a smaller model or a higher stage."};
        for (int64_t address : memory.addresses) state->addresses.push_back(state->arena->start() + address);
        for (size_t b = 0; b < program.buffers.size(); ++b)
            if (!program.buffers[b].persistent)
                ASAN_POISON_MEMORY_REGION(state->addresses[b], static_cast<size_t>(program.buffers[b].bytes()));
        if (recorder)
            for (size_t lane = 0; lane < lanes_of_a_rank.size(); ++lane) {
                const LaneKind kind = lanes_of_a_rank[lane];
                state->recorders[lane] =
                    &recorder->addLane({.rank = static_cast<int32_t>(r),
                                        .kind = kind,
                                        .name = "rank " + std::to_string(r) + " " + std::string(toText(kind))});
            }
        impl->ranks.push_back(std::move(state));
    }
    for (size_t i = 0; i < program.ops.size(); ++i) {
        impl->lane_ops[program.ops[i].lane == LaneKind::compute ? 0 : 1].push_back(i);
        if (recorder) impl->op_names.push_back(recorder->intern(program.ops[i].name));
    }
    for (const BufferInfo& buffer : program.buffers)
        if (recorder) impl->buffer_names.push_back(recorder->intern(buffer.name));
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
        for (size_t lane = 0; lane < lanes_of_a_rank.size(); ++lane)
            m_impl->threads.emplace_back([impl = m_impl.get(), lane, r] { impl->laneThread(lane, r); });
}

Result<StepTimes> Executor::runStep(const StepContext& context) {
    std::unique_lock lock(m_impl->mutex);
    m_impl->context = &context;
    m_impl->lanes_busy = m_impl->threads.size();
    m_impl->times = {.start_ns = INT64_MAX, .end_ns = 0};
    for (auto& rank : m_impl->ranks) {
        std::lock_guard rank_lock(rank->mutex);
        rank->progress.fill(0);
    }
    ++m_impl->steps_given;
    m_impl->step_given.notify_all();
    m_impl->step_done.wait(lock, [&] { return m_impl->lanes_busy == 0; });
    if (m_impl->failure) return *m_impl->failure;
    return m_impl->times;
}

std::span<std::byte> Executor::bytes(int64_t rank, BufferId id) {
    return {m_impl->ranks[static_cast<size_t>(rank)]->addresses[index(id)],
            static_cast<size_t>(m_impl->program.buffer(id).bytes())};
}

LedgerPeaks Executor::peaks(int64_t rank) const { return m_impl->ranks[static_cast<size_t>(rank)]->ledger.peaks(); }

} // namespace shardscope
