// SPDX-License-Identifier: Apache-2.0
// What the ops of a step program run on: the processor (cpu/) or CUDA devices (cuda/). The executor calls it from one
// thread per lane and rank, in program order, and keeps everything else: who waits for whom, the ledger, swap files,
// recording, failures. A backend may run an op at once, or enqueue it on the lane's stream and tell later when it ran.
#pragma once
#include "core_runtime/memory_plan.h"
#include "core_runtime/step_program.h"
#include "kernels/ops.h"
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace shardscope {

class GpuCapture;

struct StepContext {
    int64_t step = 0;
    uint64_t seed = 1; // of dropout
    kernels::AdamWStep adamw{};
    double gradient_clipping = 0;  // 0 = off
    double loss_scale = 1;         // what the loss was multiplied with
    bool skip_on_overflow = false; // fp16: a step with a gradient that is not finite changes nothing
    bool skip_update = false;      // delayed update: there are no gradients yet
    bool only_update = false;      // delayed update: nothing but the optimizer phase runs
    // Fills ids and targets of a rank for a micro-batch of a step.
    std::function<void(int64_t step, int64_t micro_batch, int64_t rank, std::span<int32_t> ids,
                       std::span<int32_t> targets)>
        load_batch;
};

struct OpSpan { // when an op ran, on the trace clock
    int64_t start_ns = 0, end_ns = 0;
    int64_t wait_ns = 0;     // collectives: own arrival to last arrival
    int64_t emulated_ns = 0; // held by a link model after the bytes had moved
};

class Backend {
public:
    virtual ~Backend() = default;
    // Whether the processor may touch the memory of this tier between steps.
    virtual bool hostAddressable(MemoryTier) const = 0;
    // Memory of a rank in the device or host tier, zeroed, with the addresses of the plan; null where it has none.
    virtual std::byte* arena(int64_t rank, MemoryTier) const = 0;
    // Between steps, in whole: memory that the processor may not touch.
    virtual void read(int64_t rank, std::span<std::byte> to, const std::byte* from) = 0;
    virtual void write(int64_t rank, std::byte* to, std::span<const std::byte> from) = 0;

    virtual void enterLane(int64_t /*rank*/, LaneKind) {} // once, by the thread of the lane, before anything below
    virtual void describe(GpuCapture&) const {}           // whose streams and whose memory it will see
    virtual void beginPiece() {}                          // by the caller of the executor, while all lanes rest
    // From lane threads; std::exception: the op failed, in words without its name. `i` is the op's index in the
    // program. Whatever `lane` of `rank` is given after this runs after op `i` of another lane, which that has passed.
    virtual void follow(int64_t rank, LaneKind lane, size_t i) = 0;
    virtual void alloc(int64_t rank, size_t i, const BufferInfo&, std::byte* start) = 0; // zeroes what is to be zero
    virtual void free(int64_t rank, size_t i, const BufferInfo&, std::byte* start) = 0;
    // Compute, collective, or copy between device and host. None: the op has been enqueued, see spanOf().
    virtual std::optional<OpSpan> run(size_t i, int64_t rank, const std::vector<std::byte*>& addresses,
                                      const StepContext&) = 0;
    // Blocks until all that the lane was given has ended; then spans can be asked for. `not_before`: the end of what
    // the lane ran before the op.
    virtual void endLane(int64_t rank, LaneKind) = 0;
    virtual OpSpan spanOf(size_t i, int64_t rank, int64_t not_before_ns) = 0;
    virtual int64_t pieceStart(int64_t rank) const = 0; // trace clock; where lanes are asked for spans
    virtual void abort() = 0; // wakes lanes that wait for other ranks; they return and what they did is undefined
};

} // namespace shardscope
