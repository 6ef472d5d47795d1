// SPDX-License-Identifier: Apache-2.0
// The whole way of a captured run over a CUPTI that is not there: from records in buffers to the numbers of the trace.
#include "profiler/analysis/kernel_rates.h"
#include "profiler/analysis/rank_activity.h"
#include "profiler/cupti/buffer_pool.h"
#include "profiler/cupti/op_join.h"
#include "profiler/cupti_double.h"
#include "profiler/gpu_capture.h"
#include "profiler/recorder.h"
#include "support/catch.h"
#include "support/temporary_folder.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

using namespace shardscope;
using cupti::Availability;
using cupti::Status;

namespace {

constexpr const char* scale_kernel = "_Z5scalePfi"; // scale(float*, int)
constexpr const char* norm_kernel = "_Z4normPKf";

void* streamNumber(uintptr_t number) { return reinterpret_cast<void*>(number); }

// A run of two virtual ranks on one device; streams 13, 14, 15 and 23, 24, 25.
class CapturedRun {
public:
    explicit CapturedRun(int64_t flush_period_ns = 0) {
        TraceClock::start();
        zero = static_cast<uint64_t>(TraceClock::zero());
        auto created = TraceWriter::create(m_path);
        REQUIRE(created);
        m_writer = *std::move(created);
        m_recorder = std::make_unique<Recorder>(*m_writer, [this] { (void)m_writer->commit(); });
        op_name = m_recorder->intern("product");
        ProgramOpEvent product;
        product.op = OpId{0};
        product.name = "product";
        m_recorder->start();
        m_recorder->post(product);
        auto started = GpuCapture::start(
            cupti_double::symbols(),
            [this](std::function<void(TraceSink&)> work) { m_recorder->deliver(std::move(work)); }, flush_period_ns);
        REQUIRE(started.capture);
        capture = std::move(started.capture);
        start_ns = TraceClock::now(); // nothing before the capture began is believed
        for (int32_t rank = 0; rank < 2; ++rank) {
            const auto first = static_cast<uintptr_t>(13 + 10 * rank);
            capture->nameStream(0, streamNumber(first), rank, LaneKind::compute);
            capture->nameStream(0, streamNumber(first + 1), rank, LaneKind::comm);
            capture->nameStream(0, streamNumber(first + 2), rank, LaneKind::copy);
        }
    }

    uint64_t at(int64_t ns) const { return zero + static_cast<uint64_t>(start_ns + ns); } // on CUPTI's clock

    // One op of step 0 whose launches are given, in the times of the run.
    void op(int32_t rank, IntervalEvent event, const std::vector<cupti_double::Launch>& launches) {
        capture->pushOp(event.step, rank, event.op);
        for (cupti_double::Launch l : launches) {
            if (l.start) l.start += at(0), l.end += at(0);
            l.thread = 60 + l.stream; // each lane has its own
            cupti_double::launch(at(100), l);
        }
        capture->popOp();
        event.start_ns += start_ns;
        event.end_ns += start_ns;
        capture->ran(rank, event);
    }

    std::unique_ptr<TraceReader> finish() {
        capture->close();
        m_recorder->stop();
        REQUIRE(m_writer->finish("finished"));
        auto trace = TraceReader::open(m_path);
        REQUIRE(trace);
        return *std::move(trace);
    }

