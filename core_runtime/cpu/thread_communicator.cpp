// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cpu/thread_communicator.h"
#include "kernels/ops.h"
#include "profiler/recorder.h"
#include <cassert>
#include <chrono>
#include <cstring>
#include <type_traits>

namespace shardscope {

// All ranks meet; everyone learns when the last one came. Blocking, never spinning: there may be more ranks than cores.
bool ThreadCommunicator::meet(int64_t& last_arrival_ns) {
    const int32_t generation = m_generation.load();
    if (m_aborted) return false;
    if (m_arrived.fetch_add(1) + 1 == static_cast<int32_t>(m_addresses.size())) {
        m_arrived = 0;
        m_last_arrival_ns = TraceClock::now();
        m_generation.fetch_add(1);
        m_generation.notify_all();
    } else {
        m_generation.wait(generation);
    }
    // No later meeting can end before this thread has left this one, so the time is still that of this meeting.
    last_arrival_ns = m_last_arrival_ns;
    return !m_aborted;
}

void ThreadCommunicator::abort() {
    {
        std::lock_guard lock(m_mutex);
        m_aborted = true;
    }
    m_abort_wakes.notify_all();
    m_generation.fetch_add(1);
    m_generation.notify_all();
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

OpTiming ThreadCommunicator::hold(int64_t begin_ns, int64_t modelled_ns) {
    const int64_t left = begin_ns + modelled_ns - TraceClock::now();
    if (left <= 0) return {};
    std::unique_lock lock(m_mutex);
    const bool aborted = m_abort_wakes.wait_for(lock, std::chrono::nanoseconds(left), [&] { return m_aborted.load(); });
    return {.emulated_ns = left, .aborted = aborted};
}

OpTiming ThreadCommunicator::run(const StepProgram& program, const Op& op, int64_t rank,
                                 const std::vector<std::byte*>& addresses) {
    OpTiming timing;
    const int64_t arrival = TraceClock::now();
    m_addresses[static_cast<size_t>(rank)] = &addresses; // seen by the others after meet()
    int64_t begin = 0, moved = 0;
    timing.aborted = !meet(begin);
    if (timing.aborted) return timing;
    timing.wait_ns = std::max<int64_t>(begin - arrival, 0);
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
    timing.aborted = !meet(moved); // nobody's buffers may change before everybody has read them
    if (timing.aborted || !m_link.emulates()) return timing;
    const OpTiming held =
        hold(begin, collectiveTimeNs(m_link, op.op_class, op.bytes, static_cast<int64_t>(m_addresses.size())));
    timing.emulated_ns = held.emulated_ns;
    timing.aborted = held.aborted;
    return timing;
}

} // namespace shardscope
