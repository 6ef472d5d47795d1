// SPDX-License-Identifier: Apache-2.0
// The engine on the CUDA backend, over an emulation that runs nothing before it is waited for.
#include "core_runtime/cuda/bench_ops.h"
#include "core_runtime/cuda/cuda_backend.h"
#include "core_runtime/cuda/nccl_communicator.h"
#include "core_runtime/cuda/virtual_ranks.h"
#include "cuda_runtime_emulation.h"
#include "fabricated_cublaslt.h"
#include "fabricated_nccl.h"
#include "profiler/cupti_double.h"
#include "small_runs.h"
#include "support/catch.h"
#include "support/sanitized.h"
#include "support/temporary_folder.h"
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

using namespace shardscope;
using test::Variant;

namespace {

BackendChoice choiceOf(cuda::MakeCommunicator makeCommunicator, std::optional<cuda::CublasLtApi> products = {}) {
    return {.name = "cuda", .create = [=](const StepProgram& program, const MemoryPlan& memory) {
                return cuda::CudaBackend::create(
                    program, memory,
                    {std::vector<int>(static_cast<size_t>(program.ranks), 0), makeCommunicator, products});
            }};
}

BackendChoice virtualRanks(std::optional<cuda::CublasLtApi> products = {}) {
    return choiceOf(
        [](const StepProgram& program, const std::vector<int>&) {
            return Result<std::unique_ptr<cuda::Communicator>>(std::make_unique<cuda::VirtualRanks>(program));
        },
        products);
}

BackendChoice ncclRanks(test::NcclFaults faults = {}, std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
    return choiceOf([=](const StepProgram& program, const std::vector<int>&) {
        return cuda::NcclCommunicator::create(program, test::fabricatedNccl(faults), timeout);
    });
}

TrainingOutcome run(TrainingRequest request, BackendChoice backend, TraceSink* sink = nullptr) {
    request.backend = std::move(backend);
    Result<TrainingOutcome> outcome = train(request, sink, [] {});
    if (!outcome) FAIL(outcome.error().message);
    return std::move(outcome).value();
}

bool sameBits(const TrainingOutcome& a, const TrainingOutcome& b) {
    return a.losses == b.losses && a.weights == b.weights;
}

void checkClose(const TrainingOutcome& a, const TrainingOutcome& b, double tolerance) {
    REQUIRE(a.losses.size() == b.losses.size());
    for (size_t s = 0; s < a.losses.size(); ++s) CHECK(std::abs(a.losses[s] - b.losses[s]) < tolerance);
}

// Kernels of the emulation run fifty times slower there: one of each kind has to do.
using test::sanitized;
constexpr int64_t steps = sanitized ? 1 : 2;

Config fp16Config(int stage, int64_t ranks) {
    Config config = test::configOf({.stage = stage, .reduce_bucket = 2304, .micro_batch = 1}, ranks);
    config.fp16.enabled = true;
    config.gradient_clipping = 0.5;
    return config;
}

} // namespace

TEST_CASE("CUDA: losses and weights are bitwise equal over stages, buckets and overlap, and close to the CPU's") {
    for (const int64_t ranks : {1, 2, 4}) {
        if (sanitized && ranks != 2) continue;
        const TrainingOutcome reference = run(test::requestOf({}, ranks, steps), virtualRanks());
        checkClose(reference, run(test::requestOf({}, ranks, steps), {}), 1e-5);
        for (int stage = 0; stage < 4; ++stage) {
            if ((ranks == 4 || sanitized) && stage % 2 == 0) continue;
            const Variant v{
                .stage = stage, .reduce_bucket = 2304, .allgather_bucket = 3000, .overlap = ranks + stage != 4};
            INFO(test::nameOf(v, ranks));
            test::MemorySink sink;
            CHECK(sameBits(reference, run(test::requestOf(v, ranks, steps), virtualRanks(), &sink)));
            CHECK(sink.all<WarningEvent>().empty()); // the ledger is as planned
        }
    }
}

