// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/nccl_communicator.h"
#include <cassert>

namespace shardscope::cuda {
namespace {

constexpr auto poll_interval = std::chrono::milliseconds(1), watch_interval = std::chrono::milliseconds(100);

NcclType typeOf(DType dtype) {
    switch (dtype) {
    case DType::f16:
        return NcclType::f16;
    case DType::bf16:
        return NcclType::bf16;
    case DType::f64:
        return NcclType::f64;
    default:
        assert(dtype == DType::f32);
        return NcclType::f32;
    }
}

} // namespace

NcclCommunicator::NcclCommunicator(const StepProgram& program, const NcclApi& api, NcclUniqueId id,
                                   std::chrono::milliseconds timeout)
    : m_program(program)
    , m_api(api)
    , m_id(id)
    , m_timeout(timeout)
    , m_members(static_cast<size_t>(program.ranks))
    , m_watcher([this] { watch(); }) {}

Result<std::unique_ptr<Communicator>> NcclCommunicator::create(const StepProgram& program, const NcclApi& api,
                                                               std::chrono::milliseconds timeout) {
    NcclUniqueId id{};
    if (const NcclResult result = api.getUniqueId(&id); result != NcclResult::success)
        return Error{std::string("NCCL gave no identity for the group of ranks: ") + api.getErrorString(result)};
    return std::unique_ptr<Communicator>(new NcclCommunicator(program, api, id, timeout));
}

// Communicators of one process end together: first all are asked to, then each is waited for.
NcclCommunicator::~NcclCommunicator() {
    {
        std::lock_guard lock(m_mutex);
        m_quit = true;
    }
    m_wakes.notify_all();
    m_watcher.join();
    if (!m_ended_because.empty()) return; // aborting has freed them
    for (const Member& member : m_members)
        if (member.comm) m_api.commFinalize(member.comm);
    const auto deadline = Clock::now() + m_timeout;
    for (const Member& member : m_members) {
        NcclResult state = NcclResult::success;
        while (member.comm && m_api.commGetAsyncError(member.comm, &state) == NcclResult::success &&
               state == NcclResult::in_progress && Clock::now() < deadline)
            std::this_thread::sleep_for(poll_interval);
        if (member.comm) m_api.commDestroy(member.comm);
    }
}

void NcclCommunicator::check(NcclResult result, const char* call, int64_t rank) const {
    if (!m_ended_because.empty()) throw std::runtime_error(m_ended_because);
    if (result == NcclResult::success || result == NcclResult::in_progress) return;
    throw std::runtime_error(std::string(call) + " on rank " + std::to_string(rank) + ": " +
                             m_api.getErrorString(result));
}

void NcclCommunicator::settle(const char* call, int64_t rank) {
    const auto deadline = Clock::now() + m_timeout;
    for (;;) {
        NcclResult state = NcclResult::success;
        {
            std::lock_guard lock(m_mutex);
            if (m_ended_because.empty()) m_api.commGetAsyncError(m_members[static_cast<size_t>(rank)].comm, &state);
            check(state, call, rank);
        }
        if (state == NcclResult::success) return;
        if (Clock::now() > deadline)
            throw std::runtime_error(std::string(call) + " on rank " + std::to_string(rank) +
                                     " did not end in time; is every rank's GPU reachable from the others?");
        std::this_thread::sleep_for(poll_interval);
    }
}

void NcclCommunicator::enterLane(int64_t rank) {
    NcclConfig config;
    NcclComm comm = nullptr;
    const NcclResult result =
        m_api.commInitRankConfig(&comm, static_cast<int>(m_program.ranks), m_id, static_cast<int>(rank), &config);
    {
        std::lock_guard lock(m_mutex);
        m_members[static_cast<size_t>(rank)].comm = comm;
        if (!m_ended_because.empty() && comm) m_api.commAbort(comm); // it came after the end of the others
        check(result, "ncclCommInitRankConfig", rank);
    }
    settle("ncclCommInitRankConfig", rank);
}

// A range of slices that lie side by side is one collective; else each slice goes by itself, to or from its owner.
void NcclCommunicator::share(const Op& op, const CollectivePiece& p, int64_t rank,
                             const std::vector<std::byte*>& addresses, cudaStream_t stream) {
    const DType dtype = m_program.buffer(p.full).dtype;
    const NcclType type = typeOf(dtype);
    const NcclComm comm = m_members[static_cast<size_t>(rank)].comm;
    const auto count = static_cast<size_t>(p.slice_elements);
    const auto ranks = static_cast<size_t>(m_program.ranks);
    const bool whole = p.slice_stride == p.slice_elements, in_place = p.shard == BufferId::none;
    auto slice = [&](int64_t owner) {
        return addresses[index(p.full)] + (p.full_offset + owner * p.slice_stride) * bytesOf(dtype);
    };
    std::byte* own = in_place ? slice(rank) : addresses[index(p.shard)] + p.shard_offset * bytesOf(dtype);
    constexpr NcclReduce mean = NcclReduce::average;
    if (op.op_class == OpClass::all_gather && whole)
        return check(m_api.allGather(own, slice(0), count, type, comm, stream), "ncclAllGather", rank);
    if (op.op_class == OpClass::reduce_scatter && whole)
        return check(m_api.reduceScatter(slice(0), own, count, type, mean, comm, stream), "ncclReduceScatter", rank);
    if (op.op_class == OpClass::all_reduce && whole)
        return check(m_api.allReduce(slice(0), slice(0), count * ranks, type, mean, comm, stream), "ncclAllReduce",
                     rank);
    for (int64_t q = 0; q < m_program.ranks; ++q) {
        std::byte* part = q == rank && op.op_class != OpClass::all_reduce ? own : slice(q);
        const int root = static_cast<int>(q);
        if (op.op_class == OpClass::all_gather)
            check(m_api.broadcast(part, slice(q), count, type, root, comm, stream), "ncclBroadcast", rank);
        else if (op.op_class == OpClass::reduce_scatter)
            check(m_api.reduce(slice(q), part, count, type, mean, root, comm, stream), "ncclReduce", rank);
        else
            check(m_api.allReduce(part, part, count, type, mean, comm, stream), "ncclAllReduce", rank);
    }
}

void NcclCommunicator::enqueue(size_t i, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t stream,
                               cudaEvent_t) {
    const Op& op = m_program.ops[i];
    {
        std::lock_guard lock(m_mutex); // none of these calls waits, and nobody aborts the communicator meanwhile
        if (!m_ended_because.empty()) throw std::runtime_error(m_ended_because);
        Member& member = m_members[static_cast<size_t>(rank)];
        if (!member.busy_since) member.busy_since = Clock::now();
        check(m_api.groupStart(), "ncclGroupStart", rank);
        for (const CollectivePiece& piece : op.pieces) share(op, piece, rank, addresses, stream);
        check(m_api.groupEnd(), "ncclGroupEnd", rank);
    }
    settle("ncclGroupEnd", rank); // only now has all of it been enqueued
}

void NcclCommunicator::endLane(int64_t rank) {
    std::lock_guard lock(m_mutex);
    m_members[static_cast<size_t>(rank)].busy_since.reset();
    if (!m_ended_because.empty()) throw std::runtime_error(m_ended_because);
}

void NcclCommunicator::end(const std::string& reason) {
    std::lock_guard lock(m_mutex);
    if (!m_ended_because.empty()) return;
    m_ended_because = "the collectives were ended: " + reason;
    for (const Member& member : m_members)
        if (member.comm) m_api.commAbort(member.comm);
}

void NcclCommunicator::watch() {
    std::unique_lock lock(m_mutex);
    while (!m_wakes.wait_for(lock, watch_interval, [&] { return m_quit; })) {
        std::string reason;
        for (size_t rank = 0; rank < m_members.size() && m_ended_because.empty() && reason.empty(); ++rank) {
            const Member& member = m_members[rank];
            NcclResult state = NcclResult::success;
            if (!member.comm || !member.busy_since) continue;
            m_api.commGetAsyncError(member.comm, &state);
            const std::string where = "rank " + std::to_string(rank);
            if (state != NcclResult::success && state != NcclResult::in_progress)
                reason = where + " reported '" + m_api.getErrorString(state) + "'";
            else if (Clock::now() - *member.busy_since > m_timeout)
                reason = where + " waited for the others for more than " +
                         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(m_timeout).count()) + " s";
        }
        if (reason.empty()) continue;
        lock.unlock();
        end(reason);
        lock.lock();
    }
}

} // namespace shardscope::cuda