    std::unique_ptr<GpuCapture> capture;
    uint64_t zero = 0;
    int64_t start_ns = 0;
    NameId op_name = NameId::none; // of op 0

private:
    TemporaryFolder m_folder;
    std::string m_path = m_folder / "run.shardscope";
    std::unique_ptr<TraceWriter> m_writer;
    std::unique_ptr<Recorder> m_recorder;
};

IntervalEvent computeOp(int32_t op) {
    return {.op = static_cast<OpId>(op),
            .start_ns = 900,
            .end_ns = 2100,
            .step = 0,
            .phase = Phase::backward,
            .layer = 1,
            .elements = 64,
            .bytes = 256};
}

IntervalEvent reduceScatter(int32_t op, int64_t wait_ns) {
    IntervalEvent e{.op = static_cast<OpId>(op), .start_ns = 1600, .end_ns = 2600, .step = 0};
    e.phase = Phase::backward;
    e.op_class = OpClass::reduce_scatter;
    e.bucket = 2;
    e.elements = 1024;
    e.bytes = 4096;
    e.sent_bytes = 2048;
    e.wait_ns = wait_ns;
    return e;
}

std::vector<IntervalEvent> intervals(const TraceReader& trace, int32_t rank, OpClass op_class) {
    std::vector<IntervalEvent> found;
    forEachInterval(trace, rank, [&](const IntervalEvent& e) {
        if (e.op_class == op_class) found.push_back(e);
    });
    return found;
}

int64_t warningCount(const TraceReader& trace, const std::string& kind) {
    for (const WarningEvent& w : trace.warnings())
        if (w.kind == kind) return w.count;
    return 0;
}

} // namespace

TEST_CASE("gpu capture: records out of order become the work of their ops, with exact overlap") {
    cupti_double::reset();
    CapturedRun run;
    std::thread other([&] {
        run.op(1, computeOp(0), {{.start = 2100, .end = 2200, .stream = 23, .mangled = scale_kernel}});
        run.op(1, reduceScatter(1, 0), {{.start = 2150, .end = 2450, .stream = 24, .mangled = norm_kernel}});
    });
    run.op(0, computeOp(0),
           {{.start = 1000, .end = 1400, .stream = 13, .mangled = scale_kernel},
            {.start = 1500, .end = 2000, .stream = 13, .mangled = norm_kernel}});
    run.op(0, reduceScatter(1, 100),
           {{.start = 1800, .end = 2300, .stream = 14, .mangled = norm_kernel},
            {.start = 2300, .end = 2500, .stream = 14, .bytes = 512}});
    IntervalEvent copy{.op = static_cast<OpId>(2), .step = 0, .phase = Phase::optimizer, .op_class = OpClass::copy};
    run.op(0, copy, {{.start = 3000, .end = 3600, .stream = 15, .bytes = 4096}});
    other.join();
    run.capture->endStep(5000);
    const auto trace = run.finish();

    const Summary summary = summarize(*trace);
    REQUIRE(summary.ranks.size() == 2);
    const RankBudget& first = summary.ranks[0];
    CHECK(first.compute_ns == 900);
    CHECK(first.comm_ns == 800); // from the arrival, 100 ns before the first kernel
    CHECK(first.overlap_ns == 300);
    CHECK(first.exposed_comm_ns == 500);
    CHECK(first.copy_ns == 600);
    CHECK(first.exposed_copy_ns == 600);
    CHECK(summary.ranks[1].compute_ns == 100);
    CHECK(summary.ranks[1].comm_ns == 300);
    CHECK(summary.ranks[1].overlap_ns == 50);
    REQUIRE(summary.traffic.size() == 2); // one call per rank, however many kernels it had
    CHECK(summary.traffic[0].count == 1);
    CHECK(summary.traffic[0].bytes == 4096);

    const auto kernels = intervals(*trace, 0, OpClass::compute);
    REQUIRE(kernels.size() == 2);
    CHECK(trace->name(kernels[0].name) == "scale(float*, int)");
    CHECK(trace->name(kernels[1].name) == "norm(float const*)");
    for (const IntervalEvent& kernel : kernels) {
        CHECK(kernel.op == static_cast<OpId>(0));
        CHECK(kernel.step == 0);
        CHECK(kernel.phase == Phase::backward);
        CHECK(kernel.layer == 1);
    }
    CHECK(kernels[0].bytes + kernels[1].bytes == 256);
    CHECK(kernels[0].start_ns == run.start_ns + 1000);
    const auto copies = intervals(*trace, 0, OpClass::copy);
    REQUIRE(copies.size() == 1);
    CHECK(copies[0].bytes == 4096);
    CHECK(trace->name(copies[0].name) == "Memcpy DtoH (Device -> Pinned)");
    CHECK(intervals(*trace, 0, OpClass::annotation).size() == 2); // what the collective consisted of
    const auto launches = intervals(*trace, 0, OpClass::api_call);
    CHECK(launches.size() == 5);
    CHECK(std::count_if(launches.begin(), launches.end(),
                        [&](const IntervalEvent& l) { return trace->name(l.name) == "cudaLaunchKernel"; }) == 3);
    CHECK(std::count_if(launches.begin(), launches.end(),
                        [&](const IntervalEvent& l) { return l.correlation == kernels[0].correlation; }) == 1);
    CHECK(trace->warnings().empty());
    const auto has_lane = [&](const std::string& name, int32_t rank, LaneKind kind) {
        return std::any_of(trace->lanes().begin(), trace->lanes().end(), [&](const LaneInfo& l) {
            return l == LaneInfo{rank, kind, name};
        });
    };
    CHECK(has_lane("GPU 0 stream 13", 0, LaneKind::compute));
    CHECK(has_lane("GPU 0 stream 24", 1, LaneKind::comm));
    CHECK(has_lane("GPU 0 stream 15", 0, LaneKind::copy));
    CHECK(has_lane("api comm, CUDA thread 74", 0, LaneKind::host));
    CHECK(has_lane("api, CUDA thread 83", 1, LaneKind::host));
}