TEST_CASE("CUDA: bf16, fp16 with loss scale and clipping, accumulation, dropout and LLaMA train as on the CPU") {
    const Variant bf16{.stage = 2, .reduce_bucket = 2304, .overlap = true, .bf16 = true, .micro_batch = 1};
    checkClose(run(test::requestOf(bf16, 2, steps), virtualRanks()), run(test::requestOf(bf16, 2, steps), {}), 0.02);

    if (sanitized) return;
    const TrainingRequest llama =
        test::requestOf({.stage = 3, .prefetch = 3000, .micro_batch = 1}, 2, steps, test::smallLlama());
    checkClose(run(llama, virtualRanks()), run(llama, {}), 1e-5);

    TrainingRequest dropout = test::requestOf({.stage = 1, .micro_batch = 1}, 2, steps);
    dropout.model.dropout = 0.1f;
    dropout.config.gradient_accumulation_steps = 2;
    dropout.config.train_batch_size *= 2;
    checkClose(run(dropout, virtualRanks()), run(dropout, {}), 1e-5);

    // The first loss scale is too large: the device itself has to find that and skip the update.
    TrainingRequest fp16 = test::requestOf({}, 2, 3);
    fp16.config = fp16Config(2, 2);
    fp16.config.fp16.initial_scale_power = 40;
    fp16.config.fp16.hysteresis = 1;
    std::map<bool, std::vector<StepReport>> reports;
    for (const bool device : {false, true}) {
        fp16.on_step = [&, device](const StepReport& report) { reports[device].push_back(report); };
        run(fp16, device ? virtualRanks() : BackendChoice{});
    }
    REQUIRE(reports[true].size() == 3);
    for (size_t s = 0; s < 3; ++s) {
        CHECK(reports[true][s].skipped == reports[false][s].skipped);
        CHECK(reports[true][s].loss_scale == reports[false][s].loss_scale);
        CHECK(std::abs(reports[true][s].loss - reports[false][s].loss) < 0.02);
    }
    CHECK(reports[true][0].skipped);
}

TEST_CASE("CUDA: states and parameters on the host and on NVMe, and a checkpoint back on the CPU") {
    if (sanitized) return; // the same copies and waits as in the other cases, and the processor's kernels
    const TrainingOutcome reference = run(test::requestOf({.stage = 3}, 2, 3), virtualRanks());
    TrainingRequest offload = test::requestOf({.stage = 3, .overlap = true}, 2, 3);
    offload.config.zero.offload_optimizer.device = OffloadDevice::cpu;
    offload.config.zero.offload_param.device = OffloadDevice::cpu;
    checkClose(reference, run(offload, virtualRanks()), 1e-5); // the processor updates: the same to rounding
    offload.config.zero.offload_param.device = OffloadDevice::nvme;
    offload.config.zero.offload_param.nvme_path = "/tmp";
    offload.config.zero.offload_optimizer.device = OffloadDevice::nvme;
    offload.config.zero.offload_optimizer.nvme_path = "/tmp";
    checkClose(reference, run(offload, virtualRanks()), 1e-5);

    const TemporaryFolder folder;
    TrainingRequest first = test::requestOf({.stage = 2}, 2, 2);
    first.checkpoint_folder = folder.path().string();
    run(first, virtualRanks());
    TrainingRequest rest = test::requestOf({.stage = 1}, 1, 3);
    rest.config = test::configOf({.stage = 1, .micro_batch = 4}, 1);
    rest.resume_folder = folder.path().string();
    const TrainingOutcome continued = run(rest, {});
    CHECK(std::abs(continued.losses.back() - reference.losses.back()) < 1e-4);
}

TEST_CASE("CUDA: intervals lie inside their step, in order on each lane; collectives tell how long they waited") {
    test::MemorySink sink;
    run(test::requestOf({.stage = 2, .reduce_bucket = 2304, .overlap = true}, 2, steps), virtualRanks(), &sink);
    const std::vector<StepEvent> step_events = sink.all<StepEvent>();
    REQUIRE(step_events.size() == steps);
    std::map<std::pair<LaneId, int32_t>, int64_t> last_end;
    size_t collectives = 0;
    for (const IntervalEvent& e : sink.all<IntervalEvent>()) {
        const StepEvent& step = step_events[static_cast<size_t>(e.step)];
        CHECK(e.start_ns >= step.start_ns);
        CHECK(e.end_ns <= step.end_ns);
        CHECK(e.end_ns >= e.start_ns);
        int64_t& end = last_end.try_emplace({e.lane, e.step}, 0).first->second;
        CHECK(e.start_ns >= end);
        end = e.end_ns;
        CHECK(e.wait_ns <= e.end_ns - e.start_ns);
        collectives += e.sent_bytes > 0;
    }
    CHECK(collectives > 0);
}

