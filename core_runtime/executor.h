// SPDX-License-Identifier: Apache-2.0
// Runs a step program: one thread per lane and rank, a backend with an arena per rank and tier that has the planned
// addresses, a ledger that follows every alloc and free. Lanes give their ops in order and block on the ops they wait
// for; nothing synchronises for recording.
#pragma once
#include "core_runtime/backend.h"
#include "core_runtime/backend_choice.h"
#include "core_runtime/ledger.h"
#include "core_runtime/link_model.h"
#include "profiler/recorder.h"
#include "traces/result.h"
#include <cstring>
#include <memory>
#include <span>

namespace shardscope {

struct StepTimes {
    int64_t start_ns = 0; // first rank to begin
    int64_t end_ns = 0;   // last rank to end
};

struct ExecutorOptions {
    BackendChoice backend;        // none: CPU ranks with the links below
    LinkModel link;               // between ranks
    LinkModel host_link;          // device to host and back
    LinkModel storage_link;       // host to NVMe and back
    std::string nvme_path;        // where swap files go, if the program has NVMe buffers
    Recorder* recorder = nullptr; // not owned; must not have started
    // Not owned; gets the intervals of ops that a device runs and gives them back as kernels.
    GpuCapture* capture = nullptr;
    bool record_intervals = true;
};

class Executor {
public:
    // Allocates the arenas, zeroed, and registers the lanes with the recorder. The program and the plan must outlive
    // the executor. Error: not enough memory or no swap file, in words.
    static Result<std::unique_ptr<Executor>> create(const StepProgram&, const MemoryPlan&, const ExecutorOptions&);
    ~Executor();
    void begin(); // starts the lane threads and records the persistent buffers; after Recorder::start()
    // One step of all ranks. The first failure of any op, with its name, rank and step; the executor is unusable then.
    Result<StepTimes> runStep(const StepContext&);
    // The same piece by piece, in order: ops [first, end) of the program, the first piece from op 0. Pieces end when
    // all of their ops have, so nothing overlaps across them.
    Result<StepTimes> runPiece(const StepContext&, size_t first, size_t end);

    // Between steps only: a buffer in place, where the processor may touch it (empty elsewhere), or a copy of it in
    // whole, wherever it is. std::runtime_error when a swap file or the device fails.
    std::span<std::byte> inPlace(int64_t rank, BufferId);
    std::vector<std::byte> read(int64_t rank, BufferId);
    void write(int64_t rank, BufferId, std::span<const std::byte>);
    template <class T> std::vector<T> values(int64_t rank, BufferId id) {
        const std::vector<std::byte> raw = read(rank, id);
        std::vector<T> all(raw.size() / sizeof(T));
        std::memcpy(all.data(), raw.data(), all.size() * sizeof(T));
        return all;
    }
    LedgerPeaks peaks(int64_t rank, MemoryTier) const;
    void setRecording(bool); // between steps: off, lanes tell the recorder and the capture nothing

private:
    struct Impl;
    explicit Executor(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
