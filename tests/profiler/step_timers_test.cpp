// SPDX-License-Identifier: Apache-2.0
// DeepSpeed's timers from intervals, and the rows of training_metrics.csv from a trace.
#include "profiler/analysis/step_timers.h"
#include "profiler/analysis/training_metrics.h"
#include "support/catch.h"
#include "support/contains.h"
#include "support/sample_trace.h"
#include "support/temporary_folder.h"
#include "traces/trace_writer.h"

using namespace shardscope;

namespace {

IntervalEvent interval(int32_t lane, int64_t start, int64_t end, Phase phase, OpClass op_class = OpClass::compute,
                       int32_t step = 4) {
    return {.lane = static_cast<LaneId>(lane),
            .start_ns = start,
            .end_ns = end,
            .step = step,
            .phase = phase,
            .op_class = op_class};
}

} // namespace

TEST_CASE("timers: micro-batches are told apart, overlapped reduction costs nothing, the rest of it does") {
    StepTimerCollector timers(1);
    timers.addLane(LaneId{0}, {.rank = 0, .kind = LaneKind::compute, .name = ""});
    timers.addLane(LaneId{1}, {.rank = 1, .kind = LaneKind::compute, .name = ""});
    timers.addLane(LaneId{2}, {.rank = 1, .kind = LaneKind::comm, .name = ""});
    const int64_t ms = 1'000'000;
    const std::vector<IntervalEvent> events = {
        interval(1, 0, 2 * ms, Phase::forward), // first micro-batch
        interval(1, 3 * ms, 5 * ms, Phase::forward),
        interval(2, 2 * ms, 3 * ms, Phase::forward, OpClass::all_gather),
        interval(1, 5 * ms, 9 * ms, Phase::backward),
        interval(2, 6 * ms, 8 * ms, Phase::backward, OpClass::reduce_scatter), // hidden
        interval(1, 10 * ms, 11 * ms, Phase::forward),                         // second one
        interval(1, 11 * ms, 12 * ms, Phase::recompute),
        interval(1, 12 * ms, 15 * ms, Phase::backward),
        interval(2, 14 * ms, 19 * ms, Phase::backward, OpClass::reduce_scatter),
        interval(2, 15 * ms, 30 * ms, Phase::backward, OpClass::all_gather), // no gradient
        interval(1, 19 * ms, 20 * ms, Phase::optimizer),
        interval(2, 20 * ms, 22 * ms, Phase::optimizer, OpClass::all_gather),
        interval(0, 0, 100 * ms, Phase::forward),                          // another rank
        interval(1, 40 * ms, 41 * ms, Phase::forward, OpClass::compute, 5) // another step
    };
    for (auto e = events.rbegin(); e != events.rend(); ++e) timers.add(*e); // lanes arrive in any order
    const StepTimers step = timers.take(4);
    REQUIRE(step.micro_batches.size() == 2);
    CHECK(step.micro_batches[0].fwd == 5 * ms);
    CHECK(step.micro_batches[0].bwd_inner == 4 * ms);
    CHECK(step.micro_batches[0].bwd_allreduce == 0);
    CHECK(step.micro_batches[1].fwd == 1 * ms);
    CHECK(step.micro_batches[1].bwd_inner == 4 * ms);
    CHECK(step.micro_batches[1].bwd_allreduce == 4 * ms);
    CHECK(step.optimizer == 3 * ms);
    const std::string text = timerText(step, 1);
    CHECK_THAT(text, Contains("[Rank 1] step 4 time (ms) | fwd_microstep: 5.00 | bwd_microstep: 4.00 | "
                              "bwd_inner_microstep: 4.00 | bwd_allreduce_microstep: 0.00 | step_microstep: 0.00\n"));
    CHECK_THAT(text, Contains("| bwd_allreduce_microstep: 4.00 | step_microstep: 3.00\n"));
    CHECK_THAT(text, Contains("| fwd: 6.00 | bwd: 12.00 | bwd_inner: 8.00 | bwd_allreduce: 4.00 | step: 3.00\n"));
    CHECK(timers.take(5).micro_batches.size() == 1);
    CHECK(timers.take(5).micro_batches.empty());
}

TEST_CASE("training metrics: peaks are those within the step, of the rank that needs most") {
    const TemporaryFolder folder;
    const std::string path = folder / "run.shardscope";
    auto writer = TraceWriter::create(path);
    REQUIRE(writer);
    for (int32_t rank = 0; rank < 2; ++rank)
        (*writer)->addLane({.rank = rank, .kind = LaneKind::compute, .name = "compute"});
    std::vector<TraceEvent> events;
    const auto memory = [&](int64_t time, int32_t rank, MemoryTier tier, int64_t bytes) {
        events.push_back(MemoryEvent{.time_ns = time, .rank = rank, .tier = tier, .delta_bytes = bytes});
    };
    memory(0, 0, MemoryTier::device, 100);
    memory(0, 1, MemoryTier::device, 100);
    memory(0, 1, MemoryTier::host, 7);
    memory(15, 1, MemoryTier::device, 50);
    memory(16, 1, MemoryTier::device, -50);
    memory(35, 0, MemoryTier::device, 20);
    events.push_back(StepEvent{.step = 0, .start_ns = 10, .end_ns = 20, .loss = 2, .tokens = 4});
    events.push_back(StepEvent{.step = 1,
                               .start_ns = 30,
                               .end_ns = 40,
                               .loss = 1,
                               .learning_rate = 0.25,
                               .tokens = 4,
                               .gradient_norm = 0.5,
                               .loss_scale = 8,
                               .skipped = true});
    (*writer)->append(events);
    REQUIRE((*writer)->finish("finished"));
    const auto trace = TraceReader::open(path);
    REQUIRE(trace);
    const std::vector<StepMetrics> metrics = trainingMetrics(**trace);
    REQUIRE(metrics.size() == 2);
    CHECK(metrics[0].peak_device_bytes == 150);
    CHECK(metrics[1].peak_device_bytes == 120);
    CHECK(metrics[1].peak_host_bytes == 7);
    CHECK(metrics[0].tokens_per_s == Approx(4e8));
    CHECK(metricsCsv(metrics) ==
          "step,loss,step_ms,tokens_per_s,learning_rate,loss_scale,gradient_norm,skipped,peak_device_bytes,"
          "peak_host_bytes\n"
          "0,2,1e-05,400000000,0,1,,0,150,7\n"
          "1,1,1e-05,400000000,0.25,8,0.5,1,120,7\n");
}
