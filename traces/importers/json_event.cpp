// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/json_event.h"

namespace shardscope::importers {

void JsonBatch::clear() {
    m_events.clear();
    m_arguments.clear();
    other_text.clear();
    members.clear();
}

void JsonBatchQueue::pass() {
    std::unique_lock lock(m_mutex);
    ++m_filled;
    m_changed.notify_all();
    m_changed.wait(lock, [this] { return m_filled - m_used < m_batches.size(); });
}

void JsonBatchQueue::close() {
    const std::lock_guard lock(m_mutex);
    m_closed = true;
    m_changed.notify_all();
}

JsonBatch* JsonBatchQueue::next() {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return m_used < m_filled || m_closed; });
    return m_used < m_filled ? &m_batches[m_used % m_batches.size()] : nullptr;
}

void JsonBatchQueue::release() {
    const std::lock_guard lock(m_mutex);
    ++m_used;
    m_changed.notify_all();
}

void JsonBatchQueue::stop() {
    const std::lock_guard lock(m_mutex);
    m_stopped = true;
}

bool JsonBatchQueue::stopped() const {
    const std::lock_guard lock(m_mutex);
    return m_stopped;
}

} // namespace shardscope::importers
