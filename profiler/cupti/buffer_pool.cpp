// SPDX-License-Identifier: Apache-2.0
#include "profiler/cupti/buffer_pool.h"
#include <cstring>

namespace shardscope::cupti {

uint8_t* BufferPool::request() {
    const std::lock_guard lock(m_mutex);
    if (m_empty.empty()) {
        if (m_owned.size() >= m_most) {
            ++m_refused;
            return nullptr;
        }
        m_owned.push_back(std::make_unique<uint64_t[]>(buffer_bytes / sizeof(uint64_t)));
        return reinterpret_cast<uint8_t*>(m_owned.back().get());
    }
    uint8_t* buffer = m_empty.back();
    m_empty.pop_back();
    return buffer;
}

void BufferPool::complete(uint8_t* buffer, size_t bytes) {
    {
        const std::lock_guard lock(m_mutex);
        m_full.push_back({buffer, bytes});
    }
    m_filled.notify_one();
}

void BufferPool::mark(bool last) {
    {
        const std::lock_guard lock(m_mutex);
        m_full.push_back({nullptr, 0, last});
    }
    m_filled.notify_one();
}

FullBuffer BufferPool::take() {
    std::unique_lock lock(m_mutex);
    m_filled.wait(lock, [&] { return !m_full.empty(); });
    const FullBuffer buffer = m_full.front();
    m_full.pop_front();
    return buffer;
}

void BufferPool::recycle(uint8_t* buffer) {
    std::memset(buffer, 0, buffer_bytes); // here rather than by CUPTI on the thread that launches
    const std::lock_guard lock(m_mutex);
    m_empty.push_back(buffer);
}

int64_t BufferPool::refused() const {
    const std::lock_guard lock(m_mutex);
    return m_refused;
}

} // namespace shardscope::cupti
