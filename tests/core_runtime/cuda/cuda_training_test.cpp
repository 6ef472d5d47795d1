// SPDX-License-Identifier: Apache-2.0
// The engine on the CUDA backend, over an emulation that runs nothing before it is waited for.
#include "core_runtime/cuda/cuda_backend.h"
#include "core_runtime/cuda/virtual_ranks.h"
#include "cuda_runtime_emulation.h"
#include "small_runs.h"
#include "support/catch.h"
#include <cstring>

using namespace shardscope;
using test::Variant;

namespace {

BackendChoice virtualRanks() {
    return {.name = "cuda", .create = [](const StepProgram& program, const MemoryPlan& memory) {
                return cuda::CudaBackend::create(
                    program, memory, std::vector<int>(static_cast<size_t>(program.ranks), 0),
                    [](const StepProgram& p, const std::vector<int>&) -> Result<std::unique_ptr<cuda::Communicator>> {
                        return std::unique_ptr<cuda::Communicator>(new cuda::VirtualRanks(p));
                    });
            }};
}

TrainingOutcome run(TrainingRequest request, bool on_device, TraceSink* sink = nullptr) {
    if (on_device) request.backend = virtualRanks();
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

constexpr int64_t steps = 3;

} // namespace

TEST_CASE("CUDA: losses and weights are bitwise equal over stages, buckets and overlap, and close to the CPU's") {
    for (const int64_t ranks : {1, 2, 4}) {
        const TrainingOutcome reference = run(test::requestOf({}, ranks, steps), true);
        checkClose(reference, run(test::requestOf({}, ranks, steps), false), 1e-5);
        for (int stage = 0; stage < 4; ++stage)
            for (const bool overlap : {false, true}) {
                const Variant v{.stage = stage, .reduce_bucket = 2304, .allgather_bucket = 3000, .overlap = overlap};
                INFO(test::nameOf(v, ranks));
                test::MemorySink sink;
                CHECK(sameBits(reference, run(test::requestOf(v, ranks, steps), true, &sink)));
                CHECK(sink.all<WarningEvent>().empty()); // the ledger is as planned
            }
    }
}