TEST_CASE(
    "cuBLASLt: products of every layout are those of our kernel, and training with it is bitwise equal over stages") {
    const cuda::CublasLtApi api = test::fabricatedCublasLt();
    const TrainingOutcome own = run(test::requestOf({}, 2, steps), virtualRanks());
    const TrainingOutcome reference = run(test::requestOf({}, 2, steps), virtualRanks(api));
    CHECK(test::productsMade() > 0);
    checkClose(own, reference, 1e-5); // every product of the model in its layout, with bias, added to what is there
    for (const int stage : {2, 3})
        CHECK(
            sameBits(reference, run(test::requestOf({.stage = stage, .reduce_bucket = 2304, .overlap = true}, 2, steps),
                                    virtualRanks(api))));
    if (sanitized) return;
    const TrainingRequest llama = test::requestOf({.stage = 1, .bf16 = true}, 1, steps, test::smallLlama());
    checkClose(run(llama, virtualRanks()), run(llama, virtualRanks(api)), 0.02);
    CHECK(test::openBlasObjects() == 0);
}

TEST_CASE("CUDA: a run with CUPTI tells it every launch, and keeps all of its ops though no record comes") {
    const TrainingRequest request = test::requestOf({.stage = 2, .reduce_bucket = 2304, .overlap = true}, 2, steps);
    test::MemorySink without, with;
    run(request, virtualRanks(), &without);
    cupti_double::reset();
    BackendChoice captured = virtualRanks();
    captured.cupti = cupti_double::symbols();
    run(request, captured, &with);
    CHECK(with.all<IntervalEvent>().size() == without.all<IntervalEvent>().size());
    CHECK(with.all<MemoryEvent>().size() == without.all<MemoryEvent>().size());
    std::map<std::string, std::string> info;
    for (const RunInfoEvent& e : with.all<RunInfoEvent>()) info[e.key] = e.value;
    CHECK(info.contains("gpu_capture_state"));
    CHECK(info.contains("gpu_capture"));

    cupti_double::reset();
    cupti_double::fail("cuptiSubscribe", cupti::Status::another_subscriber);
    test::MemorySink refused;
    run(request, captured, &refused); // goes on with the times of events
    CHECK(refused.all<IntervalEvent>().size() == without.all<IntervalEvent>().size());
    CHECK(refused.all<WarningEvent>().size() == 1);
}

TEST_CASE("CUDA: what CUPTI cost is told by steps without it, which change nothing and reach no trace") {
    TrainingRequest request = test::requestOf({.stage = 1, .micro_batch = 1}, 2, 3);
    const TrainingOutcome reference = run(request, virtualRanks());
    cupti_double::reset();
    BackendChoice captured = virtualRanks();
    captured.cupti = cupti_double::symbols();
    request.plain_steps = 2;
    test::MemorySink sink;
    const TrainingOutcome outcome = run(request, captured, &sink);
    CHECK(sameBits(reference, outcome));
    CHECK(sink.all<StepEvent>().size() == 3);
    for (const IntervalEvent& e : sink.all<IntervalEvent>()) CHECK(e.step < 3);
    std::map<std::string, std::string> info;
    for (const RunInfoEvent& e : sink.all<RunInfoEvent>()) info[e.key] = e.value;
    const auto tax = nlohmann::json::parse(info["profiler_tax"]);
    CHECK(tax["plain_steps"] == 2);
    CHECK(tax["tags"].get<int64_t>() > 0);
    CHECK(tax["tag_ns"].get<double>() > 0);
    CHECK(tax.contains("cupti_overhead_ns"));
    CHECK(info["profiler_tax_method"].find("2 steps without recording") != std::string::npos);
    CHECK(nlohmann::json::parse(info["gpu_capture"])["plain_steps"] == 2);
}

