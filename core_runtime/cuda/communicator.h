// SPDX-License-Identifier: Apache-2.0
// Collectives between the ranks of a CUDA backend. Every rank's comm lane makes the same calls in the same order, each
// on its own comm stream; a call returns when the collective has been enqueued.
#pragma once
#include "core_runtime/backend.h"
#include "core_runtime/cuda/api.h"

namespace shardscope::cuda {

class Communicator {
public:
    virtual ~Communicator() = default;
    virtual void enterLane(int64_t /*rank*/) {} // once, by the comm lane's thread, with its device current
    // `ready` has been recorded on `stream` and stands for all that the rank's share of the data waits for. `i`: of the
    // op in the program, the same on all ranks.
    virtual void enqueue(size_t i, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t stream,
                         cudaEvent_t ready) = 0;
    virtual void endLane(int64_t /*rank*/) {} // its stream has run dry; throws if that was by force
    virtual void abort() = 0;                 // wakes lanes that wait for other ranks; nothing works from now on
    // Whether ranks meet on the host, so that each rank's `ready` event tells how long the others waited for it.
    virtual bool meetsOnHost() const = 0;
};

} // namespace shardscope::cuda
