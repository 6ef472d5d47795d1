// SPDX-License-Identifier: Apache-2.0
// Makes a trace as a GPU would leave it out of one of CPU ranks, to look at: the same program, its ops as kernels and
// copies on streams, written by the real capture over a fabricated CUPTI. No number in it was measured on a GPU.
//   shardscope_fabricate_gpu_trace FROM TO [available|another_profiler|no_permission|library_missing|lossy] [nccl]
#include "profiler/cupti_double.h"
#include "profiler/gpu_capture.h"
#include "profiler/recorder.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <sqlite3.h>
#include <thread>

namespace {

using namespace shardscope;

constexpr int64_t quicker = 40; // than the CPU ranks

struct Kernels { // that an op of this name would launch
    const char* of;
    const char* names[3];
};
constexpr Kernels kernels[] = {
    {"norm", {"_ZN10shardscope4cuda9layerNormE13__nv_bfloat16", nullptr}},
    {"gelu", {"shardscope::cuda::geluForward<__nv_bfloat16>(__nv_bfloat16*, __nv_bfloat16 const*, long)"}},
    {"attention",
     {"shardscope::cuda::attentionScores<__nv_bfloat16>(float*, __nv_bfloat16 const*, int, int)",
      "shardscope::cuda::softmaxRows(float*, int, int)",
      "shardscope::cuda::attentionValues<__nv_bfloat16>(__nv_bfloat16*, float const*, __nv_bfloat16 const*, int)"}},
    {"residual", {"shardscope::cuda::addInto<__nv_bfloat16>(__nv_bfloat16*, __nv_bfloat16 const*, long)"}},
    {"update", {"shardscope::cuda::adamw<__nv_bfloat16>(AdamwState, float, long)"}},
    {"loss", {"shardscope::cuda::crossEntropy<__nv_bfloat16>(float*, __nv_bfloat16*, int const*, int)"}},
    {"", {"nvjet_hsh_128x256_64x4_2x1_v_bz_coopA_bias_NNT"}},
};

const Kernels& kernelsOf(const std::string& op) {
    return *std::find_if(std::begin(kernels), std::end(kernels),
                         [&](const Kernels& k) { return op.find(k.of) != std::string::npos; });
}

void copyMemory(const std::string& from, const std::vector<LaneRecorder*>& of_rank, Recorder& recorder,
                const std::function<int64_t(int64_t)>& time) {
    sqlite3* db = nullptr;
    sqlite3_stmt* rows = nullptr;
    sqlite3_open_v2(from.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
    sqlite3_prepare_v2(db,
                       "SELECT m.time_ns, m.rank, m.tier, m.category, m.delta_bytes, n.text, m.op, m.step FROM "
                       "memory_row m LEFT JOIN name n ON n.id = m.buffer ORDER BY m.id",
                       -1, &rows, nullptr);
    std::map<std::string, NameId> names;
    std::vector<std::pair<int32_t, MemoryEvent>> events;
    while (sqlite3_step(rows) == SQLITE_ROW) {
        const auto number = [&](int column, int64_t otherwise) {
            return sqlite3_column_type(rows, column) == SQLITE_NULL ? otherwise : sqlite3_column_int64(rows, column);
        };
        const char* buffer = reinterpret_cast<const char*>(sqlite3_column_text(rows, 5));
        const auto [name, fresh] = names.try_emplace(buffer ? buffer : "buffer", NameId::none);
        if (fresh) name->second = recorder.intern(name->first);
        events.emplace_back(static_cast<int32_t>(number(1, 0)),
                            MemoryEvent{.time_ns = time(number(0, 0)),
                                        .rank = static_cast<int32_t>(number(1, 0)),
                                        .tier = static_cast<MemoryTier>(number(2, 0)),
                                        .category = static_cast<MemoryCategory>(number(3, 0)),
                                        .delta_bytes = number(4, 0),
                                        .buffer = name->second,
                                        .op = static_cast<OpId>(number(6, -1)),
                                        .step = static_cast<int32_t>(number(7, -1))});
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    recorder.start();
    for (const auto& [rank, event] : events) of_rank[static_cast<size_t>(rank)]->memory(event);
    recorder.flush();
}

int fabricate(const std::string& from_path, const std::string& to_path, const std::string& state, bool nccl) {
    auto opened = TraceReader::open(from_path);
    if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
    const TraceReader& from = **opened;
    const int32_t ranks = from.ranks();
    if (state == "another_profiler") cupti_double::fail("cuptiSubscribe", cupti::Status::another_subscriber);
    if (state == "no_permission") cupti_double::fail("cuptiSubscribe", cupti::Status::insufficient_privileges);
    TraceClock::start();
    auto created = TraceWriter::create(to_path);
    if (!created) return std::fprintf(stderr, "%s\n", created.error().message.c_str()), 1;
    TraceWriter& writer = **created;
    const auto append = [&](const TraceEvent& event) { writer.append({&event, 1}); };
    static const std::set<std::string> not_taken = {
        "backend",      "link",         "trace_id", "status", "command", "profiler_tax_percent", "profiler_tax_method",
        "profiler_tax", "device_peaks", "devices"};
    for (const auto& [key, value] : from.run())
        if (!not_taken.contains(key)) append(RunInfoEvent{key, value});
    std::string devices;
    for (int32_t rank = 0; rank < ranks; ++rank)
        devices += (rank ? ", " : "") + std::string(R"({"device": )") + std::to_string(nccl ? rank : 0) +
                   R"(, "name": "NVIDIA H200", "memory_bytes": 150323855360, "compute_capability": "9.0"})";
    for (const auto& [key, value] : std::map<std::string, std::string>{
             {"backend", "cuda"},
             {"command", "shardscope run --backend cuda --measure-tax 5 " + from.runValue("command")},
             {"devices", "[" + devices + "]"},
             {"communicator", nccl ? "NCCL 2.28.9" : "virtual ranks"},
             {"matrix_products", "cuBLASLt 13.1"},
             {"device_peaks", R"({"source": "the data sheet of NVIDIA H200, without sparsity", "f32_flops_per_s": 67e12,
                                 "half_flops_per_s": 989e12, "bytes_per_s": 4.8e12})"},
             {"profiler_tax_percent", "1.4"},
             {"profiler_tax_method", "5 steps without recording: +1.4 %"}})
        append(RunInfoEvent{key, value});
    if (!nccl) append(RunInfoEvent{"virtual_ranks", std::to_string(ranks) + " ranks share one GPU"});
    for (const ProgramOpEvent& op : from.program()) append(op);
    for (const BucketEvent& bucket : from.buckets()) append(bucket);
    for (const PlannedPeakEvent& peak : from.plannedPeaks()) append(peak);

    Recorder recorder(writer, [&] { (void)writer.commit(); });
    auto started = GpuCapture::start(
        state == "library_missing" ? cupti::Symbols() : cupti_double::symbols(),
        [&](std::function<void(TraceSink&)> work) { recorder.deliver(std::move(work)); }, 0);
    for (const TraceEvent& event : GpuCapture::describe(started.state)) append(event);
    GpuCapture* capture = started.capture.get();
    const int64_t base = TraceClock::now() + 1'000'000;
    std::this_thread::sleep_for(std::chrono::nanoseconds(from.span().end_ns / quicker + 5'000'000)); // no time is ahead
    const auto time = [&](int64_t ns) { return base + ns / quicker; };
    const auto on_clock = [&](int64_t ns) { return static_cast<uint64_t>(TraceClock::zero() + ns); };
    std::map<LaneId, LaneRecorder*> lanes;
    std::vector<LaneRecorder*> of_rank;
    std::map<std::string, NameId> names;
    for (size_t l = 0; l < from.lanes().size(); ++l) {
        const LaneInfo& lane = from.lanes()[l];
        const bool device =
            lane.kind == LaneKind::compute || lane.kind == LaneKind::comm || lane.kind == LaneKind::copy;
        lanes[static_cast<LaneId>(l)] = capture && device ? &recorder.addMemory(lane.name) : &recorder.addLane(lane);
        if (lane.kind == LaneKind::compute) of_rank.push_back(lanes[static_cast<LaneId>(l)]);
    }
    for (const ProgramOpEvent& op : from.program()) names[op.name] = recorder.intern(op.name);
    copyMemory(from_path, of_rank, recorder, time);
    const auto streamOf = [&](const LaneInfo& lane) {
        return static_cast<uint32_t>(13 + (nccl ? 0 : 3 * lane.rank) + (lane.kind == LaneKind::comm) +
                                     2 * (lane.kind == LaneKind::copy));
    };
    const auto deviceOf = [&](const LaneInfo& lane) { return static_cast<uint32_t>(nccl ? lane.rank : 0); };
    for (const LaneInfo& lane : from.lanes())
        if (capture && lane.kind != LaneKind::host && lane.kind != LaneKind::storage)
            capture->nameStream(deviceOf(lane), reinterpret_cast<void*>(uintptr_t{streamOf(lane)}), lane.rank,
                                lane.kind);

    for (const StepEvent& step : from.steps()) {
        for (size_t l = 0; l < from.lanes().size(); ++l) {
            const LaneInfo& lane = from.lanes()[l];
            for (IntervalEvent event : from.events(static_cast<LaneId>(l), {step.start_ns, step.end_ns})) {
                if (event.step != step.step) continue;
                const ProgramOpEvent* op = from.op(event.op);
                const std::string name = op ? op->name : "op";
                event.name = names.contains(name) ? names[name] : NameId::none;
                event.start_ns = time(event.start_ns);
                event.end_ns = time(event.end_ns);
                event.wait_ns /= quicker;
                event.emulated_ns = 0;
                if (!capture || event.op_class == OpClass::host || event.op_class == OpClass::storage) {
                    lanes[static_cast<LaneId>(l)]->interval(event);
                    continue;
                }
                std::vector<const char*> launched;
                if (isCollective(event.op_class))
                    launched = {nccl ? "ncclDevKernel_ReduceScatter_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)"
                                     : "shardscope::cuda::sumRanks<__nv_bfloat16>(Outputs, Inputs, float, long)"};
                else if (event.op_class != OpClass::copy)
                    for (const char* kernel : kernelsOf(name).names)
                        if (kernel) launched.push_back(kernel);
                capture->pushOp(step.step, lane.rank, event.op);
                const int64_t first = event.start_ns + event.wait_ns,
                              count = std::max<int64_t>(std::ssize(launched), 1);
                const int64_t each = std::max<int64_t>((event.end_ns - first) / count, 300);
                for (int64_t k = 0; k < count; ++k)
                    cupti_double::launch(on_clock(first + each * k - 4000 - 600 * (count - k)),
                                         {.start = on_clock(first + each * k),
                                          .end = on_clock(first + each * (k + 1) - 200),
                                          .stream = streamOf(lane),
                                          .device = deviceOf(lane),
                                          .mangled = launched.empty() ? nullptr : launched[static_cast<size_t>(k)],
                                          .bytes = static_cast<uint64_t>(event.bytes),
                                          .flushes_late = state == "lossy" && step.step == 3 && k == 0 ? 5 : 0,
                                          .thread = static_cast<uint32_t>(4711 + l)});
                capture->popOp();
                capture->ran(lane.rank, event);
            }
            cupti::Synchronization wait{.kind = cupti::Kind::synchronization, .type = 3};
            wait.start =
                on_clock(time(step.end_ns - step.start_ns > 0 ? step.end_ns - (step.end_ns - step.start_ns) / 8 : 0));
            wait.end = on_clock(time(step.end_ns));
            wait.context = deviceOf(lane) + 1;
            wait.stream = streamOf(lane);
            if (capture) cupti_double::put(wait, true, static_cast<uint32_t>(4711 + l));
        }
        if (capture && step.step < 3) {
            cupti::Overhead overhead{.kind = cupti::Kind::overhead};
            overhead.overhead_kind = step.step == 0 ? cupti::function_loading : cupti::buffer_flush;
            overhead.start = on_clock(time(step.start_ns) + 20'000);
            overhead.end = overhead.start + (step.step == 0 ? 400'000 : 60'000);
            cupti_double::put(overhead);
            cupti::Memory memory{.kind = cupti::Kind::memory, .operation = cupti::MemoryOperation::allocation};
            memory.memory_kind = cupti::device;
            memory.timestamp = on_clock(time(step.start_ns) + 200'000);
            memory.address = 0x1000u * static_cast<uint64_t>(step.step + 1);
            memory.bytes = step.step == 0 ? 32u << 20 : 4u << 20;
            cupti_double::put(memory);
        }
        if (capture) capture->endStep((step.end_ns - step.start_ns) / quicker);
        StepEvent scaled = step;
        scaled.start_ns = time(step.start_ns);
        scaled.end_ns = time(step.end_ns);
        recorder.post(scaled);
        recorder.flush(); // a ring is no place for a whole run at once
    }
    if (state == "lossy") cupti_double::drop(412);
    if (capture) capture->close();
    recorder.stop();
    const auto finished = writer.finish("finished");
    if (!finished) return std::fprintf(stderr, "%s\n", finished.error().message.c_str()), 1;
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) return std::fprintf(stderr, "usage: %s FROM TO [STATE] [nccl]\n", argv[0]), 2;
    return fabricate(argv[1], argv[2], argc > 3 ? argv[3] : "available", argc > 4 && std::strcmp(argv[4], "nccl") == 0);
}