TEST_CASE("CUDA: every kernel of the table is timed on the device, by the library's products and by our own") {
    cuda::OpBench bench{.device_name = "NVIDIA H200",
                        .cases = kernels::CaseSet::small,
                        .types = {DType::bf16},
                        .repeats = 1,
                        .copy_bytes = 1 << 16,
                        .product = 32,
                        .products = {}};
    const Result<std::string> own = cuda::benchOps(bench, true);
    REQUIRE(own);
    const auto json = nlohmann::json::parse(*own);
    CHECK(json["sheet"]["bytes_per_s"] == 4.8e12);
    std::map<std::string, int> ops;
    for (const auto& row : json["ops"]) {
        ++ops[row["op"].get<std::string>()];
        CHECK(row.contains("roofline"));
        CHECK(row["device_s"].get<double>() >= 0);
    }
    for (const char* op : {"embedding_forward", "matmul_backward_weight", "attention_backward", "adamw", "sum_ranks",
                           "rope", "rope_backward", "squared_sum"})
        CHECK(ops[op] > 0);
    for (const auto& row : json["ops"]) CHECK(row["bytes"].get<int64_t>() > 0);
    bench.products = test::fabricatedCublasLt();
    bench.device_name = "NVIDIA L40"; // not the L4's sheet
    const int64_t before = test::productsMade();
    const Result<std::string> library = cuda::benchOps(bench, false);
    REQUIRE(library);
    CHECK(test::productsMade() > before);
    CHECK(library->find("No data sheet") != std::string::npos);
    CHECK(emulation::deviceState().used_bytes == 0);
    CHECK(emulation::deviceState().events == 0);

    emulation::deviceState().memory_bytes = 1000;
    const Result<std::string> refused = cuda::benchOps(bench, false);
    emulation::deviceState().memory_bytes = size_t{1} << 30;
    REQUIRE(!refused);
    CHECK(refused.error().message.starts_with("the kernels could not be timed: "));
}