TEST_CASE("gpu capture: what is missing is counted, and its ops keep the times of their events") {
    cupti_double::reset();
    CapturedRun run;
    run.op(0, computeOp(0), {{.start = 0, .end = 0, .stream = 13, .mangled = scale_kernel}}); // no time
    run.op(0, reduceScatter(1, 0), {{.start = uint64_t{1} << 60, .end = (uint64_t{1} << 60) + 5, .stream = 14}});
    cupti_double::launch(run.at(50),
                         {.start = run.at(4000), .end = run.at(4100), .stream = 13, .mangled = norm_kernel});
    cupti_double::putUnknownKind();
    cupti_double::drop(3);
    run.capture->endStep(5000);
    const auto trace = run.finish();

    CHECK(warningCount(*trace, "gpu_records_without_time") == 1);
    CHECK(warningCount(*trace, "gpu_records_outside_session") == 1);
    CHECK(warningCount(*trace, "gpu_records_unknown") == 1);
    CHECK(warningCount(*trace, "gpu_records_dropped") == 3);
    CHECK(warningCount(*trace, "gpu_ops_without_records") == 2);
    CHECK(warningCount(*trace, "gpu_work_without_op") == 1);
    const auto computed = intervals(*trace, 0, OpClass::compute);
    REQUIRE(computed.size() == 2);
    CHECK(computed[0].start_ns == run.start_ns + 900); // of the event
    CHECK(computed[0].end_ns == run.start_ns + 2100);
    CHECK(computed[1].op == OpId::none);
    CHECK(computed[1].phase == Phase::unknown);
    REQUIRE(intervals(*trace, 0, OpClass::reduce_scatter).size() == 1);
    CHECK(intervals(*trace, 0, OpClass::reduce_scatter)[0].end_ns == run.start_ns + 2600);
}

TEST_CASE("gpu capture: a record may come a flush after its op") {
    cupti_double::reset();
    CapturedRun run;
    run.op(0, computeOp(0), {{.start = 1000, .end = 1400, .stream = 13, .mangled = scale_kernel, .flushes_late = 1}});
    run.capture->endStep(5000);
    run.capture->endStep(5000);
    const auto trace = run.finish();
    const auto kernels = intervals(*trace, 0, OpClass::compute);
    REQUIRE(kernels.size() == 1);
    CHECK(kernels[0].op == static_cast<OpId>(0));
    CHECK(kernels[0].end_ns - kernels[0].start_ns == 400);
    CHECK(trace->warnings().empty());
}

