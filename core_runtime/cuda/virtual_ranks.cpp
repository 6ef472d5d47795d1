// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cuda/virtual_ranks.h"
#include "kernels/cuda/ops.h"
#include <cassert>
#include <type_traits>

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
    auto start = [&](int64_t q, BufferId buffer) {
        return reinterpret_cast<T*>((*m_shares[static_cast<size_t>(q)].addresses)[index(buffer)]);
    };
    for (const CollectivePiece& p : op.pieces) {
        const bool in_place = p.shard == BufferId::none;
        if (in_place && ranks == 1) continue; // the sum over one rank, and all there is to gather
        auto slice = [&](int64_t holder, int64_t owner) {
            return start(holder, p.full) + p.full_offset + owner * p.slice_stride;
        };
        if (op.op_class == OpClass::all_gather) {
            for (int64_t q = 0; q < ranks; ++q) {
                const T* from = in_place ? slice(q, q) : start(q, p.shard) + p.shard_offset;
                if (from != slice(rank, q))
                    SHARDSCOPE_CUDA_CALL(cudaMemcpyAsync, slice(rank, q), from,
                                         static_cast<size_t>(p.slice_elements) * sizeof(T), cudaMemcpyDefault, stream);
            }
            continue;
        }
        std::vector<const T*> inputs;
        std::vector<T*> outputs;
        for (int64_t q = 0; q < ranks; ++q) inputs.push_back(slice(q, rank));
        if (op.op_class == OpClass::all_reduce)
            for (int64_t q = 0; q < ranks; ++q) outputs.push_back(slice(q, rank));
        else
            outputs.push_back(in_place ? slice(rank, rank) : start(rank, p.shard) + p.shard_offset);
        if constexpr (std::is_same_v<T, double>)
            assert(!"doubles are only gathered");
        else
            kernels::cuda::sumRanks<T>(outputs, inputs, 1.0f / static_cast<float>(ranks), p.slice_elements);
    }
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
    switch (m_program.buffer(op.pieces.front().full).dtype) {
    case DType::bf16:
        pull<bfloat16>(op, rank, stream);
        break;
    case DType::f16:
        pull<float16>(op, rank, stream);
        break;
    case DType::f64:
        pull<double>(op, rank, stream);
        break;
    default:
        pull<float>(op, rank, stream);
    }
    SHARDSCOPE_CUDA_CALL(cudaEventRecord, m_pulled[static_cast<size_t>(rank)][collective].get(), stream);
    // Nobody's buffers may change before everybody has read them.
    if (!m_meeting.meet()) return;
    awaitOthers([&](size_t q) { return m_pulled[q][collective].get(); });
}

} // namespace shardscope::cuda
