// SPDX-License-Identifier: Apache-2.0
// Hot-path capture: every lane thread owns a LaneRecorder and pushes fixed-size records into its own ring; one writer
// thread drains all rings into the TraceSink and commits. No lock, no allocation and no system call on the lane's side;
// a full ring drops the record and counts it (the count becomes a warning in the trace).
#pragma once
#include "traces/trace_sink.h"
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace shardscope {

// Nanoseconds since the recorder's start, from the processor's time stamp counter where it is invariant, else
// CLOCK_MONOTONIC. Comparable between threads to some 20 ns: the counter is read without waiting for the instructions
// before it, which would cost as much as the reading.
class TraceClock {
public:
    static int64_t now();        // one rdtsc and a multiplication
    static void start();         // sets zero and calibrates (about 10 ms, once per process; later calls reset zero)
    static const char* source(); // "tsc" | "clock_monotonic"
    // The same clock without a zero of its own: now() == absolute() - zero(), to a nanosecond. start() must have been
    // called once before.
    static int64_t absolute();
    static int64_t zero();

private:
    __extension__ using Wide = __int128; // ticks * multiplier passes 64 bits after minutes
    static int64_t systemNow();          // without a usable counter
    static int64_t calibrate();

    static constexpr int fraction_bits = 40;
    // Written by start() only; relaxed loads cost nothing.
    static inline std::atomic<int64_t> zero_ticks{0}, zero_ns{0};
    static inline std::atomic<int64_t> multiplier{0}; // ns per tick in 2^-40; 0: there is no usable counter
};

inline int64_t TraceClock::now() {
#if defined(__x86_64__)
    if (const int64_t scale = multiplier.load(std::memory_order_relaxed)) {
        const int64_t elapsed =
            static_cast<int64_t>(__builtin_ia32_rdtsc()) - zero_ticks.load(std::memory_order_relaxed);
        return static_cast<int64_t>((static_cast<Wide>(elapsed) * scale) >> fraction_bits);
    }
#endif
    return systemNow();
}

class LaneRecorder {
public:
    ~LaneRecorder();
    // The lane is filled in. Returns at once.
    void interval(const IntervalEvent&);
    void memory(const MemoryEvent&);
    struct Ring;

private:
    friend class Recorder;
    explicit LaneRecorder(std::unique_ptr<Ring>);
    std::unique_ptr<Ring> m_ring;
};

// Owns the lanes' recorders and the writer thread. `commit` is called after each drained batch (TraceWriter::commit).
class Recorder {
public:
    Recorder(TraceSink& sink, std::function<void()> commit);
    ~Recorder();                            // stop()
    LaneRecorder& addLane(const LaneInfo&); // before start(); interns nothing
    // For a thread whose intervals come by another way: its memory changes only, and no lane in the trace.
    LaneRecorder& addMemory(const std::string& name);
    NameId intern(std::string_view); // before start()
    void start();
    // From any one thread while running: rare events (steps, warnings, run information).
    void post(TraceEvent);
    // The same for what needs more of the sink than append(), such as a lane that appears while running.
    void deliver(std::function<void(TraceSink&)>);
    void flush(); // returns when everything recorded before the call has reached the sink
    void stop();  // drains, reports drops as a WarningEvent, joins the thread
    int64_t dropped() const;
    int64_t mostRecords() const;       // of one lane
    int64_t writerProcessorNs() const; // of the writer thread, up to what it drained last

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace shardscope