TEST_CASE("gpu capture: thousands of kernels of several threads arrive without loss") {
    cupti_double::reset();
    CapturedRun run;
    constexpr int threads = 4, steps = 3, kernels_per_op = 800;
    for (int32_t step = 0; step < steps; ++step) {
        std::vector<std::thread> lanes;
        for (int32_t lane = 0; lane < threads; ++lane)
            lanes.emplace_back([&, lane] {
                IntervalEvent op = computeOp(lane);
                op.step = step;
                std::vector<cupti_double::Launch> launches;
                for (uint64_t k = 0; k < kernels_per_op; ++k)
                    launches.push_back({.start = 1000 + 10 * k,
                                        .end = 1005 + 10 * k,
                                        .stream = lane % 2 ? 23u : 13u,
                                        .mangled = scale_kernel});
                run.op(lane % 2, op, launches);
            });
        for (std::thread& lane : lanes) lane.join();
        run.capture->endStep(1000);
    }
    const auto trace = run.finish();
    size_t found = 0;
    for (const int32_t rank : {0, 1})
        for (const IntervalEvent& kernel : intervals(*trace, rank, OpClass::compute)) {
            CHECK(static_cast<int32_t>(kernel.op) % 2 == rank);
            ++found;
        }
    CHECK(found == size_t{threads} * steps * kernels_per_op);
    CHECK(trace->warnings().empty());
    const auto facts = nlohmann::json::parse(trace->runValue("gpu_capture"));
    CHECK(facts["kernels"] == threads * steps * kernels_per_op);
    CHECK(facts["cupti_version"] == 130001);
}

TEST_CASE("gpu capture: the cost of recording is stored with the run") {
    cupti_double::reset();
    CapturedRun run;
    run.capture->setRecording(false);
    for (const int64_t ns : {1000, 1000, 900}) run.capture->endStep(ns);
    run.capture->setRecording(true);
    for (const int64_t ns : {1020, 1030, 1010}) run.capture->endStep(ns);
    cupti::Overhead overhead{};
    overhead.kind = cupti::Kind::overhead;
    overhead.overhead_kind = cupti::command_buffer_full;
    overhead.start = run.at(10);
    overhead.end = run.at(35);
    overhead.data = std::malloc(16); // given back by the reader
    cupti_double::put(overhead);
    overhead.overhead_kind = cupti::buffer_flush;
    overhead.start = run.at(40);
    overhead.end = run.at(47);
    overhead.data = nullptr;
    cupti_double::put(overhead);
    cupti::Synchronization wait{};
    wait.kind = cupti::Kind::synchronization;
    wait.type = 3;
    wait.start = run.at(40);
    wait.end = run.at(60);
    wait.stream = 23;
    cupti_double::put(wait);
    const auto trace = run.finish();
    const auto facts = nlohmann::json::parse(trace->runValue("gpu_capture"));
    CHECK(facts["plain_step_ns"] == 1000);
    CHECK(facts["recorded_step_ns"] == 1020);
    CHECK(facts["tax_percent"] == Approx(2.0));
    CHECK(facts["overhead_ns"] == 7); // a full command buffer is no cost of recording
    CHECK(facts["overhead_by_kind_ns"]["full command buffer"] == 25);
    CHECK(facts["overhead_by_kind_ns"]["CUPTI buffer flush"] == 7);
    REQUIRE(intervals(*trace, 0, OpClass::annotation).size() == 2);
    CHECK(trace->name(intervals(*trace, 0, OpClass::annotation)[0].name) == "full command buffer");
    REQUIRE(intervals(*trace, 1, OpClass::annotation).size() == 1);
    CHECK(trace->name(intervals(*trace, 1, OpClass::annotation)[0].name) == "Stream Sync");
}

