// SPDX-License-Identifier: Apache-2.0
// Collectives by NCCL between ranks with a GPU each: one communicator and one thread per rank, the same calls in the
// same order. Communicators do not block; a watcher looks for their errors and ends them all when one has failed or
// takes too long, so that nobody waits for ever; whoever then comes is told the first reason. Means are NCCL's, whose
// sums have an order of their own.
#pragma once
#include "core_runtime/cuda/communicator.h"
#include "core_runtime/cuda/nccl_api.h"
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace shardscope::cuda {

class NcclCommunicator final : public Communicator {
public:
    // Error: NCCL gave no identity for the group. `timeout`: of the start, and of the collectives of one step.
    static Result<std::unique_ptr<Communicator>> create(const StepProgram&, const NcclApi&,
                                                        std::chrono::milliseconds timeout = std::chrono::minutes(10));
    ~NcclCommunicator() override;

    void enterLane(int64_t rank) override;
    void enqueue(size_t i, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t stream,
                 cudaEvent_t ready) override;
    void endLane(int64_t rank) override;
    void abort() override { end("another lane failed"); }
    bool meetsOnHost() const override { return false; }

private:
    using Clock = std::chrono::steady_clock;
    struct Member {
        NcclComm comm = nullptr;
        std::optional<Clock::time_point> busy_since; // of the step under way
        int64_t collectives = 0;                     // enqueued since the start
    };
    NcclCommunicator(const StepProgram&, const NcclApi&, NcclUniqueId, std::chrono::milliseconds timeout);
    std::string textOf(NcclResult, NcclComm) const;               // NCCL's words, with its last error's
    void check(NcclResult, const char* call, int64_t rank) const; // under the lock
    std::string lateRanks() const;                                // who keeps the others waiting; under the lock
    void settle(const char* call, int64_t rank); // until a call that went on by itself has come to an end
    void share(const Op&, const CollectivePiece&, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t);
    void give(const Op&, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t);
    void end(const std::string& reason); // aborts every communicator, once
    void watch();

    const StepProgram& m_program;
    const NcclApi m_api;
    const NcclUniqueId m_id;
    const std::chrono::milliseconds m_timeout;
    std::mutex m_mutex; // guards what follows
    std::condition_variable m_wakes;
    std::vector<Member> m_members; // by rank
    std::string m_ended_because;
    bool m_quit = false;
    std::thread m_watcher;
};

} // namespace shardscope::cuda
