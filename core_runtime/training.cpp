// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/training.h"
#include "core_runtime/executor.h"
#include "core_runtime/planner.h"
#include "core_runtime/run_info.h"
#include "profiler/recorder.h"
#include <algorithm>
#include <cassert>
#include <cmath>

namespace shardscope {
namespace {

// Calls `visit(offset in the flat range of the rank, parameter, first element, count)` for every stretch of parameter
// values in slice `rank` of a segment, or in the whole segment when `whole`.
template <class Visit>
void forEachStretch(const Plan& plan, const Segment& segment, int64_t rank, bool whole, Visit visit) {
    const int64_t from = whole ? 0 : rank * segment.slice_elements;
    const int64_t to = whole ? segment.padded_elements : from + segment.slice_elements;
    for (int32_t p : segment.parameters) {
        const int64_t start = plan.layout.places[static_cast<size_t>(p)].offset;
        const int64_t first = std::max(from, start);
        const int64_t end = std::min(to, start + plan.parameters[static_cast<size_t>(p)].elements);
        if (first < end) visit(first - from, p, first - start, end - first);
    }
}

void store(Executor& executor, const Plan& plan, int64_t rank, BufferId buffer, int64_t offset,
           std::span<const float> values) {
    if (plan.program.buffer(buffer).dtype == DType::bf16) {
        std::span<bfloat16> to =
            executor.buffer<bfloat16>(rank, buffer).subspan(static_cast<size_t>(offset), values.size());
        std::transform(values.begin(), values.end(), to.begin(), [](float v) { return bfloat16(v); });
    } else {
        std::span<float> to = executor.buffer<float>(rank, buffer).subspan(static_cast<size_t>(offset), values.size());
        std::copy(values.begin(), values.end(), to.begin());
    }
}

// Every rank fills exactly what it holds; no rank ever has more of the model than its plan says.
void initialiseParameters(Executor& executor, const Plan& plan, uint64_t seed) {
    std::vector<float> values;
    auto fill = [&](int64_t rank, const Segment& segment, bool whole, int64_t offset,
                    std::initializer_list<BufferId> buffers) {
        forEachStretch(plan, segment, rank, whole, [&](int64_t at, int32_t p, int64_t first, int64_t count) {
            values.resize(static_cast<size_t>(count));
            initialValues(plan.parameters[static_cast<size_t>(p)], p, seed, first, values);
            for (BufferId buffer : buffers)
                if (buffer != BufferId::none) store(executor, plan, rank, buffer, offset + at, values);
        });
    };
    for (int64_t rank = 0; rank < plan.ranks; ++rank)
        for (const Segment& segment : plan.layout.segments) {
            const BufferId gathered = plan.unit_buffers[static_cast<size_t>(segment.unit)];
            if (gathered != BufferId::none) fill(rank, segment, true, segment.unit_offset, {gathered});
            if (plan.shards_optimizer())
                fill(rank, segment, false, segment.shard_offset, {plan.parameter_shard, plan.master});
            else
                fill(rank, segment, true, segment.unit_offset, {plan.master});
        }
}

// The fp32 values of all parameters, collected from the ranks that own them.
std::vector<std::vector<float>> collectWeights(Executor& executor, const Plan& plan) {
    std::vector<std::vector<float>> weights;
    for (const ParameterInfo& p : plan.parameters) weights.emplace_back(static_cast<size_t>(p.elements));
    for (const Segment& segment : plan.layout.segments) {
        const BufferId gathered = plan.unit_buffers[static_cast<size_t>(segment.unit)];
        const bool whole = !plan.shards_optimizer();
        BufferId from = plan.master;
        int64_t offset = whole ? segment.unit_offset : segment.shard_offset;
        if (from == BufferId::none) from = plan.parameter_shard; // fp32, stage 3
        if (from == BufferId::none) {                            // fp32: all ranks hold all values
            from = gathered;
            offset = segment.unit_offset;
        }
        const bool replicated = whole || from == gathered;
        for (int64_t rank = 0; rank < (replicated ? 1 : plan.ranks); ++rank) {
            const std::span<float> source = executor.buffer<float>(rank, from);
            forEachStretch(plan, segment, rank, replicated, [&](int64_t at, int32_t p, int64_t first, int64_t count) {
                std::copy_n(source.begin() + offset + at, count, weights[static_cast<size_t>(p)].begin() + first);
            });
        }
    }
    return weights;
}

// Mean over a rank's tokens in double, then over ranks in rank order: the same whatever the stage.
double meanLoss(Executor& executor, const Plan& plan) {
    double sum = 0;
    for (int64_t rank = 0; rank < plan.ranks; ++rank) {
        double rank_sum = 0;
        const std::span<float> losses = executor.buffer<float>(rank, plan.losses);
        for (float loss : losses) rank_sum += static_cast<double>(loss);
        sum += rank_sum / static_cast<double>(losses.size());
    }
    return sum / static_cast<double>(plan.ranks);
}

kernels::AdamWStep adamwStep(const OptimizerConfig& config, int64_t step) {
    const double t = static_cast<double>(step + 1);
    return {.learning_rate = static_cast<float>(config.learning_rate),
            .beta1 = static_cast<float>(config.beta1),
            .beta2 = static_cast<float>(config.beta2),
            .epsilon = static_cast<float>(config.epsilon),
            .weight_decay = static_cast<float>(config.weight_decay),
            .bias_correction1 = static_cast<float>(1 - std::pow(config.beta1, t)),
            .bias_correction2 = static_cast<float>(1 - std::pow(config.beta2, t))};
}

void checkLedger(const Executor& executor, const MemoryPlan& memory, int64_t ranks, Recorder* recorder) {
    for (int64_t rank = 0; rank < ranks && recorder; ++rank)
        if (const LedgerPeaks peaks = executor.peaks(rank);
            peaks.peak_bytes != memory.peak_bytes || peaks.category_peak != memory.category_peak)
            recorder->post(
                WarningEvent{"memory_not_as_planned", "Rank " + std::to_string(rank) + " reached " +
                                                          std::to_string(peaks.peak_bytes) + " bytes where " +
                                                          std::to_string(memory.peak_bytes) + " were planned."});
}

} // namespace

Result<TrainingOutcome> train(const TrainingRequest& request, TraceSink* sink, const std::function<void()>& commit) {
    assert(request.data);
    if (request.steps < 1) return Error{"steps is " + std::to_string(request.steps) + ": at least 1 is needed."};
    Result<Plan> planned = plan(request.config, request.model, request.ranks, request.sequence);
    if (!planned) return planned.error();
    const Plan& plan = *planned;
    const MemoryPlan memory = planMemory(plan.program);

    TraceClock::start();
    std::unique_ptr<Recorder> recorder;
    if (sink) {
        const std::vector<TraceEvent> description = describeRun(request, plan, memory);
        sink->append(description);
        recorder = std::make_unique<Recorder>(*sink, commit);
    }
    Result<std::unique_ptr<Executor>> created =
        Executor::create(plan.program, memory, request.link, recorder.get(), request.record_intervals);
    if (!created) return created.error();
    Executor& executor = **created;
    if (recorder) recorder->start();
    executor.begin();
    initialiseParameters(executor, plan, request.seed);

    const int64_t micro_batch = request.config.train_micro_batch_size_per_gpu;
    const int64_t samples = micro_batch * plan.ranks;
    TrainingOutcome outcome;
    StepContext context;
    context.load_batch = [&](int64_t step, int64_t rank, std::span<int32_t> ids, std::span<int32_t> targets) {
        request.data->batch(step, rank * micro_batch, micro_batch, samples, plan.sequence, request.seed, ids, targets);
    };
    for (int64_t step = 0; step < request.steps; ++step) {
        if (request.stop && request.stop->load()) {
            outcome.stopped = true;
            break;
        }
        context.step = step;
        context.adamw = adamwStep(request.config.optimizer, step);
        const Result<StepTimes> times = executor.runStep(context);
        if (!times) {
            if (recorder) recorder->post(RunInfoEvent{"error", times.error().message});
            return times.error();
        }
        const double loss = meanLoss(executor, plan);
        const int64_t tokens = samples * plan.sequence;
        const int64_t step_ns = times->end_ns - times->start_ns;
        outcome.losses.push_back(loss);
        ++outcome.completed_steps;
        if (recorder)
            recorder->post(StepEvent{.step = static_cast<int32_t>(step),
                                     .start_ns = times->start_ns,
                                     .end_ns = times->end_ns,
                                     .loss = loss,
                                     .learning_rate = request.config.optimizer.learning_rate,
                                     .tokens = tokens});
        // A program of very many ops (tiny buckets) could fill the recorder's rings before its thread comes round.
        if (recorder && plan.program.ops.size() > 4096) recorder->flush();
        if (request.on_step)
            request.on_step({.step = step,
                             .loss = loss,
                             .step_ns = step_ns,
                             .tokens_per_s = 1e9 * static_cast<double>(tokens) /
                                             static_cast<double>(std::max<int64_t>(step_ns, 1))});
    }
    checkLedger(executor, memory, plan.ranks, recorder.get());
    outcome.weights = collectWeights(executor, plan);
    if (recorder) recorder->stop();
    return outcome;
}

} // namespace shardscope
