// SPDX-License-Identifier: Apache-2.0
// Runs a step program on CPU ranks: one thread per lane and rank, an arena per rank with the planned addresses, a
// ledger that follows every alloc and free. Lanes run their ops in order and block on the ops they wait for; nothing
// synchronises for recording.
#pragma once
#include "core_runtime/cpu/compute.h"
#include "core_runtime/link_model.h"
#include "core_runtime/memory_plan.h"
#include "core_runtime/step_program.h"
#include "profiler/recorder.h"
#include "traces/result.h"
#include <memory>
#include <span>

namespace shardscope {

struct LedgerPeaks { // what really was allocated, by the ledger of one rank
    std::array<int64_t, all_memory_categories.size()> category_peak{};
    int64_t peak_bytes = 0;
};

struct StepTimes {
    int64_t start_ns = 0; // first rank to begin
    int64_t end_ns = 0;   // last rank to end
};

class Executor {
public:
    // Allocates the arenas, zeroed, and registers the lanes with the recorder (which may be null and must not have
    // started). The program must outlive the executor. Error: not enough memory, in words.
    static Result<std::unique_ptr<Executor>> create(const StepProgram&, const MemoryPlan&, const LinkModel&, Recorder*,
                                                    bool record_intervals);
    ~Executor();
    void begin(); // starts the lane threads and records the persistent buffers; after Recorder::start()
    // One step of all ranks. The first failure of any op, with its name, rank and step; the executor is unusable then.
    Result<StepTimes> runStep(const StepContext&);
    template <class T> std::span<T> buffer(int64_t rank, BufferId id) { // between steps only
        const std::span<std::byte> raw = bytes(rank, id);
        return {reinterpret_cast<T*>(raw.data()), raw.size() / sizeof(T)};
    }
    LedgerPeaks peaks(int64_t rank) const;

private:
    struct Impl;
    explicit Executor(std::unique_ptr<Impl>);
    std::span<std::byte> bytes(int64_t rank, BufferId);
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