TEST_CASE("gpu capture: memory outside the arenas is a counter") {
    cupti_double::reset();
    CapturedRun run;
    run.capture->ownMemory(reinterpret_cast<const void*>(uintptr_t{0x1000}));
    const auto change = [&](cupti::MemoryOperation operation, int64_t ns, uint64_t address, uint64_t bytes) {
        cupti::Memory m{};
        m.kind = cupti::Kind::memory;
        m.operation = operation;
        m.memory_kind = cupti::device;
        m.timestamp = run.at(ns);
        m.address = address;
        m.bytes = bytes;
        cupti_double::put(m);
    };
    using enum cupti::MemoryOperation;
    change(release, 300, 0x2000, 64); // in no order of time
    change(allocation, 100, 0x2000, 64);
    change(allocation, 150, 0x1000, 1 << 20);
    change(allocation, 200, 0x3000, 32);
    change(release, 400, 0x9000, 8);
    const auto trace = run.finish();
    std::vector<double> values;
    REQUIRE(trace->counters().size() == 1);
    values = trace->counters()[0].value;
    CHECK(values == std::vector<double>{64, 96, 32});
    CHECK(warningCount(*trace, "gpu_unmatched_releases") == 1);
}

TEST_CASE("gpu capture: what CUPTI refuses is a state with a sentence, and nothing is left behind") {
    struct Refusal {
        const char* call;
        Status status;
        Availability availability;
    };
    const Refusal refusal =
        GENERATE(Refusal{"cuptiSubscribe", Status::another_subscriber, Availability::another_profiler},
                 Refusal{"cuptiActivityEnable", Status::insufficient_privileges, Availability::no_permission},
                 Refusal{"cuptiActivityEnable", Status::virtual_device, Availability::no_permission},
                 Refusal{"cuptiSubscribe", Status::device_refused, Availability::no_permission},
                 Refusal{"cuptiSubscribe", Status::unknown, Availability::no_driver},
                 Refusal{"cuptiSubscribe", static_cast<Status>(7), Availability::refused});
    cupti_double::reset();
    cupti_double::fail(refusal.call, refusal.status);
    auto started = GpuCapture::start(cupti_double::symbols(), [](const auto&) { FAIL("nothing to deliver"); });
    CHECK_FALSE(started.capture);
    CHECK(started.state.availability == refusal.availability);
    const auto events = GpuCapture::describe(started.state);
    REQUIRE(events.size() == 3);
    CHECK(std::get<RunInfoEvent>(events[0]).value == started.state.sentence);
    CHECK(std::get<WarningEvent>(events[1]).kind == "gpu_capture_unavailable");
    CHECK(std::get<RunInfoEvent>(events[2]).value == cupti::toText(refusal.availability));
    cupti_double::reset();
    CHECK(GpuCapture::probe(cupti_double::symbols()).availability == Availability::available);
}

TEST_CASE("gpu capture: a library that is missing or too old is a state as well") {
    cupti_double::reset();
    CHECK(GpuCapture::start({}, {}).state.availability == Availability::library_missing);
    CHECK(GpuCapture::probe({}).availability == Availability::library_missing);
    const auto old = GpuCapture::start(cupti_double::symbolsWithout("cuptiGetStreamIdEx"), {}).state;
    CHECK(old.availability == Availability::library_missing);
    CHECK(old.sentence.find("cuptiGetStreamIdEx") != std::string::npos);
    CHECK(cupti_double::calls().empty());
}

TEST_CASE("gpu capture: set-up and teardown keep CUPTI's order, and the clock is registered once") {
    cupti_double::reset();
    { CapturedRun().finish(); }
    const int registered = cupti_double::timestampsRegistered();
    CHECK(registered == 1);
    const int64_t before = TraceClock::now();
    const auto said = static_cast<int64_t>(cupti_double::timestamp() - static_cast<uint64_t>(TraceClock::zero()));
    CHECK(said >= before - 1);
    CHECK(said <= TraceClock::now() + 1);
    cupti_double::reset();
    { CapturedRun().finish(); }
    CHECK(cupti_double::timestampsRegistered() == registered);
    const auto calls = cupti_double::calls();
    REQUIRE(calls.size() > 4);
    CHECK(calls.front() == "cuptiSubscribe");
    CHECK(calls[1] == "cuptiActivityEnable");
    CHECK(calls[calls.size() - 3] == "cuptiActivityDisable");
    CHECK(calls[calls.size() - 2] == "cuptiActivityFlushAll");
    CHECK(calls.back() == "cuptiUnsubscribe");
}

