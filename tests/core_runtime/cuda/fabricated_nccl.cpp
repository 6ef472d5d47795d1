// SPDX-License-Identifier: Apache-2.0
#include "fabricated_nccl.h"
#include "cuda_emulation.h"
#include "kernels/dtype.h"
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

using namespace shardscope;
using cuda::NcclComm, cuda::NcclReduce, cuda::NcclResult, cuda::NcclType, cuda::NcclUniqueId;

namespace {

enum class Kind : uint8_t { all_reduce, reduce_scatter, reduce, all_gather, broadcast };

struct Call {
    Kind kind;
    const std::byte* send;
    std::byte* receive;
    size_t count;
    NcclType type;
    int root;
    bool sameAs(const Call& o) const { return kind == o.kind && count == o.count && type == o.type && root == o.root; }
};

// What all ranks enqueue with one group: it runs once, for everybody.
struct Launch {
    explicit Launch(size_t ranks)
        : meeting(ranks)
        , calls(ranks) {}
    emulation::Meeting meeting;
    std::vector<std::vector<Call>> calls; // by rank
    bool done = false;
};

struct World {
    std::mutex mutex;
    test::NcclFaults faults;
    test::NcclObservations seen;
    std::vector<ncclComm*> comms; // by rank
    std::vector<std::shared_ptr<Launch>> launches;
    size_t ranks = 0;
    int64_t polls_before_ready = 3;
    void breaks(const std::string& rule) {
        if (seen.broken_rule.empty()) seen.broken_rule = rule;
    }
};
std::unique_ptr<World> world;

} // namespace

struct ncclComm {
    size_t rank = 0, launches = 0;
    int64_t polls = 0, calls = 0;
    bool ready = false, finalized = false;
    std::vector<Call> group;
    cudaStream_t stream = nullptr;
};

namespace {

thread_local int group_depth = 0;
thread_local ncclComm* group_comm = nullptr;

size_t bytesOfType(NcclType type) { return type == NcclType::f64 ? 8 : type == NcclType::f32 ? 4 : 2; }

template <class T>
void mean(const std::vector<const std::byte*>& inputs, const std::vector<std::byte*>& outputs, size_t count) {
    std::vector<T> result(count);
    for (size_t i = 0; i < count; ++i) {
        float sum = 0;
        for (const std::byte* input : inputs) {
            T value;
            std::memcpy(&value, input + i * sizeof(T), sizeof(T));
            sum += static_cast<float>(value);
        }
        result[i] = T(sum * (1.0f / static_cast<float>(inputs.size())));
    }
    for (std::byte* output : outputs) std::memcpy(output, result.data(), count * sizeof(T));
}

void reduce(NcclType type, const std::vector<const std::byte*>& inputs, const std::vector<std::byte*>& outputs,
            size_t count) {
    if (type == NcclType::bf16) return mean<bfloat16>(inputs, outputs, count);
    if (type == NcclType::f16) return mean<float16>(inputs, outputs, count);
    mean<float>(inputs, outputs, count);
}

void runCall(const std::vector<Call>& by_rank) {
    const Call& first = by_rank.front();
    const size_t bytes = first.count * bytesOfType(first.type), ranks = by_rank.size();
    std::vector<const std::byte*> inputs;
    std::vector<std::byte*> outputs;
    const auto root = static_cast<size_t>(std::max(first.root, 0));
    switch (first.kind) {
    case Kind::all_reduce:
        for (const Call& c : by_rank) {
            inputs.push_back(c.send);
            outputs.push_back(c.receive);
        }
        return reduce(first.type, inputs, outputs, first.count);
    case Kind::reduce:
        for (const Call& c : by_rank) inputs.push_back(c.send);
        return reduce(first.type, inputs, {by_rank[root].receive}, first.count);
    case Kind::reduce_scatter: {
        std::vector<std::vector<std::byte>> parts(ranks, std::vector<std::byte>(bytes)); // in place is allowed
        for (size_t q = 0; q < ranks; ++q) {
            inputs.clear();
            for (const Call& c : by_rank) inputs.push_back(c.send + q * bytes);
            reduce(first.type, inputs, {parts[q].data()}, first.count);
        }
        for (size_t q = 0; q < ranks; ++q) std::memcpy(by_rank[q].receive, parts[q].data(), bytes);
        return;
    }
    case Kind::all_gather:
        for (const Call& to : by_rank)
            for (size_t q = 0; q < ranks; ++q) std::memmove(to.receive + q * bytes, by_rank[q].send, bytes);
        return;
    case Kind::broadcast:
        for (const Call& to : by_rank) std::memmove(to.receive, by_rank[root].send, bytes);
    }
}

void runLaunch(Launch& launch) {
    if (launch.done || !launch.meeting.hold() || launch.done) return;
    launch.done = true;
    for (size_t c = 0; c < launch.calls.front().size(); ++c) {
        std::vector<Call> by_rank;
        for (const std::vector<Call>& calls : launch.calls) {
            if (calls.size() != launch.calls.front().size() || !calls[c].sameAs(launch.calls.front()[c]))
                return world->breaks("ranks made different calls");
            by_rank.push_back(calls[c]);
        }
        runCall(by_rank);
    }
}

NcclResult add(const char* name, ncclComm* comm, cudaStream_t stream, Call call) {
    std::lock_guard lock(world->mutex);
    if (!comm || !comm->ready) world->breaks(std::string(name) + " before the communicator was ready");
    if (group_depth == 0) world->breaks(std::string(name) + " outside a group");
    if (group_comm && group_comm != comm) world->breaks("two communicators in one group of one thread");
    if (call.kind == Kind::all_gather && call.send != call.receive + comm->rank * call.count * bytesOfType(call.type) &&
        call.send >= call.receive && call.send < call.receive + world->ranks * call.count * bytesOfType(call.type))
        world->breaks("an all-gather in place at another rank's slice");
    group_comm = comm;
    comm->stream = stream;
    if (comm->rank == 1 && world->faults.call_fails_after >= 0 && comm->calls >= world->faults.call_fails_after)
        return static_cast<NcclResult>(4);
    comm->group.push_back(call);
    ++comm->calls;
    if (comm->rank == 0) world->seen.calls_of_rank0.push_back(name);
    return NcclResult::success;
}

bool isOpen(ncclComm* comm) { return comm && std::ranges::find(world->comms, comm) != world->comms.end(); }

const std::byte* in(const void* p) { return static_cast<const std::byte*>(p); }
std::byte* out(void* p) { return static_cast<std::byte*>(p); }

} // namespace

