// SPDX-License-Identifier: Apache-2.0
// Stands in for the command line program in GUI tests: takes its flags, prints its progress lines and writes a small
// trace, but trains nothing. SHARDSCOPE_FAKE chooses what happens: run, endless (until interrupted), fail, mute (fails
// and says nothing), stubborn (ignores the interrupt), stage0-fails. SHARDSCOPE_FAKE_DOCTOR is what `doctor` answers.
#include "traces/trace_writer.h"
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

namespace {

using namespace shardscope;

volatile std::sig_atomic_t interrupted = 0;

std::string flag(int argc, char** argv, const char* name) {
    for (int i = 1; i + 1 < argc; ++i)
        if (std::strcmp(argv[i], name) == 0) return argv[i + 1];
    return {};
}

void writeStep(TraceWriter& trace, LaneId compute, LaneId comm, NameId name, int step) {
    constexpr int64_t ms = 1'000'000;
    const int64_t start = step * 10 * ms;
    const IntervalEvent work{
        .lane = compute, .op = OpId{0}, .name = name, .start_ns = start, .end_ns = start + 6 * ms, .step = step};
    const IntervalEvent reduce{.lane = comm,
                               .op = OpId{1},
                               .name = name,
                               .start_ns = start + 4 * ms,
                               .end_ns = start + 8 * ms,
                               .step = step,
                               .phase = Phase::backward,
                               .op_class = OpClass::reduce_scatter,
                               .bucket = 0};
    const TraceEvent events[] = {work, reduce,
                                 StepEvent{.step = step,
                                           .start_ns = start,
                                           .end_ns = start + 9 * ms,
                                           .loss = 5.5 - 0.1 * step,
                                           .learning_rate = 1e-3,
                                           .tokens = 256}};
    trace.append(events);
    if (!trace.commit()) std::abort();
}

} // namespace

int main(int argc, char** argv) {
    const char* const chosen = std::getenv("SHARDSCOPE_FAKE");
    const std::string mode = chosen ? chosen : "run", path = flag(argc, argv, "--trace"),
                      config = flag(argc, argv, "--config");
    if (argc > 1 && std::strcmp(argv[1], "doctor") == 0) {
        const char* const answer = std::getenv("SHARDSCOPE_FAKE_DOCTOR");
        std::puts(answer ? answer : R"({"backend": [{"auto": "cpu", "reason": "There is no GPU here."}]})");
        return 0;
    }
    const int steps = std::atoi(flag(argc, argv, "--steps").c_str());
    std::ifstream config_file(config);
    const std::string text((std::istreambuf_iterator<char>(config_file)), std::istreambuf_iterator<char>());
    if (mode == "fail" || text.empty() || (mode == "stage0-fails" && text.find("\"stage\": 0") != std::string::npos)) {
        std::fprintf(stderr, "a library says something\n{\"event\":\"notice\",\"message\":\"wandb has no effect\"}\n");
        std::fprintf(
            stderr,
            "{\"event\":\"error\",\"message\":\"ranks is 3, which does not divide the batch of 4; use 2 or 4\"}\n");
        return 1;
    }
    if (mode == "mute") return 3;
    std::signal(
        SIGINT, mode == "stubborn" ? SIG_IGN : [](int) { interrupted = 1; });

    auto created = TraceWriter::create(path);
    if (!created) {
        std::fprintf(stderr, "{\"event\":\"error\",\"message\":\"the trace could not be created\"}\n");
        return 1;
    }
    TraceWriter& trace = **created;
    const TraceEvent run[] = {RunInfoEvent{"status", "running"}, RunInfoEvent{"stage", "2"},
                              RunInfoEvent{"model", R"({"name":"fake"})"}};
    trace.append(run);
    const LaneId compute = trace.addLane({.rank = 0, .kind = LaneKind::compute, .name = "rank 0 compute"});
    const LaneId comm = trace.addLane({.rank = 0, .kind = LaneKind::comm, .name = "rank 0 comm"});
    const NameId name = trace.intern("work");
    if (!trace.commit()) return 1;
    std::fprintf(stderr, "{\"event\":\"start\",\"steps\":%d,\"trace\":\"%s\"}\n", steps, path.c_str());
    const bool endless = mode != "run" && mode != "stage0-fails";
    for (int step = 0; (endless || step < steps) && !interrupted; ++step) {
        writeStep(trace, compute, comm, name, step);
        std::fprintf(
            stderr,
            "{\"event\":\"step\",\"step\":%d,\"steps\":%d,\"loss\":%.17g,\"step_ns\":9000000,\"tokens_per_s\":28444,"
            "\"eta_s\":%d}\n",
            step, steps, 5.5 - 0.1 * step, endless ? 100 : steps - step - 1);
        std::this_thread::sleep_for(std::chrono::milliseconds(10)); // the pace of a run, not a wait for anything
    }
    const char* const status = interrupted ? "stopped" : "finished";
    if (!trace.finish(status)) return 1;
    std::fprintf(stderr, "{\"event\":\"end\",\"status\":\"%s\"}\n", status);
    return interrupted ? 130 : 0;
}