TEST_CASE("gpu capture: buffers are limited, used again, and zeroed") {
    cupti::BufferPool pool(2);
    uint8_t* first = pool.request();
    uint8_t* second = pool.request();
    REQUIRE(first);
    REQUIRE(second);
    CHECK(pool.request() == nullptr);
    CHECK(pool.refused() == 1);
    first[0] = 9;
    pool.complete(first, 1);
    pool.mark(true);
    CHECK(pool.take().data == first);
    CHECK(pool.take().last_mark);
    pool.recycle(first);
    CHECK(pool.request() == first);
    CHECK(first[0] == 0);
}

TEST_CASE("gpu capture: work that comes after its op has left keeps the op's number and step") {
    cupti::OpJoin join;
    join.nameStream(0, 13, 1, LaneKind::compute);
    IntervalEvent op = computeOp(5);
    op.step = 7;
    join.addOp(1, op);
    cupti::RecordBatch launched, worked;
    launched.correlations.push_back({99, cupti::opInstance(7, 1, static_cast<OpId>(5))});
    join.add(launched);
    CHECK(join.take(false).empty());
    CHECK(join.take(false).empty());
    CHECK(join.take(false).size() == 1); // as its event says
    CHECK(join.counts().ops_without_records == 1);
    worked.work.push_back({.start_ns = 10, .end_ns = 20, .stream = 13, .correlation = 99});
    join.add(worked);
    const auto rest = join.take(true);
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].event.op == static_cast<OpId>(5));
    CHECK(rest[0].event.step == 7);
    CHECK(rest[0].event.phase == Phase::backward);
    CHECK(rest[0].event.layer == 1);
    CHECK(rest[0].event.bytes == 0); // said once, by the op
    CHECK(rest[0].lane.rank == 1);
    CHECK(join.counts().late_work == 1);
    CHECK(join.counts().work_without_op == 0);
}

TEST_CASE("gpu capture: late records count in the rates of kernels, once, and make no second collective") {
    cupti_double::reset();
    CapturedRun run;
    const int late = GENERATE(0, 1, 2, 4, 9);
    for (int32_t step = 0; step < 3; ++step) {
        for (int32_t rank = 0; rank < 2; ++rank) {
            const auto stream = static_cast<uint32_t>(13 + 10 * rank);
            const int flushes_late = step == 1 && rank == 1 ? late : 0;
            IntervalEvent op = computeOp(0), reduce = reduceScatter(1, 0);
            op.name = run.op_name;
            op.step = reduce.step = step;
            run.op(rank, op,
                   {{.start = 1000,
                     .end = 1400,
                     .stream = stream,
                     .mangled = scale_kernel,
                     .flushes_late = flushes_late}});
            run.op(rank, reduce,
                   {{.start = 1800,
                     .end = 2000,
                     .stream = stream + 1,
                     .mangled = norm_kernel,
                     .flushes_late = flushes_late}});
        }
        run.capture->endStep(5000);
    }
    for (int flush = 0; flush < late; ++flush) run.capture->endStep(5000);
    const auto trace = run.finish();
    INFO(late << " flushes late");
    const std::vector<OpRate> rates = opRates(*trace);
    REQUIRE(rates.size() == 1);
    CHECK(rates[0].calls == 6);
    CHECK(rates[0].intervals == 6); // without the times of events, where there is a kernel
    CHECK(rates[0].total_ns == 6 * 400);
    const auto json = nlohmann::json::parse(reportJson(*kernelReport(*trace, {})));
    REQUIRE(json["kernels"].size() == 1);
    CHECK(json["kernels"][0]["calls"] == 6);
    for (const int32_t rank : {0, 1}) {
        CHECK(intervals(*trace, rank, OpClass::reduce_scatter).size() == 3);
        CHECK(intervals(*trace, rank, OpClass::annotation).size() == 3);
    }
    CHECK(warningCount(*trace, "gpu_records_late") == (late > 2 ? 2 : 0));
    CHECK(warningCount(*trace, "gpu_work_without_op") == 0);
}

