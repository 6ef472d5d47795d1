// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/cpu/cpu_backend.h"
#include "core_runtime/cpu/compute.h"
#include <algorithm>
#include <cstring>
#include <thread>

namespace shardscope {

CpuBackend::CpuBackend(const StepProgram& program, const LinkModel& link, const LinkModel& host_link)
    : m_program(program)
    , m_host_link(host_link)
    , m_communicator(program.ranks, link) {}

Result<std::unique_ptr<Backend>> CpuBackend::create(const StepProgram& program, const MemoryPlan& memory,
                                                    const LinkModel& link, const LinkModel& host_link) {
    std::unique_ptr<CpuBackend> backend(new CpuBackend(program, link, host_link));
    for (int64_t rank = 0; rank < program.ranks; ++rank) {
        auto& arenas = backend->m_arenas.emplace_back();
        for (const MemoryTier tier : {MemoryTier::device, MemoryTier::host}) {
            auto& arena = arenas[static_cast<size_t>(tier)];
            arena = std::make_unique<ArenaMemory>(memory.tier(tier).arena_bytes);
            if (!arena->good())
                return Error{
                    "The " + std::to_string(program.ranks) + " ranks need " +
                    std::to_string(memory.arenaBytes() * program.ranks / (1 << 20)) +
                    " MiB, which this machine does not give; take fewer ranks, a smaller model or a higher stage."};
        }
        for (size_t b = 0; b < program.buffers.size(); ++b)
            if (const BufferInfo& buffer = program.buffers[b]; !buffer.persistent && buffer.tier != MemoryTier::nvme)
                ASAN_POISON_MEMORY_REGION(backend->arena(rank, buffer.tier) + memory.addresses[b],
                                          static_cast<size_t>(buffer.bytes()));
    }
    return std::unique_ptr<Backend>(std::move(backend));
}

void CpuBackend::read(int64_t, std::span<std::byte> to, const std::byte* from) {
    std::copy_n(from, to.size(), to.begin());
}

void CpuBackend::write(int64_t, std::byte* to, std::span<const std::byte> from) {
    std::copy(from.begin(), from.end(), to);
}

void CpuBackend::enterLane(int64_t, LaneKind) {
    const int64_t cores = std::max<int64_t>(std::thread::hardware_concurrency(), 1);
    kernels::setThreadsPerOp(static_cast<int>(std::max<int64_t>(cores / m_program.ranks, 1)));
}

void CpuBackend::alloc(int64_t, size_t, const BufferInfo& buffer, std::byte* start) {
    ASAN_UNPOISON_MEMORY_REGION(start, static_cast<size_t>(buffer.bytes()));
    for (const ElementRange& range : buffer.zeroed)
        std::memset(start + range.first * bytesOf(buffer.dtype), 0,
                    static_cast<size_t>(range.elements * bytesOf(buffer.dtype)));
}

void CpuBackend::free(int64_t, size_t, [[maybe_unused]] const BufferInfo& buffer, [[maybe_unused]] std::byte* start) {
    ASAN_POISON_MEMORY_REGION(start, static_cast<size_t>(buffer.bytes()));
}

std::optional<OpSpan> CpuBackend::run(size_t i, int64_t rank, const std::vector<std::byte*>& addresses,
                                      const StepContext& context) {
    const Op& op = m_program.ops[i];
    if (op.kind == OpKind::collective) return m_communicator.run(m_program, op, rank, addresses);
    if (op.kind == OpKind::copy) return copy(op, rank, addresses);
    OpSpan span{.start_ns = TraceClock::now()};
    runCompute(m_program, op, rank, addresses, context);
    span.end_ns = TraceClock::now();
    return span;
}

// Moves the bytes, then holds the lane as long as the modelled link would have needed.
OpSpan CpuBackend::copy(const Op& op, int64_t rank, const std::vector<std::byte*>& addresses) {
    OpSpan span{.start_ns = TraceClock::now()};
    std::memcpy(addressOf(m_program, op.operands[0], rank, addresses),
                addressOf(m_program, op.operands[1], rank, addresses), static_cast<size_t>(op.bytes));
    if (m_host_link.emulates()) span.emulated_ns = m_hold.hold(span.start_ns, copyTimeNs(m_host_link, op.bytes));
    span.end_ns = TraceClock::now();
    return span;
}

void CpuBackend::abort() {
    m_hold.abort();
    m_communicator.abort();
}

} // namespace shardscope
