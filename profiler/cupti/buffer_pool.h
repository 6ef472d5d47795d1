// SPDX-License-Identifier: Apache-2.0
// The buffers that CUPTI writes records into. Its threads only take an empty one or hand over a full one here; whoever
// reads the records does so on a thread of his own. No function of CUPTI is called while the lock is held.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace shardscope::cupti {

struct FullBuffer {
    uint8_t* data = nullptr; // null: everything that was handed over before a call of mark() has been taken
    size_t bytes = 0;
    bool last_mark = false;
};

class BufferPool {
public:
    static constexpr size_t buffer_bytes = 2 << 20;
    explicit BufferPool(size_t most_buffers)
        : m_most(most_buffers) {}

    uint8_t* request();                    // zeroed; null: the memory for records is used up
    void complete(uint8_t*, size_t bytes); // never null
    void mark(bool last);
    FullBuffer take(); // waits
    void recycle(uint8_t*);
    int64_t refused() const; // requests that got nothing

private:
    const size_t m_most;
    mutable std::mutex m_mutex;
    std::condition_variable m_filled;
    std::vector<std::unique_ptr<uint64_t[]>> m_owned;
    std::vector<uint8_t*> m_empty;
    std::deque<FullBuffer> m_full;
    int64_t m_refused = 0;
};

} // namespace shardscope::cupti