TEST_CASE("gpu capture: kernels of a graph belong to the op that launched it, and copies between GPUs name both") {
    cupti_double::reset();
    CapturedRun run;
    run.op(0, computeOp(0), {{.start = 1000, .end = 1600, .stream = 13, .mangled = scale_kernel, .kernels = 3}});
    IntervalEvent copy{.op = static_cast<OpId>(2), .step = 0, .phase = Phase::optimizer, .op_class = OpClass::copy};
    run.op(0, copy, {{.start = 3000, .end = 3600, .stream = 15, .bytes = 4096, .peer = true}});
    run.capture->endStep(5000);
    const auto trace = run.finish();
    const auto kernels = intervals(*trace, 0, OpClass::compute);
    REQUIRE(kernels.size() == 3);
    for (const IntervalEvent& kernel : kernels) {
        CHECK(kernel.op == static_cast<OpId>(0));
        CHECK(kernel.correlation == kernels[0].correlation);
    }
    const auto launches = intervals(*trace, 0, OpClass::api_call);
    CHECK(std::count_if(launches.begin(), launches.end(),
                        [&](const IntervalEvent& l) { return trace->name(l.name) == "cudaGraphLaunch"; }) == 1);
    const auto copies = intervals(*trace, 0, OpClass::copy);
    REQUIRE(copies.size() == 1);
    CHECK(trace->name(copies[0].name) == "Memcpy PtoP (GPU 0 -> GPU 1)");
    CHECK(copies[0].bytes == 4096);
    CHECK(trace->warnings().empty());
}

TEST_CASE("gpu capture: a wait stands among the calls of its thread; what keeps no thread waiting is left out") {
    cupti_double::reset();
    CapturedRun run;
    const auto wait = [&](int32_t type, uint64_t start, bool with_call) {
        cupti::Synchronization record{};
        record.kind = cupti::Kind::synchronization;
        record.type = type;
        record.start = start;
        record.end = start ? start + 20 : 0;
        record.stream = 24;
        cupti_double::put(record, with_call);
    };
    wait(3, run.at(40), true);
    wait(1, run.at(80), false);
    wait(cupti::stream_wait_event, run.at(90), true);
    wait(3, 0, false); // its time could not be taken
    const auto trace = run.finish();
    const auto waits = intervals(*trace, 1, OpClass::annotation);
    REQUIRE(waits.size() == 2);
    std::map<std::string, std::string> lane_of;
    for (const IntervalEvent& w : waits)
        lane_of[trace->name(w.name)] = trace->lanes()[static_cast<size_t>(w.lane)].name;
    CHECK(lane_of["Stream Sync"] == "api comm, CUDA thread 77");
    CHECK(lane_of["Event Sync"] == "GPU 0 synchronization");
    CHECK(trace->warnings().empty()); // no kernel is missing
}

TEST_CASE("gpu capture: a wait is that of the rank whose context it is in, where streams of GPUs have one number") {
    cupti::OpJoin join;
    join.nameStream(0, 7, 0, LaneKind::compute);
    join.nameStream(1, 7, 1, LaneKind::compute);
    cupti::RecordBatch batch;
    batch.work.push_back({.start_ns = 10, .end_ns = 20, .device = 0, .context = 1, .stream = 7, .correlation = 5});
    batch.work.push_back({.start_ns = 10, .end_ns = 20, .device = 1, .context = 2, .stream = 7, .correlation = 6});
    for (const uint32_t context : {1u, 2u}) {
        batch.waits.push_back({.start_ns = 30, .end_ns = 40, .context = context, .stream = 7});
        batch.waits.push_back({.start_ns = 50, .end_ns = 60, .context = context, .stream = ~0u}); // of the context
    }
    join.add(batch);
    std::map<int32_t, int> waits_of;
    for (const cupti::JoinedEvent& e : join.take(false))
        if (e.lane.row == cupti::Row::waits) {
            ++waits_of[e.lane.rank];
            CHECK(e.lane.device == static_cast<uint32_t>(e.lane.rank));
        }
    CHECK(waits_of == std::map<int32_t, int>{{0, 2}, {1, 2}});
}
