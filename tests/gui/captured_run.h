// SPDX-License-Identifier: Apache-2.0
// A trace of two virtual ranks on a GPU that is not there, written by the real capture over a fabricated CUPTI: kernels
// on streams, memory that a library holds, or one of the states in which CUPTI does not serve.
#pragma once
#include "profiler/cupti_double.h"
#include "profiler/gpu_capture.h"
#include "profiler/recorder.h"
#include "traces/trace_writer.h"
#include <cstdlib>

namespace shardscope::gui {

struct CapturedOptions {
    cupti::Status subscribe = cupti::Status::success;
    bool library = true;       // CUPTI is found
    size_t dropped = 0;        // records that CUPTI says it lost
    bool without_time = false; // a kernel whose time stamps are zero
};

inline void writeCapturedTrace(const std::string& path, const CapturedOptions& options = {}) {
    cupti_double::reset();
    if (options.subscribe != cupti::Status::success) cupti_double::fail("cuptiSubscribe", options.subscribe);
    TraceClock::start();
    auto created = TraceWriter::create(path);
    if (!created) std::abort();
    TraceWriter& writer = **created;
    const auto append = [&](const TraceEvent& event) { writer.append({&event, 1}); };
    for (const auto& [key, value] :
         {std::pair{"model", R"({"name": "gpt2-tiny"})"},
          {"stage", "2"},
          {"precision", "bf16"},
          {"backend", "cuda"},
          {"command", "shardscope run --model gpt2-tiny --devices 2,0 --measure-tax 7 --trace x"},
          {"devices", R"([{"device": 0, "name": "NVIDIA H200"}])"},
          {"virtual_ranks", "2 ranks share one GPU"},
          {"op_work", R"({"kinds": [["matmul_forward", 1e9, 1e6]], "ops": [0, -1]})"},
          {"device_peaks", R"({"source": "the data sheet of NVIDIA H200", "f32_flops_per_s": 67e12,
                               "half_flops_per_s": 989e12, "bytes_per_s": 4.8e12})"},
          {"profiler_tax_percent", "1.5"},
          {"profiler_tax_method", "medians of 5 steps"}})
        append(RunInfoEvent{key, value});
    ProgramOpEvent product, reduction;
    product.op = OpId{0};
    product.name = "forward product";
    reduction.op = OpId{1};
    reduction.name = "reduce_scatter bucket 0";
    reduction.lane = LaneKind::comm;
    reduction.phase = Phase::backward;
    reduction.op_class = OpClass::reduce_scatter;
    reduction.bucket = 0;
    append(product);
    append(reduction);
    Recorder recorder(writer, [&] { (void)writer.commit(); });
    auto started = GpuCapture::start(
        options.library ? cupti_double::symbols() : cupti::Symbols(),
        [&](std::function<void(TraceSink&)> work) { recorder.deliver(std::move(work)); }, 0);
    for (const TraceEvent& event : GpuCapture::describe(started.state)) append(event);
    std::vector<LaneRecorder*> lanes;
    for (int32_t rank = 0; rank < 2; ++rank)
        for (const LaneKind kind : {LaneKind::compute, LaneKind::comm}) {
            const std::string name = "rank " + std::to_string(rank) + " " + std::string(toText(kind));
            lanes.push_back(started.capture ? &recorder.addMemory(name)
                                            : &recorder.addLane({.rank = rank, .kind = kind, .name = name}));
        }
    const NameId buffer = recorder.intern("gradients"), name = recorder.intern("op");
    recorder.start();
    const int64_t base = TraceClock::now();
    const auto on_clock = [&](int64_t ns) { return static_cast<uint64_t>(TraceClock::zero() + base + ns); };
    for (uint32_t stream = 0; stream < 4 && started.capture; ++stream)
        started.capture->nameStream(0, reinterpret_cast<void*>(uintptr_t{13} + stream),
                                    static_cast<int32_t>(stream / 2),
                                    stream % 2 == 0 ? LaneKind::compute : LaneKind::comm);
    constexpr int64_t step_ns = 10'000;
    for (int32_t step = 0; step < 3; ++step) {
        const int64_t at = step * step_ns;
        for (int32_t rank = 0; rank < 2; ++rank)
            for (int32_t op = 0; op < 2; ++op) {
                const auto lane = static_cast<size_t>(2 * rank + op);
                IntervalEvent event{.op = OpId{op},
                                    .name = name,
                                    .start_ns = base + at + 1000 + 3000 * op,
                                    .end_ns = base + at + 5000 + 3000 * op,
                                    .step = step};
                event.phase = op == 0 ? Phase::forward : Phase::backward;
                if (op == 1) event.op_class = OpClass::reduce_scatter, event.bucket = 0, event.bytes = 4096;
                if (!started.capture) {
                    lanes[lane]->interval(event);
                    continue;
                }
                const bool lost = options.without_time && step == 1 && rank == 0 && op == 0;
                started.capture->pushOp(step, rank, event.op);
                cupti_double::launch(on_clock(at + 100), {.start = lost ? 0 : on_clock(at + 1000 + 3000 * op),
                                                          .end = lost ? 0 : on_clock(at + 5000 + 3000 * op),
                                                          .stream = static_cast<uint32_t>(13 + lane),
                                                          .mangled = op == 0 ? "_Z5scalePfi" : "_Z4normPKf",
                                                          .thread = static_cast<uint32_t>(100 + lane)});
                started.capture->popOp();
                started.capture->ran(rank, event);
            }
        for (int32_t rank = 0; rank < 2; ++rank)
            for (const int64_t delta : {int64_t{6} << 20, -(int64_t{6} << 20)})
                lanes[static_cast<size_t>(2 * rank)]->memory({.time_ns = base + at + (delta > 0 ? 1500 : 8000),
                                                              .rank = rank,
                                                              .category = MemoryCategory::gradients,
                                                              .delta_bytes = delta,
                                                              .buffer = buffer,
                                                              .step = step});
        if (started.capture) started.capture->endStep(step_ns);
        recorder.post(StepEvent{.step = step, .start_ns = base + at, .end_ns = base + at + step_ns, .loss = 5.0});
    }
    if (started.capture) {
        for (const auto& [ns, bytes] : {std::pair{int64_t{500}, uint64_t{2} << 20}, {12'000, uint64_t{1} << 20}}) {
            cupti::Memory memory{}; // of a library
            memory.kind = cupti::Kind::memory;
            memory.operation = cupti::MemoryOperation::allocation;
            memory.memory_kind = cupti::device;
            memory.timestamp = on_clock(ns);
            memory.address = 0x1000 + bytes;
            memory.bytes = bytes;
            cupti_double::put(memory);
        }
        if (options.dropped > 0) cupti_double::drop(options.dropped);
        started.capture->close();
    }
    recorder.stop();
    if (!writer.finish("finished")) std::abort();
}

} // namespace shardscope::gui
