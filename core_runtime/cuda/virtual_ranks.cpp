// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/virtual_ranks.h"
#include "core_runtime/pull_share.h"
#include "kernels/cuda/ops.h"

namespace shardscope::cuda {

VirtualRanks::VirtualRanks(const StepProgram& program)
    : m_program(program)
    , m_meeting(program.ranks)
    , m_shares(static_cast<size_t>(program.ranks))
    , m_pulled(static_cast<size_t>(program.ranks)) {
    size_t collectives = 0;
    for (const Op& op : program.ops) {
        m_collective_of.push_back(collectives);
        collectives += op.kind == OpKind::collective;
    }
    for (std::vector<Event>& events : m_pulled)
        for (size_t c = 0; c < collectives; ++c) events.push_back(makeEvent());
}

template <class T> void VirtualRanks::pull(const Op& op, int64_t rank, cudaStream_t stream) {
    const auto ranks = std::ssize(m_shares);
    pullPieces<T>(
        op, rank, ranks,
        [&](int64_t q, BufferId buffer) { return (*m_shares[static_cast<size_t>(q)].addresses)[index(buffer)]; },
        [&](T* to, const T* from, int64_t elements) {
            SHARDSCOPE_CUDA_CALL(cudaMemcpyAsync, to, from, static_cast<size_t>(elements) * sizeof(T),
                                 cudaMemcpyDefault, stream);
        },
        [&](const auto& outputs, const auto& inputs, int64_t elements) {
            kernels::cuda::sumRanks<T>(outputs, inputs, 1.0f / static_cast<float>(ranks), elements);
        });
}

void VirtualRanks::enqueue(size_t i, int64_t rank, const std::vector<std::byte*>& addresses, cudaStream_t stream,
                           cudaEvent_t ready) {
    const Op& op = m_program.ops[i];
    const size_t collective = m_collective_of[i];
    auto awaitOthers = [&](auto eventOf) {
        for (size_t q = 0; q < m_shares.size(); ++q)
            if (q != static_cast<size_t>(rank)) SHARDSCOPE_CUDA_CALL(cudaStreamWaitEvent, stream, eventOf(q), 0);
    };
    m_shares[static_cast<size_t>(rank)] = {&addresses, ready}; // seen by the others after the meeting
    // Waiting for an event that has not been recorded is no waiting: hence the meetings.
    if (!m_meeting.meet()) return;
    awaitOthers([&](size_t q) { return m_shares[q].ready; });
    withCollectiveType(m_program, op, [&]<class T>(T) { pull<T>(op, rank, stream); });
    SHARDSCOPE_CUDA_CALL(cudaEventRecord, m_pulled[static_cast<size_t>(rank)][collective].get(), stream);
    // Nobody's buffers may change before everybody has read them.
    if (!m_meeting.meet()) return;
    awaitOthers([&](size_t q) { return m_pulled[q][collective].get(); });
}

} // namespace shardscope::cuda
