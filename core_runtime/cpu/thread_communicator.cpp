// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cpu/thread_communicator.h"
#include "core_runtime/pull_share.h"
#include "kernels/ops.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <cstring>

namespace shardscope {

void ThreadCommunicator::abort() {
    m_hold.abort();
    m_meeting.abort();
}

template <class T> void ThreadCommunicator::move(const Op& op, int64_t rank) {
    const auto ranks = std::ssize(m_addresses);
    pullPieces<T>(
        op, rank, ranks,
        [&](int64_t q, BufferId buffer) { return (*m_addresses[static_cast<size_t>(q)])[index(buffer)]; },
        [](T* to, const T* from, int64_t elements) {
            std::memcpy(to, from, static_cast<size_t>(elements) * sizeof(T));
        },
        [&](const auto& outputs, const auto& inputs, int64_t elements) {
            kernels::cpu::sumRanks<T>(outputs, inputs, 1.0f / static_cast<float>(ranks), elements);
        });
}

OpSpan ThreadCommunicator::run(const StepProgram& program, const Op& op, int64_t rank,
                               const std::vector<std::byte*>& addresses) {
    OpSpan span{.start_ns = TraceClock::now()};
    m_addresses[static_cast<size_t>(rank)] = &addresses; // seen by the others after meet()
    const std::optional<int64_t> begin = m_meeting.meet();
    if (!begin) return span;
    span.wait_ns = std::max<int64_t>(*begin - span.start_ns, 0);
    withCollectiveType(program, op, [&]<class T>(T) { move<T>(op, rank); });
    if (!m_meeting.meet()) return span; // nobody's buffers may change before everybody has read them
    if (m_link.emulates())
        span.emulated_ns =
            m_hold.hold(*begin, collectiveTimeNs(m_link, op.op_class, op.bytes, std::ssize(m_addresses)));
    span.end_ns = TraceClock::now();
    return span;
}

} // namespace shardscope
