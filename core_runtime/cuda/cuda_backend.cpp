// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/cuda_backend.h"
#include "core_runtime/cpu/compute.h"
#include "kernels/cuda/ops.h"
#include "profiler/gpu_capture.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <cassert>
#include <cstring>
#include <thread>

namespace shardscope::cuda {
namespace {

// Lanes whose ops are enqueued on a stream; those of the others run on the processor.
constexpr bool onDevice(LaneKind lane) {
    return lane == LaneKind::compute || lane == LaneKind::comm || lane == LaneKind::copy;
}
constexpr size_t streamIndex(LaneKind lane) { return lane == LaneKind::compute ? 0 : lane == LaneKind::comm ? 1 : 2; }

bool isMemory(const Op& op) { return op.kind == OpKind::alloc || op.kind == OpKind::free; }

std::byte* allocateDevice(int64_t bytes) {
    void* start = nullptr;
    SHARDSCOPE_CUDA_CALL(cudaMalloc, &start, static_cast<size_t>(bytes));
    SHARDSCOPE_CUDA_CALL(cudaMemset, start, 0, static_cast<size_t>(bytes));
    return static_cast<std::byte*>(start);
}

// What the kernels of a rank need beside its operands. Outside the arena and the plan, as the workspace of a library.
int64_t scratchBytes(const StepProgram& program) {
    int64_t bytes = kernels::cuda::squared_sum_partials * int64_t{sizeof(double)};
    const auto need = [&](int64_t rows, int64_t columns) {
        bytes = std::max(bytes, kernels::cuda::scratchBytes(rows, columns));
    };
    for (const Op& op : program.ops) {
        const auto& d = op.dims;
        if (op.compute == ComputeKind::embedding_backward)
            need(d[0] * d[1], d[2]);
        else if (op.compute == ComputeKind::layernorm_backward || op.compute == ComputeKind::rmsnorm_backward ||
                 op.compute == ComputeKind::matmul_backward_weight)
            need(d[0], d[1]);
    }
    return bytes;
}

std::byte* allocatePinned(int64_t bytes) {
    void* start = nullptr;
    SHARDSCOPE_CUDA_CALL(cudaHostAlloc, &start, static_cast<size_t>(bytes), cudaHostAllocPortable);
    std::memset(start, 0, static_cast<size_t>(bytes));
    return static_cast<std::byte*>(start);
}

} // namespace

CudaBackend::CudaBackend(const StepProgram& program, const std::vector<int>& device_of_rank)
    : m_program(program)
    , m_scratch_bytes(scratchBytes(program))
    , m_ranks(static_cast<size_t>(program.ranks)) {
    assert(std::ssize(device_of_rank) == program.ranks);
    for (size_t r = 0; r < m_ranks.size(); ++r) m_ranks[r].device = device_of_rank[r];
}

CudaBackend::~CudaBackend() {
    for (const Clock& clock : m_clocks) { // nothing may be given back while it is used
        cudaSetDevice(clock.device);
        cudaDeviceSynchronize();
    }
}

Result<std::unique_ptr<Backend>> CudaBackend::create(const StepProgram& program, const MemoryPlan& memory,
                                                     const CudaOptions& options) {
    const std::vector<int>& device_of_rank = options.device_of_rank;
    std::unique_ptr<CudaBackend> backend(new CudaBackend(program, device_of_rank));
    try {
        for (const int device : device_of_rank) {
            if (std::any_of(backend->m_clocks.begin(), backend->m_clocks.end(),
                            [&](const Clock& c) { return c.device == device; }))
                continue;
            SHARDSCOPE_CUDA_CALL(cudaSetDevice, device);
            // The threads of all lanes wait at the end of a step: not by spinning on cores that other ranks need.
            SHARDSCOPE_CUDA_CALL(cudaSetDeviceFlags, cudaDeviceScheduleBlockingSync);
            const auto ranks = std::count(device_of_rank.begin(), device_of_rank.end(), device);
            const int64_t needed = ranks * (memory.device().arena_bytes + backend->m_scratch_bytes);
            size_t free_bytes = 0, total_bytes = 0;
            SHARDSCOPE_CUDA_CALL(cudaMemGetInfo, &free_bytes, &total_bytes);
            if (needed > static_cast<int64_t>(free_bytes))
                return Error{"GPU " + std::to_string(device) + " has " + std::to_string(free_bytes >> 20) + " of " +
                             std::to_string(total_bytes >> 20) + " MiB free and its " + std::to_string(ranks) +
                             (ranks == 1 ? " rank needs " : " ranks need ") + std::to_string(needed >> 20) +
                             " MiB; take fewer ranks, a smaller model or micro-batch, or a higher stage."};
            backend->m_clocks.push_back({.device = device, .stream = makeStream(0), .zero = makeEvent()});
        }
        for (Rank& rank : backend->m_ranks) {
            backend->prepare(rank, memory);
            if (!options.products) continue;
            Result<std::unique_ptr<CublasLtProducts>> products = CublasLtProducts::create(*options.products);
            if (!products) return products.error();
            rank.products = std::move(products).value();
        }
        Result<std::unique_ptr<Communicator>> communicator = options.makeCommunicator(program, device_of_rank);
        if (!communicator) return communicator.error();
        backend->m_communicator = std::move(communicator).value();
        for (const Clock& clock : backend->m_clocks) { // our streams do not wait for the one that zeroes memory
            SHARDSCOPE_CUDA_CALL(cudaSetDevice, clock.device);
            SHARDSCOPE_CUDA_CALL(cudaDeviceSynchronize);
        }
    } catch (const std::exception& e) {
        return Error{std::string("The GPU could not be prepared: ") + e.what()};
    }
    return std::unique_ptr<Backend>(std::move(backend));
}

void CudaBackend::prepare(Rank& rank, const MemoryPlan& memory) {
    SHARDSCOPE_CUDA_CALL(cudaSetDevice, rank.device);
    if (const int64_t bytes = memory.device().arena_bytes; bytes > 0) rank.arena = DeviceMemory(allocateDevice(bytes));
    if (const int64_t bytes = memory.tier(MemoryTier::host).arena_bytes; bytes > 0)
        rank.host_arena = PinnedMemory(allocatePinned(bytes));
    rank.scratch = DeviceMemory(allocateDevice(m_scratch_bytes));
    int least = 0, greatest = 0; // collectives go first where both could start
    SHARDSCOPE_CUDA_CALL(cudaDeviceGetStreamPriorityRange, &least, &greatest);
    for (const LaneKind lane : {LaneKind::compute, LaneKind::comm, LaneKind::copy})
        rank.streams[streamIndex(lane)] = makeStream(lane == LaneKind::compute ? least : greatest);

    // Every op tells when it ended. When it began is asked of those that may have waited: else it is the end before.
    rank.begun.resize(m_program.ops.size());
    rank.ended.resize(m_program.ops.size());
    std::array<bool, all_lane_kinds.size()> seen{};
    int64_t batch_elements = 0, micro_batches = 0;
    for (size_t i = 0; i < m_program.ops.size(); ++i) {
        const Op& op = m_program.ops[i];
        for (const OpId w : op.waits_for)
            if (isMemory(m_program.ops[index(w)]) && !rank.ended[index(w)].get()) rank.ended[index(w)] = makeEvent();
        if (!onDevice(op.lane) || isMemory(op)) continue;
        rank.ended[i] = makeEvent();
        bool& lane_seen = seen[static_cast<size_t>(op.lane)];
        if (!lane_seen || !op.waits_for.empty() || op.kind == OpKind::collective) rank.begun[i] = makeEvent();
        lane_seen = true;
        if (op.compute != ComputeKind::load_batch) continue;
        batch_elements = op.operands[0].elements;
        micro_batches = std::max(micro_batches, op.dims[2] + 1);
    }
    if (batch_elements > 0)
        rank.batches = PinnedMemory(allocatePinned(2 * micro_batches * batch_elements * int64_t{sizeof(int32_t)}));
    rank.compute = {.partial_sums = reinterpret_cast<double*>(rank.scratch.get()),
                    .batches = reinterpret_cast<int32_t*>(rank.batches.get()),
                    .batch_elements = batch_elements,
                    .stream = rank.streams[streamIndex(LaneKind::compute)].get()};
}

std::byte* CudaBackend::arena(int64_t rank, MemoryTier tier) const {
    return tier == MemoryTier::device ? rankAt(rank).arena.get() : rankAt(rank).host_arena.get();
}

void CudaBackend::read(int64_t rank, std::span<std::byte> to, const std::byte* from) {
    SHARDSCOPE_CUDA_CALL(cudaSetDevice, rankAt(rank).device);
    SHARDSCOPE_CUDA_CALL(cudaMemcpy, to.data(), from, to.size(), cudaMemcpyDefault);
}

void CudaBackend::write(int64_t rank, std::byte* to, std::span<const std::byte> from) {
    SHARDSCOPE_CUDA_CALL(cudaSetDevice, rankAt(rank).device);
    SHARDSCOPE_CUDA_CALL(cudaMemcpy, to, from.data(), from.size(), cudaMemcpyDefault);
    SHARDSCOPE_CUDA_CALL(cudaDeviceSynchronize); // a copy from pageable memory may return before it has arrived
}

void CudaBackend::enterLane(int64_t rank, LaneKind lane) {
    SHARDSCOPE_CUDA_CALL(cudaSetDevice, rankAt(rank).device);
    if (onDevice(lane)) kernels::cuda::useStream(streamOf(rank, lane));
    if (lane == LaneKind::compute) {
        kernels::cuda::useProducts(rankAt(rank).products.get());
        kernels::cuda::useScratch(rankAt(rank).scratch.get(), m_scratch_bytes);
    }
    const int64_t cores = std::max<int64_t>(std::thread::hardware_concurrency(), 1);
    kernels::setThreadsPerOp(static_cast<int>(std::max<int64_t>(cores / m_program.ranks, 1)));
    if (lane == LaneKind::comm) m_communicator->enterLane(rank);
}

void CudaBackend::describe(GpuCapture& capture) const {
    for (size_t r = 0; r < m_ranks.size(); ++r) {
        const Rank& rank = m_ranks[r];
        SHARDSCOPE_CUDA_CALL(cudaSetDevice, rank.device);
        for (const LaneKind lane : {LaneKind::compute, LaneKind::comm, LaneKind::copy})
            capture.nameStream(static_cast<uint32_t>(rank.device), rank.streams[streamIndex(lane)].get(),
                               static_cast<int32_t>(r), lane);
        for (const std::byte* own : {rank.arena.get(), rank.host_arena.get(), rank.batches.get()})
            if (own) capture.ownMemory(own);
    }
}

void CudaBackend::beginPiece() {
    for (Clock& clock : m_clocks) {
        SHARDSCOPE_CUDA_CALL(cudaSetDevice, clock.device);
        // The event is stamped between the two readings: the narrowest of a few tries.
        int64_t narrowest = INT64_MAX;
        for (int tries = 0; tries < 3; ++tries) {
            const int64_t before = TraceClock::now();
            SHARDSCOPE_CUDA_CALL(cudaEventRecord, clock.zero.get(), clock.stream.get());
            SHARDSCOPE_CUDA_CALL(cudaEventSynchronize, clock.zero.get());
            const int64_t after = TraceClock::now();
            clock.zero_ns = before + (after - before) / 2;
            if (after - before >= narrowest) break; // the last try is the one whose stamp stays
            narrowest = after - before;
        }
    }
}

cudaStream_t CudaBackend::streamOf(int64_t rank, LaneKind lane) const {
    return rankAt(rank).streams[streamIndex(lane)].get();
}

const CudaBackend::Clock& CudaBackend::clockOf(int64_t rank) const {
    return *std::find_if(m_clocks.begin(), m_clocks.end(),
                         [&](const Clock& c) { return c.device == rankAt(rank).device; });
}

int64_t CudaBackend::timeOf(int64_t rank, const Event& event) const {
    const Clock& clock = clockOf(rank);
    float elapsed_ms = 0;
    SHARDSCOPE_CUDA_CALL(cudaEventElapsedTime, &elapsed_ms, clock.zero.get(), event.get());
    return clock.zero_ns + static_cast<int64_t>(static_cast<double>(elapsed_ms) * 1e6);
}

int64_t CudaBackend::pieceStart(int64_t rank) const { return clockOf(rank).zero_ns; }

void CudaBackend::mark(const Rank& rank, const std::vector<Event>& events, size_t i, LaneKind lane) const {
    if (events[i].get()) SHARDSCOPE_CUDA_CALL(cudaEventRecord, events[i].get(), rank.streams[streamIndex(lane)].get());
}

void CudaBackend::follow(int64_t rank, LaneKind lane, size_t i) {
    const Event& event = rankAt(rank).ended[i];
    if (!event.get()) return; // it ran on the processor, and has ended
    if (onDevice(lane))
        SHARDSCOPE_CUDA_CALL(cudaStreamWaitEvent, streamOf(rank, lane), event.get(), 0);
    else
        SHARDSCOPE_CUDA_CALL(cudaEventSynchronize, event.get());
}

// On the stream for the host tier as well: what was at this address may still be used by what was enqueued before.
void CudaBackend::alloc(int64_t rank, size_t i, const BufferInfo& buffer, std::byte* start) {
    for (const ElementRange& range : buffer.zeroed) {
        std::byte* first = start + range.first * bytesOf(buffer.dtype);
        const auto bytes = static_cast<size_t>(range.elements * bytesOf(buffer.dtype));
        SHARDSCOPE_CUDA_CALL(cudaMemsetAsync, first, 0, bytes, streamOf(rank, LaneKind::compute));
    }
    mark(rankAt(rank), rankAt(rank).ended, i, LaneKind::compute);
}

void CudaBackend::free(int64_t rank, size_t i, const BufferInfo&, std::byte*) {
    mark(rankAt(rank), rankAt(rank).ended, i, LaneKind::compute);
}

std::optional<OpSpan> CudaBackend::run(size_t i, int64_t rank, const std::vector<std::byte*>& addresses,
                                       const StepContext& context) {
    const Op& op = m_program.ops[i];
    const Rank& own = rankAt(rank);
    if (!onDevice(op.lane)) {
        OpSpan span{.start_ns = TraceClock::now()};
        runCompute(m_program, op, rank, addresses, context);
        span.end_ns = TraceClock::now();
        return span;
    }
    mark(own, own.begun, i, op.lane);
    if (op.kind == OpKind::collective)
        m_communicator->enqueue(i, rank, addresses, streamOf(rank, op.lane), own.begun[i].get());
    else if (op.kind == OpKind::copy)
        SHARDSCOPE_CUDA_CALL(cudaMemcpyAsync, addressOf(m_program, op.operands[0], rank, addresses),
                             addressOf(m_program, op.operands[1], rank, addresses), static_cast<size_t>(op.bytes),
                             cudaMemcpyDefault, streamOf(rank, op.lane));
    else
        enqueueCompute(m_program, op, rank, addresses, context, own.compute);
    mark(own, own.ended, i, op.lane);
    return {};
}

void CudaBackend::endLane(int64_t rank, LaneKind lane) {
    SHARDSCOPE_CUDA_CALL(cudaStreamSynchronize, streamOf(rank, lane));
    if (lane == LaneKind::comm) m_communicator->endLane(rank);
}

OpSpan CudaBackend::spanOf(size_t i, int64_t rank, int64_t not_before_ns) {
    const Rank& own = rankAt(rank);
    OpSpan span{.start_ns = own.begun[i].get() ? timeOf(rank, own.begun[i]) : not_before_ns,
                .end_ns = timeOf(rank, own.ended[i])};
    if (m_program.ops[i].kind == OpKind::collective && m_communicator->meetsOnHost()) {
        int64_t last = span.start_ns;
        for (int64_t q = 0; q < m_program.ranks; ++q) last = std::max(last, timeOf(q, rankAt(q).begun[i]));
        span.wait_ns = last - span.start_ns;
    }
    // Events of different streams are stamped with half a microsecond of play.
    span.start_ns = std::max(span.start_ns, not_before_ns);
    span.end_ns = std::max(span.end_ns, span.start_ns);
    span.wait_ns = std::min(span.wait_ns, span.end_ns - span.start_ns);
    return span;
}

} // namespace shardscope::cuda
