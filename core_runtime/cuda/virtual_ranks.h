// SPDX-License-Identifier: Apache-2.0
// Collectives between ranks that share one device. On the host the ranks meet twice: when everyone's data is known to
// be ready at an event, and when everyone's share of the work has been enqueued. In between each rank pulls: it reduces
// its own slice straight from all ranks' buffers, in rank order, or copies the others' slices. No kernel waits for
// another one, so that nothing can deadlock however many ranks share the device.
#pragma once
#include "core_runtime/cuda/communicator.h"
#include "core_runtime/cuda/handles.h"
#include "core_runtime/rendezvous.h"

namespace shardscope::cuda {

class VirtualRanks final : public Communicator {
public:
    explicit VirtualRanks(const StepProgram&); // the device of the ranks is current
    void enqueue(size_t i, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t stream,
                 cudaEvent_t ready) override;
    void abort() override { m_meeting.abort(); }
    bool meetsOnHost() const override { return true; }

private:
    struct Share { // of a rank in the collective under way
        const std::vector<std::byte*>* addresses = nullptr;
        cudaEvent_t ready = nullptr;
    };
    template <class T> void pull(const Op&, int64_t rank, cudaStream_t);

    const StepProgram& m_program;
    Rendezvous m_meeting;
    std::vector<Share> m_shares;              // by rank
    std::vector<std::vector<Event>> m_pulled; // by rank and collective: an event of its own, so that none is
    std::vector<size_t> m_collective_of;      // recorded again while another rank has still to wait for it
};

} // namespace shardscope::cuda