TEST_CASE("CUDA: too little memory, a device that fails, and everything given back") {
    emulation::DeviceState& device = emulation::deviceState();
    CHECK(device.used_bytes == 0);
    CHECK(device.streams == 0);
    CHECK(device.events == 0);
    CHECK(device.pinned_bytes == 0);
    TrainingRequest request = test::requestOf({.stage = 1}, 2, 2);
    request.backend = virtualRanks();

    device.memory_bytes = 100'000;
    const Result<TrainingOutcome> refused = train(request, nullptr, [] {});
    REQUIRE(!refused);
    CHECK(refused.error().message.find("MiB free and its 2 ranks need") != std::string::npos);
    device.memory_bytes = size_t{1} << 30;

    // GPUs that differ: each rank is held against its own.
    device.free_bytes = {size_t{1} << 30, 70'000};
    request.backend = {.name = "cuda", .create = [](const StepProgram& program, const MemoryPlan& memory) {
                           return cuda::CudaBackend::create(program, memory,
                                                            {{0, 1},
                                                             [](const StepProgram& p, const std::vector<int>&) {
                                                                 return cuda::NcclCommunicator::create(
                                                                     p, test::fabricatedNccl());
                                                             },
                                                             {}});
                       }};
    const Result<TrainingOutcome> mixed = train(request, nullptr, [] {});
    device.free_bytes.clear();
    REQUIRE(!mixed);
    CHECK(mixed.error().message.find("GPU 1 has 0 of 1024 MiB free and its 1 rank needs") != std::string::npos);
    request.backend = virtualRanks();

    for (const int64_t commands : {1, 57, 200}) {
        device.fail_after = commands;
        test::MemorySink sink;
        const Result<TrainingOutcome> failed = train(request, &sink, [] {});
        device.fail_after = -1;
        REQUIRE(!failed);
        INFO(failed.error().message);
        CHECK(failed.error().message.find("an illegal memory access was encountered") != std::string::npos);
        CHECK(failed.error().message.find("tep 0") != std::string::npos);
        CHECK(device.used_bytes == 0);
    }
    CHECK(device.events == 0);
}

TEST_CASE("NCCL: every rank makes the same calls by the rules, with results as on virtual ranks") {
    const TrainingOutcome reference = run(test::requestOf({}, 3, steps), virtualRanks());
    for (int stage = 0; stage < 4; ++stage) {
        if (sanitized && stage != 2) continue;
        const Variant v{.stage = stage, .reduce_bucket = 2304, .allgather_bucket = 3000, .overlap = true};
        INFO(test::nameOf(v, 3));
        CHECK(sameBits(reference, run(test::requestOf(v, 3, steps), ncclRanks()))); // the double sums in rank order
        const test::NcclObservations seen = test::ncclObservations();
        CHECK(seen.broken_rule.empty());
        CHECK(seen.communicators == 0);
        CHECK(seen.aborted == 0);
        CHECK(!seen.calls_of_rank0.empty());
        const char* expected = stage == 0 ? "all_reduce" : "reduce_scatter";
        CHECK(std::count(seen.calls_of_rank0.begin(), seen.calls_of_rank0.end(), expected) > 0);
    }
    checkClose(run(test::requestOf({.stage = 1}, 1, steps), virtualRanks()),
               run(test::requestOf({.stage = 1}, 1, steps), ncclRanks()), 1e-9);
}

TEST_CASE("NCCL: a rank that fails or never comes ends the run for all, with a sentence") {
    TrainingRequest request = test::requestOf({.stage = 2, .reduce_bucket = 2304}, 2, 3);
    request.backend = ncclRanks({.error_after_calls = 5});
    const Result<TrainingOutcome> failed = train(request, nullptr, [] {});
    REQUIRE(!failed);
    CHECK(failed.error().message.find("remote process exited or there was a network error") != std::string::npos);
    CHECK(test::ncclObservations().communicators == 0);
    CHECK(test::ncclObservations().aborted == 2);
}

TEST_CASE("NCCL: whatever fails, the run ends with its reason, and every communicator is given back once") {
    using std::chrono::milliseconds;
    struct Fault {
        test::NcclFaults faults;
        std::vector<const char*> says; // any of these, by the rank that is first to notice
        milliseconds timeout = std::chrono::minutes(1);
    };
    const Fault fault =
        GENERATE(Fault{{.error_after_calls = 5, .last_error = "socketProgress: connection closed by peer 10.0.0.2\n"},
                       {"remote process exited or there was a network error (socketProgress: connection closed by peer "
                        "10.0.0.2)"}},
                 Fault{{.rank1_never_joins = true}, {"did not end within 1 s: no rank is behind"}, milliseconds(200)},
                 Fault{{.rank1_is_refused = true, .last_error = "Duplicate GPU detected : rank 0 and rank 1"},
                       {"ncclCommInitRankConfig on rank 1: unhandled system error (Duplicate GPU detected"}},
                 Fault{{.start_fails = true}, {"on rank 1: unhandled system error; NCCL_DEBUG=WARN says more"}},
                 Fault{{.call_fails_after = 3}, {"on rank 1: invalid argument"}},
                 Fault{{.stuck_after = 2},
                       {"waited for the others for more than 1 s: ", "did not end within 1 s"},
                       milliseconds(300)});
    INFO(fault.says.front());
    TrainingRequest request = test::requestOf({.stage = 2, .reduce_bucket = 2304}, 2, 3);
    request.backend = ncclRanks(fault.faults, fault.timeout);
    const Result<TrainingOutcome> failed = train(request, nullptr, [] {});
    REQUIRE(!failed);
    INFO(failed.error().message);
    CHECK(std::ranges::any_of(
        fault.says, [&](const char* words) { return failed.error().message.find(words) != std::string::npos; }));
    const test::NcclObservations seen = test::ncclObservations();
    CHECK(seen.broken_rule.empty());
    CHECK(seen.communicators == 0);
    CHECK(seen.destroyed == 0); // to destroy one of a group that has failed may wait for ever
    CHECK(emulation::deviceState().used_bytes == 0);
}

TEST_CASE("NCCL: a lane that fails elsewhere ends the collectives from its own thread; one that fails at its end is "
          "aborted") {
    TrainingRequest request = test::requestOf({.stage = 2, .reduce_bucket = 2304}, 2, 3);
    for (const int64_t commands : {1, 30, 90}) {
        request.backend = ncclRanks();
        emulation::deviceState().fail_after = commands;
        const Result<TrainingOutcome> failed = train(request, nullptr, [] {});
        emulation::deviceState().fail_after = -1;
        REQUIRE(!failed);
        INFO(failed.error().message);
        CHECK(failed.error().message.find("an illegal memory access was encountered") != std::string::npos);
        CHECK(test::ncclObservations().broken_rule.empty());
        CHECK(test::ncclObservations().communicators == 0);
        CHECK(test::ncclObservations().destroyed == 0);
    }
    request.backend = ncclRanks({.end_fails = true});
    const TrainingOutcome outcome = run(test::requestOf({.stage = 2}, 2, 1), request.backend);
    CHECK(outcome.losses.size() == 1);
    CHECK(test::ncclObservations().broken_rule.empty());
    CHECK(test::ncclObservations().communicators == 0);
    CHECK(test::ncclObservations().aborted == 2);
}
