// SPDX-License-Identifier: Apache-2.0
// Runs every op at once, on the thread of its lane, with the CPU kernels; device and host tiers are both memory.
#pragma once
#include "core_runtime/backend.h"
#include "core_runtime/cpu/arena_memory.h"
#include "core_runtime/cpu/thread_communicator.h"
#include "core_runtime/link_hold.h"
#include <array>

namespace shardscope {

class CpuBackend final : public Backend {
public:
    // Links between ranks and between device and host. Error: not enough memory.
    static Result<std::unique_ptr<Backend>> create(const StepProgram&, const MemoryPlan&, const LinkModel& link,
                                                   const LinkModel& host_link);

    bool hostAddressable(MemoryTier) const override { return true; }
    std::byte* arena(int64_t rank, MemoryTier tier) const override { return memory(rank, tier).start(); }
    void read(int64_t rank, std::span<std::byte> to, const std::byte* from) override;
    void write(int64_t rank, std::byte* to, std::span<const std::byte> from) override;
    void enterLane(int64_t rank, LaneKind) override;
    void follow(int64_t, LaneKind, size_t) override {} // what another lane has passed has ended
    void alloc(int64_t rank, size_t i, const BufferInfo&, std::byte* start) override;
    void free(int64_t rank, size_t i, const BufferInfo&, std::byte* start) override;
    std::optional<OpSpan> run(size_t i, int64_t rank, const std::vector<std::byte*>& addresses,
                              const StepContext&) override;
    void endLane(int64_t, LaneKind) override {}
    OpSpan spanOf(size_t, int64_t, int64_t) override { return {}; } // never asked: run() tells
    int64_t pieceStart(int64_t) const override { return 0; }
    void abort() override;

private:
    CpuBackend(const StepProgram&, const LinkModel& link, const LinkModel& host_link);
    const ArenaMemory& memory(int64_t rank, MemoryTier tier) const {
        return *m_arenas[static_cast<size_t>(rank)][static_cast<size_t>(tier)];
    }
    OpSpan copy(const Op&, int64_t rank, const std::vector<std::byte*>& addresses);

    const StepProgram& m_program;
    const LinkModel m_host_link;
    ThreadCommunicator m_communicator;
    LinkHold m_hold;
    std::vector<std::array<std::unique_ptr<ArenaMemory>, 2>> m_arenas; // by rank: device, host
};

} // namespace shardscope
