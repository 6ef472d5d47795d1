// SPDX-License-Identifier: Apache-2.0
// Where the threads of all ranks meet. Blocking, never spinning: there may be more ranks than cores. Atomic waits: with
// condition variables a rank that hurries into the next meeting can, in glibc before 2.41, take the wake-up of one that
// has not left the last (its bug 25847).
#pragma once
#include "profiler/recorder.h"
#include <atomic>
#include <optional>

namespace shardscope {

class Rendezvous {
public:
    explicit Rendezvous(int64_t ranks)
        : m_ranks(static_cast<int32_t>(ranks)) {}

    // When the last of all ranks came (trace clock); none after abort().
    std::optional<int64_t> meet() {
        const int32_t generation = m_generation.load();
        if (m_aborted) return {};
        if (m_arrived.fetch_add(1) + 1 == m_ranks) {
            m_arrived = 0;
            m_last_arrival_ns = TraceClock::now();
            m_generation.fetch_add(1);
            m_generation.notify_all();
        } else {
            m_generation.wait(generation);
        }
        // No later meeting can end before this thread has left this one, so the time is still that of this meeting.
        const int64_t last_arrival_ns = m_last_arrival_ns;
        if (m_aborted) return {};
        return last_arrival_ns;
    }
    void abort() { // wakes all who wait
        m_aborted = true;
        m_generation.fetch_add(1);
        m_generation.notify_all();
    }

private:
    const int32_t m_ranks;
    std::atomic<int32_t> m_arrived = 0, m_generation = 0;
    std::atomic<bool> m_aborted = false;
    int64_t m_last_arrival_ns = 0; // written by the last to arrive, read before anybody can arrive again
};

} // namespace shardscope
