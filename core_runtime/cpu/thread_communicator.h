// SPDX-License-Identifier: Apache-2.0
// Collectives between ranks that are threads of one process: every rank's comm lane makes the same calls in the same
// order. Each rank pulls: it reduces its own slice straight from all peers' buffers, in rank order, or copies the
// peers' slices; no ring, no staging. A link model may hold the lanes longer than the bytes needed.
#pragma once
#include "core_runtime/link_model.h"
#include "core_runtime/step_program.h"
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace shardscope {

struct OpTiming {
    int64_t wait_ns = 0;     // collectives: own arrival to last arrival
    int64_t emulated_ns = 0; // held by the link model after the bytes had moved
    bool aborted = false;    // a rank failed; the data is undefined
};

class ThreadCommunicator {
public:
    ThreadCommunicator(int64_t ranks, LinkModel link)
        : m_link(std::move(link))
        , m_addresses(static_cast<size_t>(ranks)) {}

    // `addresses`: start of every buffer of this rank, by BufferId; must stay valid until run() returns on all ranks.
    // Blocks until the collective has ended on all ranks.
    OpTiming run(const StepProgram&, const Op&, int64_t rank, const std::vector<std::byte*>& addresses);
    // Blocks until `modelled_ns` after `begin_ns` (trace clock), or until a failure elsewhere.
    OpTiming hold(int64_t begin_ns, int64_t modelled_ns);
    void abort(); // wakes all waiting ranks; every call from now on returns aborted

private:
    bool meet(int64_t& last_arrival_ns); // false: aborted
    template <class T> void move(const Op&, int64_t rank);

    // Meetings use atomic waits: with condition variables a rank that hurries into the next meeting can, in glibc
    // before 2.41, take the wake-up of one that has not left the last (its bug 25847).
    LinkModel m_link;
    std::vector<const std::vector<std::byte*>*> m_addresses; // by rank, of the collective under way
    std::atomic<int32_t> m_arrived = 0, m_generation = 0;
    std::atomic<bool> m_aborted = false;
    int64_t m_last_arrival_ns = 0; // written by the last to arrive, read before anybody can arrive again
    std::mutex m_mutex;            // of m_abort_wakes only
    std::condition_variable m_abort_wakes;
};

} // namespace shardscope
