// SPDX-License-Identifier: Apache-2.0
// Holds a lane for as long as a modelled link would have needed.
#pragma once
#include "profiler/recorder.h"
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace shardscope {

class LinkHold {
public:
    // Blocks until `modelled_ns` after `begin_ns` (trace clock), or until abort(). How long that was to be.
    int64_t hold(int64_t begin_ns, int64_t modelled_ns) {
        const int64_t left = begin_ns + modelled_ns - TraceClock::now();
        if (left <= 0) return 0;
        std::unique_lock lock(m_mutex);
        m_wakes.wait_for(lock, std::chrono::nanoseconds(left), [&] { return m_aborted; });
        return left;
    }
    void abort() {
        {
            std::lock_guard lock(m_mutex);
            m_aborted = true;
        }
        m_wakes.notify_all();
    }

private:
    std::mutex m_mutex; // guards m_aborted
    std::condition_variable m_wakes;
    bool m_aborted = false;
};

} // namespace shardscope
