// SPDX-License-Identifier: Apache-2.0
// Collectives between ranks that are threads of one process: every rank's comm lane makes the same calls in the same
// order. Each rank pulls: it reduces its own slice straight from all peers' buffers, in rank order, or copies the
// peers' slices; no ring, no staging. A link model may hold the lanes longer than the bytes needed.
#pragma once
#include "core_runtime/backend.h"
#include "core_runtime/link_hold.h"
#include "core_runtime/link_model.h"
#include "core_runtime/rendezvous.h"
#include <vector>

namespace shardscope {

class ThreadCommunicator {
public:
    ThreadCommunicator(int64_t ranks, LinkModel link)
        : m_link(std::move(link))
        , m_meeting(ranks)
        , m_addresses(static_cast<size_t>(ranks)) {}

    // `addresses`: start of every buffer of this rank, by BufferId; must stay valid until run() returns on all ranks.
    // Blocks until the collective has ended on all ranks.
    OpSpan run(const StepProgram&, const Op&, int64_t rank, const std::vector<std::byte*>& addresses);
    void abort(); // wakes all waiting ranks; data is undefined from now on

private:
    template <class T> void move(const Op&, int64_t rank);

    LinkModel m_link;
    Rendezvous m_meeting;
    LinkHold m_hold;
    std::vector<const std::vector<std::byte*>*> m_addresses; // by rank, of the collective under way
};

} // namespace shardscope
