// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/nccl_communicator.h"
#include <algorithm>
#include <cassert>

namespace shardscope::cuda {
namespace {

constexpr auto poll_interval = std::chrono::milliseconds(1), watch_interval = std::chrono::milliseconds(100);
constexpr std::chrono::milliseconds longest_end = std::chrono::seconds(30); // of communicators without work

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

std::string secondsOf(std::chrono::milliseconds time) { return std::to_string((time.count() + 999) / 1000) + " s"; }

// The last error tells what the number cannot: which file, host or call. It is one for the whole library.
std::string wordsOf(const NcclApi& api, NcclResult result, NcclComm comm) {
    std::string words = api.getErrorString(result);
    std::string more = api.getLastError && api.getLastError(comm) ? api.getLastError(comm) : "";
    while (!more.empty() && (more.back() == '\n' || more.back() == ' ')) more.pop_back();
    return words + (more.empty() ? "; NCCL_DEBUG=WARN says more" : " (" + more + ")");
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
        return Error{std::string("NCCL gave no identity for the group of ranks: ") + wordsOf(api, result, nullptr)};
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
    const auto deadline = Clock::now() + std::min(m_timeout, longest_end);
    for (const Member& member : m_members) {
        if (!member.comm) continue;
        NcclResult state = NcclResult::in_progress, asked = NcclResult::success;
        while ((asked = m_api.commGetAsyncError(member.comm, &state)) == NcclResult::success &&
               state == NcclResult::in_progress && Clock::now() < deadline)
            std::this_thread::sleep_for(poll_interval);
        if (asked == NcclResult::success && state == NcclResult::success)
            m_api.commDestroy(member.comm);
        else
            m_api.commAbort(member.comm); // to destroy one that has not ended may wait for ever
    }
}

std::string NcclCommunicator::textOf(NcclResult result, NcclComm comm) const { return wordsOf(m_api, result, comm); }

void NcclCommunicator::check(NcclResult result, const char* call, int64_t rank) const {
    if (!m_ended_because.empty()) throw std::runtime_error(m_ended_because);
    if (result == NcclResult::success || result == NcclResult::in_progress) return;
    throw std::runtime_error(std::string(call) + " on rank " + std::to_string(rank) + ": " +
                             textOf(result, m_members[static_cast<size_t>(rank)].comm));
}

std::string NcclCommunicator::lateRanks() const {
    const auto behind = std::ranges::minmax_element(m_members, {}, &Member::collectives);
    std::string ranks;
    for (size_t q = 0; q < m_members.size(); ++q) {
        const Member& member = m_members[q];
        const bool absent = !member.comm;
        if (absent || member.collectives < behind.max->collectives)
            ranks += (ranks.empty() ? "rank " : ", rank ") + std::to_string(q) +
                     (absent ? " has not come"
                             : " has begun " + std::to_string(member.collectives) + " of " +
                                   std::to_string(behind.max->collectives) + " collectives");
    }
    return ranks.empty() ? "no rank is behind the others; is each GPU reachable from the others?" : ranks;
}

void NcclCommunicator::settle(const char* call, int64_t rank) {
    const auto deadline = Clock::now() + m_timeout;
    for (;;) {
        NcclResult state = NcclResult::success;
        {
            std::lock_guard lock(m_mutex);
            if (m_ended_because.empty())
                check(m_api.commGetAsyncError(m_members[static_cast<size_t>(rank)].comm, &state), call, rank);
            check(state, call, rank);
            if (state == NcclResult::in_progress && Clock::now() > deadline)
                throw std::runtime_error(std::string(call) + " on rank " + std::to_string(rank) +
                                         " did not end within " + secondsOf(m_timeout) + ": " + lateRanks());
        }
        if (state == NcclResult::success) return;
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

// A group that was begun is ended whatever happens in it: what this thread calls after it would else never run.
void NcclCommunicator::give(const Op& op, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t stream) {
    check(m_api.groupStart(), "ncclGroupStart", rank);
    try {
        for (const CollectivePiece& piece : op.pieces) share(op, piece, rank, addresses, stream);
    } catch (...) {
        m_api.groupEnd();
        throw;
    }
    check(m_api.groupEnd(), "ncclGroupEnd", rank);
}

void NcclCommunicator::enqueue(size_t i, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t stream,
                               cudaEvent_t) {
    const Op& op = m_program.ops[i];
    {
        std::lock_guard lock(m_mutex); // none of these calls waits, and nobody aborts the communicator meanwhile
        if (!m_ended_because.empty()) throw std::runtime_error(m_ended_because);
        Member& member = m_members[static_cast<size_t>(rank)];
        if (!member.busy_since) member.busy_since = Clock::now();
        give(op, rank, addresses, stream);
        ++member.collectives;
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
            const NcclResult asked = m_api.commGetAsyncError(member.comm, &state);
            if (asked != NcclResult::success) state = asked;
            const std::string where = "rank " + std::to_string(rank);
            if (state != NcclResult::success && state != NcclResult::in_progress)
                reason = where + " reported: " + textOf(state, member.comm);
            else if (Clock::now() - *member.busy_since > m_timeout)
                reason = where + " waited for the others for more than " + secondsOf(m_timeout) + ": " + lateRanks();
        }
        if (reason.empty()) continue;
        lock.unlock();
        end(reason);
        lock.lock();
    }
}

} // namespace shardscope::cuda