namespace shardscope::test {

NcclObservations ncclObservations() {
    std::lock_guard lock(world->mutex);
    return world->seen;
}

cuda::NcclApi fabricatedNccl(NcclFaults faults) {
    world = std::make_unique<World>();
    world->faults = faults;
    cuda::NcclApi api{};
    api.version = "2.28.9";
    api.getUniqueId = [](NcclUniqueId* id) {
        std::memcpy(id->bytes, "shardscope", 11);
        return NcclResult::success;
    };
    api.commInitRankConfig = [](NcclComm* comm, int ranks, NcclUniqueId id, int rank, cuda::NcclConfig* config) {
        std::lock_guard lock(world->mutex);
        if (std::strcmp(id.bytes, "shardscope") != 0 || config->magic != 0xcafebeef || config->size < 24)
            return static_cast<NcclResult>(4);
        world->ranks = static_cast<size_t>(ranks);
        world->comms.resize(world->ranks);
        if (rank == 1 && world->faults.rank1_is_refused) return static_cast<NcclResult>(2);
        *comm = world->comms[static_cast<size_t>(rank)] = new ncclComm;
        (*comm)->rank = static_cast<size_t>(rank);
        ++world->seen.communicators;
        return NcclResult::in_progress;
    };
    api.commGetAsyncError = [](NcclComm comm, NcclResult* state) {
        std::lock_guard lock(world->mutex);
        *state = NcclResult::success;
        if (!isOpen(comm)) {
            world->breaks("a communicator was asked after it had been given back");
            return static_cast<NcclResult>(4);
        }
        if (comm->finalized) {
            if (world->faults.end_fails) *state = static_cast<NcclResult>(2);
            return NcclResult::success;
        }
        if (comm->rank == 1 && world->faults.start_fails) *state = static_cast<NcclResult>(2);
        if (comm->rank == 1 && world->faults.start_fails) return NcclResult::success;
        const bool all_here = std::ranges::all_of(world->comms, [](auto* c) { return c; });
        const bool joins = all_here && !world->faults.rank1_never_joins;
        comm->ready = joins && ++comm->polls > world->polls_before_ready;
        *state = comm->ready ? NcclResult::success : NcclResult::in_progress;
        if (comm->rank == 1 && world->faults.error_after_calls >= 0 && comm->calls > world->faults.error_after_calls)
            *state = static_cast<NcclResult>(6);
        return NcclResult::success;
    };
    api.commFinalize = [](NcclComm comm) {
        std::lock_guard lock(world->mutex);
        comm->finalized = true;
        return NcclResult::in_progress;
    };
    const auto destroy = [](NcclComm comm) {
        std::lock_guard lock(world->mutex);
        if (!comm->finalized) world->breaks("a communicator was destroyed before it was finalized");
        if (world->faults.end_fails) world->breaks("a communicator was destroyed that had failed");
        world->comms[comm->rank] = nullptr;
        --world->seen.communicators;
        ++world->seen.destroyed;
        delete comm;
        return NcclResult::success;
    };
    api.commDestroy = destroy;
    api.commAbort = [](NcclComm comm) {
        std::lock_guard lock(world->mutex);
        if (group_depth > 0) world->breaks("a communicator was aborted inside a group, where nothing runs");
        if (!isOpen(comm)) {
            world->breaks("a communicator was aborted twice");
            return static_cast<NcclResult>(4);
        }
        for (const auto& launch : world->launches) launch->meeting.abort();
        --world->seen.communicators;
        ++world->seen.aborted;
        world->comms[comm->rank] = nullptr;
        delete comm;
        return NcclResult::success;
    };
    api.groupStart = [] {
        ++group_depth;
        return NcclResult::success;
    };
    api.groupEnd = [] {
        if (--group_depth > 0 || !group_comm) return NcclResult::success;
        ncclComm* comm = std::exchange(group_comm, nullptr);
        std::shared_ptr<Launch> launch;
        const auto groups = static_cast<int64_t>(comm->launches);
        if (comm->rank == 1 && world->faults.stuck_after >= 0 && groups >= world->faults.stuck_after) {
            comm->group.clear();
            comm->polls = 0;
            return NcclResult::in_progress; // and then seems to be well, but the others wait for its kernel
        }
        {
            std::lock_guard lock(world->mutex);
            if (world->launches.size() == comm->launches)
                world->launches.push_back(std::make_shared<Launch>(world->ranks));
            launch = world->launches[comm->launches++];
            launch->calls[comm->rank] = std::exchange(comm->group, {});
            comm->polls = 0; // not at once: the caller has to ask
        }
        launch->meeting.arrive(comm->rank, comm->stream);
        emulation::enqueue(comm->stream, [launch] { runLaunch(*launch); });
        return NcclResult::in_progress;
    };
    api.allReduce = [](const void* s, void* r, size_t n, NcclType t, NcclReduce, NcclComm c, cudaStream_t stream) {
        return add("all_reduce", c, stream, {Kind::all_reduce, in(s), out(r), n, t, -1});
    };
    api.reduceScatter = [](const void* s, void* r, size_t n, NcclType t, NcclReduce, NcclComm c, cudaStream_t stream) {
        return add("reduce_scatter", c, stream, {Kind::reduce_scatter, in(s), out(r), n, t, -1});
    };
    api.reduce = [](const void* s, void* r, size_t n, NcclType t, NcclReduce, int root, NcclComm c,
                    cudaStream_t stream) {
        return add("reduce", c, stream, {Kind::reduce, in(s), out(r), n, t, root});
    };
    api.allGather = [](const void* s, void* r, size_t n, NcclType t, NcclComm c, cudaStream_t stream) {
        return add("all_gather", c, stream, {Kind::all_gather, in(s), out(r), n, t, -1});
    };
    api.broadcast = [](const void* s, void* r, size_t n, NcclType t, int root, NcclComm c, cudaStream_t stream) {
        return add("broadcast", c, stream, {Kind::broadcast, in(s), out(r), n, t, root});
    };
    api.getErrorString = [](NcclResult result) {
        return static_cast<int>(result) == 6   ? "remote process exited or there was a network error"
               : static_cast<int>(result) == 2 ? "unhandled system error"
                                               : "invalid argument";
    };
    api.getLastError = [](NcclComm) { return world->faults.last_error; };
    return api;
}

} // namespace shardscope::test
