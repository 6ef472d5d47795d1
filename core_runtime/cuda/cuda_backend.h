// SPDX-License-Identifier: Apache-2.0
// Runs a step program on CUDA devices: an arena per rank, and a stream per rank and lane for compute, comm and copies.
// Ops are enqueued in program order by the thread of their lane; an op of another lane is waited for on the device, by
// an event. Nothing is allocated or waited for inside a step. The host tier is page-locked memory; its ops run on the
// processor. When an op ran is told by events after the step, on a clock that is compared with the host's at the start
// of each step, to some 10 us.
#pragma once
#include "core_runtime/backend_choice.h"
#include "core_runtime/cuda/communicator.h"
#include "core_runtime/cuda/compute.h"
#include "core_runtime/cuda/cublaslt.h"
#include "core_runtime/cuda/handles.h"
#include <array>

namespace shardscope::cuda {

using MakeCommunicator =
    std::function<Result<std::unique_ptr<Communicator>>(const StepProgram&, const std::vector<int>& device_of_rank)>;

struct CudaOptions {
    std::vector<int> device_of_rank;
    MakeCommunicator makeCommunicator;
    std::optional<CublasLtApi> products; // none: our own kernel
};

class CudaBackend final : public Backend {
public:
    // Error: not enough memory on the device or the host, or a call of CUDA that failed.
    static Result<std::unique_ptr<Backend>> create(const StepProgram&, const MemoryPlan&, const CudaOptions&);
    ~CudaBackend() override;

    bool hostAddressable(MemoryTier tier) const override { return tier == MemoryTier::host; }
    std::byte* arena(int64_t rank, MemoryTier) const override;
    void read(int64_t rank, std::span<std::byte> to, const std::byte* from) override;
    void write(int64_t rank, std::byte* to, std::span<const std::byte> from) override;
    void enterLane(int64_t rank, LaneKind) override;
    void describe(GpuCapture&) const override;
    void beginPiece() override;
    void follow(int64_t rank, LaneKind, size_t i) override;
    void alloc(int64_t rank, size_t i, const BufferInfo&, std::byte* start) override;
    void free(int64_t rank, size_t i, const BufferInfo&, std::byte* start) override;
    std::optional<OpSpan> run(size_t i, int64_t rank, const std::vector<std::byte*>& addresses,
                              const StepContext&) override;
    void endLane(int64_t rank, LaneKind) override;
    OpSpan spanOf(size_t i, int64_t rank, int64_t not_before_ns) override;
    int64_t pieceStart(int64_t rank) const override;
    void abort() override { m_communicator->abort(); }

private:
    struct Rank {
        int device = 0;
        DeviceMemory arena, scratch;
        PinnedMemory host_arena, batches;
        std::array<Stream, 3> streams;   // compute, comm, copy
        std::vector<Event> begun, ended; // by op; only where somebody asks
        ComputeScratch compute;
        std::unique_ptr<CublasLtProducts> products; // of the compute lane's thread
    };
    struct Clock { // of a device, compared with the host's
        int device = 0;
        Stream stream;
        Event zero;
        int64_t zero_ns = 0;
    };

    CudaBackend(const StepProgram&, const std::vector<int>& device_of_rank);
    void prepare(Rank&, const MemoryPlan&);
    const Rank& rankAt(int64_t rank) const { return m_ranks[static_cast<size_t>(rank)]; }
    cudaStream_t streamOf(int64_t rank, LaneKind lane) const;
    const Clock& clockOf(int64_t rank) const;
    int64_t timeOf(int64_t rank, const Event&) const;
    void mark(const Rank&, const std::vector<Event>&, size_t i, LaneKind) const;

    const StepProgram& m_program;
    const int64_t m_scratch_bytes; // of each rank
    std::vector<Rank> m_ranks;
    std::vector<Clock> m_clocks; // by device used
    std::unique_ptr<Communicator> m_communicator;
};

} // namespace shardscope::cuda
