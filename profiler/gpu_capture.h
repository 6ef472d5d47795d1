// SPDX-License-Identifier: Apache-2.0
// Records what the devices of a run really did, by CUPTI: kernels and copies with the op that launched them, launches,
// waits, memory that others allocate, and the cost of recording. One capture per process at a time.
//
// Order: TraceClock::start, start(), then the first CUDA context; nameStream() for each stream; per step pushOp() and
// popOp() around each op's launches, ran() for each op, endStep(); close() before the sink ends. Without a capture a
// run writes the intervals of its ops itself; with one it gives them to ran() instead, and they come back as kernels.
#pragma once
#include "profiler/cupti/api.h"
#include "traces/trace_sink.h"
#include <memory>
#include <vector>

namespace shardscope {

class GpuCapture {
public:
    // Calls the work where the sink is used, now or later, in the order of the calls: Recorder::deliver.
    using Deliver = std::function<void(std::function<void(TraceSink&)>)>;
    struct Started {
        std::unique_ptr<GpuCapture> capture; // null: `state` says why, and the run goes on without
        cupti::CaptureState state;
    };
    // `flush_period_ns`: at most so often what has been recorded is fetched at the end of a step.
    static Started start(const cupti::Symbols&, Deliver, int64_t flush_period_ns = 200'000'000);
    // Whether CUPTI would serve this process now; leaves nothing behind.
    static cupti::CaptureState probe(const cupti::Symbols&);
    // What a trace says about it: run key "gpu_capture_state", and a warning unless it is available.
    static std::vector<TraceEvent> describe(const cupti::CaptureState&);
    ~GpuCapture(); // close()

    // `stream` is a cudaStream_t of the device that is current.
    void nameStream(uint32_t device, void* stream, int32_t rank, LaneKind);
    void ownMemory(const void* allocation); // an arena of the run, whose contents its own ledger follows

    // From the thread that launches, in pairs. Any number of threads.
    void pushOp(int32_t step, int32_t rank, OpId);
    void popOp();
    // When the op ran by the run's own measure, with everything else that is known of it; lane and correlation are
    // filled in. Any thread, before the endStep() of its step. A collective keeps its wait_ns; an op of which no record
    // arrives is shown as it is given.
    void ran(int32_t rank, const IntervalEvent&);

    // All work of the step has ended on the devices. One thread.
    void endStep(int64_t step_ns);
    // Steps that are not recorded, to compare with: between setRecording(false) and (true) nothing is.
    void setRecording(bool);
    // The devices are idle. Delivers the rest, the counts of all that is missing as warnings, and run key
    // "gpu_capture".
    void close();
    // After close(): the overhead that CUPTI recorded, and what one pushOp() with its popOp() took.
    int64_t overheadNs() const;
    double tagNs() const;

private:
    struct Impl;
    double measureTagNs();
    explicit GpuCapture(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
