// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cpu/thread_communicator.h"
#include "kernels/ops.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <cassert>
#include <cstring>
#include <type_traits>

namespace shardscope {

void ThreadCommunicator::abort() {
    m_hold.abort();
    m_meeting.abort();
}

template <class T> void ThreadCommunicator::move(const Op& op, int64_t rank) {
    const auto ranks = static_cast<int64_t>(m_addresses.size());
    auto start = [&](int64_t q, BufferId buffer) {
        return reinterpret_cast<T*>((*m_addresses[static_cast<size_t>(q)])[index(buffer)]);
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
                    std::memcpy(slice(rank, q), from, static_cast<size_t>(p.slice_elements) * sizeof(T));
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
            kernels::cpu::sumRanks<T>(outputs, inputs, 1.0f / static_cast<float>(ranks), p.slice_elements);
    }
}

OpSpan ThreadCommunicator::run(const StepProgram& program, const Op& op, int64_t rank,
                               const std::vector<std::byte*>& addresses) {
    OpSpan span{.start_ns = TraceClock::now()};
    m_addresses[static_cast<size_t>(rank)] = &addresses; // seen by the others after meet()
    const std::optional<int64_t> begin = m_meeting.meet();
    if (!begin) return span;
    span.wait_ns = std::max<int64_t>(*begin - span.start_ns, 0);
    assert(!op.pieces.empty());
    switch (program.buffer(op.pieces.front().full).dtype) {
    case DType::bf16:
        move<bfloat16>(op, rank);
        break;
    case DType::f16:
        move<float16>(op, rank);
        break;
    case DType::f64:
        move<double>(op, rank);
        break;
    default:
        move<float>(op, rank);
    }
    if (!m_meeting.meet()) return span; // nobody's buffers may change before everybody has read them
    if (m_link.emulates())
        span.emulated_ns =
            m_hold.hold(*begin, collectiveTimeNs(m_link, op.op_class, op.bytes, std::ssize(m_addresses)));
    span.end_ns = TraceClock::now();
    return span;
}

} // namespace shardscope
