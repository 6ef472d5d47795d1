// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/engine.h"
#include "core_runtime/checkpoint.h"
#include "core_runtime/executor.h"
#include "core_runtime/loss_scaler.h"
#include "core_runtime/lr_schedule.h"
#include "core_runtime/model_file.h"
#include "core_runtime/model_state.h"
#include "core_runtime/planner.h"
#include "core_runtime/run_info.h"
#include "profiler/gpu_capture.h"
#include "profiler/recorder.h"
#include "profiler/recording_tax.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <exception>

namespace shardscope {

struct Engine::Impl {
    EngineOptions options;
    Plan plan;
    MemoryPlan memory;
    std::unique_ptr<Recorder> recorder;
    std::unique_ptr<GpuCapture> capture; // of what devices do, if the backend has any; ends after the executor
    std::unique_ptr<Executor> executor;
    LossScaler scaler;
    EngineState state;
    bool update_pending = false; // delayed update: gradients wait for theirs
    bool finished = false;
    // forward(), backward() and step(): where in the program the pieces of a step end, two per micro-batch and the
    // optimizer; which is next.
    std::vector<size_t> piece_ends;
    size_t piece = 0;
    bool stepped = true; // since the last backward()
    StepContext piece_context;
    StepTimes piece_times;
    std::vector<int64_t> recorded_step_ns;
    RecordingTax tax;

    Impl(EngineOptions o, Plan p)
        : options(std::move(o))
        , plan(std::move(p))
        , memory(planMemory(plan.program))
        , scaler(options.config.fp16) {
        keepScaler();
        findPieces();
    }

    // A forward pass ends with its loss, a backward pass where the next batch is loaded or the optimizer begins.
    void findPieces() {
        const std::vector<Op>& ops = plan.program.ops;
        for (size_t i = 0; i < ops.size(); ++i) {
            const bool after_forward = piece_ends.size() % 2 == 1;
            if (ops[i].compute == ComputeKind::cross_entropy)
                piece_ends.push_back(i + 1);
            else if (after_forward && (ops[i].compute == ComputeKind::load_batch || ops[i].phase == Phase::optimizer))
                piece_ends.push_back(i);
        }
        piece_ends.push_back(ops.size());
        assert(piece_ends.size() == static_cast<size_t>(2 * plan.accumulation() + 1));
    }

    Result<void> runPiece() {
        const size_t first = piece == 0 ? 0 : piece_ends[piece - 1];
        const Result<StepTimes> times = executor->runPiece(piece_context, first, piece_ends[piece]);
        if (!times) return failed(times.error());
        piece_times = {.start_ns = piece == 0 ? times->start_ns : piece_times.start_ns, .end_ns = times->end_ns};
        ++piece;
        return {};
    }

    Error outOfOrder(const std::string& call) const {
        const char* next = piece % 2 == 1 ? "backward()" : piece == 0 || stepped ? "forward()" : "step()";
        return Error{call + " was called where " + next + (piece == 0 ? " or trainBatch()" : "") +
                     " is next; a step is forward(), backward(), step() for "
                     "each micro-batch"};
    }

    void keepScaler() {
        const LossScalerState& s = scaler.state();
        state.loss_scale = s.scale;
        state.scaler_updates = s.updates;
        state.scaler_last_overflow = s.last_overflow;
        state.scaler_hysteresis = s.hysteresis;
    }

    // A run goes on without: the trace says why.
    void startCapture(TraceSink& sink) {
        if (!options.backend.cupti || !options.record_intervals) return;
        GpuCapture::Started started =
            GpuCapture::start(*options.backend.cupti,
                              [this](std::function<void(TraceSink&)> work) { recorder->deliver(std::move(work)); });
        sink.append(GpuCapture::describe(started.state));
        capture = std::move(started.capture);
    }

    Result<void> open(TraceSink* sink, std::function<void()> commit) {
        TraceClock::start();
        if (sink) {
            const std::vector<TraceEvent> description = describeRun(options, plan, memory);
            sink->append(description);
            recorder = std::make_unique<Recorder>(
                *sink, commit ? std::move(commit) : [] {});
            startCapture(*sink); // CUPTI wants to be there before the device is used
        }
        const ZeroConfig& zero = options.config.zero;
        Result<std::unique_ptr<Executor>> created = Executor::create(
            plan.program, memory,
            {.backend = options.backend,
             .link = options.link,
             .host_link = options.host_link,
             .storage_link = options.storage_link,
             .nvme_path = zero.offload_optimizer.device == OffloadDevice::nvme ? zero.offload_optimizer.nvme_path
                                                                               : zero.offload_param.nvme_path,
             .recorder = recorder.get(),
             .capture = capture.get(),
             .record_intervals = options.record_intervals});
        if (!created) return created.error();
        executor = std::move(created).value();
        if (recorder) recorder->start();
        executor->begin();
        try {
            const std::vector<ParameterInfo> parameters = parametersOf(plan.model);
            setParameters(*executor, plan, [&](int32_t p, int64_t first, std::span<float> out) {
                if (!options.initial_weights)
                    return initialValues(parameters[static_cast<size_t>(p)], p, options.seed, first, out);
                if (const Result<void> given = options.initial_weights(p, first, out); !given)
                    throw std::runtime_error(given.error().message);
            });
        } catch (const std::exception& e) {
            return Error{std::string("The parameters cannot be initialised: ") + e.what()};
        }
        options.initial_weights = nullptr;
        return {};
    }

    kernels::AdamWStep adamwStep() const {
        const OptimizerConfig& config = options.config.optimizer;
        const double t = static_cast<double>(state.updates + 1);
        return {.learning_rate = static_cast<float>(learningRate(options.config.scheduler, config, state.updates)),
                .beta1 = static_cast<float>(config.beta1),
                .beta2 = static_cast<float>(config.beta2),
                .epsilon = static_cast<float>(config.epsilon),
                .weight_decay = static_cast<float>(config.weight_decay),
                .bias_correction1 = static_cast<float>(1 - std::pow(config.beta1, t)),
                .bias_correction2 = static_cast<float>(1 - std::pow(config.beta2, t))};
    }

    StepContext context() const {
        return {.step = state.global_steps,
                .seed = options.seed,
                .adamw = adamwStep(),
                .gradient_clipping = options.config.gradient_clipping,
                .loss_scale = scaler.scale(),
                .skip_on_overflow = options.config.fp16.enabled,
                .skip_update = options.config.delayed_update && !update_pending};
    }

    // Mean over a rank's tokens in double, then over ranks in rank order: the same whatever the stage.
    double meanLoss(int64_t first_micro_batch, int64_t end_micro_batch) {
        double sum = 0;
        for (int64_t rank = 0; rank < plan.ranks; ++rank) {
            double rank_sum = 0;
            const std::vector<float> all = executor->values<float>(rank, plan.losses);
            const size_t rows = all.size() / static_cast<size_t>(plan.accumulation());
            const std::span<const float> losses =
                std::span(all).subspan(static_cast<size_t>(first_micro_batch) * rows,
                                       static_cast<size_t>(end_micro_batch - first_micro_batch) * rows);
            for (float loss : losses) rank_sum += static_cast<double>(loss);
            sum += rank_sum / static_cast<double>(losses.size());
        }
        return sum / static_cast<double>(plan.ranks);
    }

    float control(GradientControl which) {
        return executor->values<float>(0, plan.control)[static_cast<size_t>(which)];
    }

    int64_t tokens() const { // of one step, all ranks
        return plan.config.train_micro_batch_size_per_gpu * plan.accumulation() * plan.ranks * plan.sequence;
    }

    // The error reaches the trace as well.
    Error failed(Error error) {
        if (recorder) recorder->post(RunInfoEvent{"error", error.message});
        return error;
    }

    void record(const StepTimes& times, const StepReport& report) {
        if (!recorder) return;
        recorder->post(StepEvent{.step = static_cast<int32_t>(report.step),
                                 .start_ns = times.start_ns,
                                 .end_ns = times.end_ns,
                                 .loss = report.loss,
                                 .learning_rate = report.learning_rate,
                                 .tokens = tokens(),
                                 .gradient_norm = report.gradient_norm < 0 ? std::nan("") : report.gradient_norm,
                                 .loss_scale = report.loss_scale,
                                 .skipped = report.skipped});
        // A program of very many ops (tiny buckets) could fill the recorder's rings before its thread comes round.
        if (plan.program.ops.size() > 4096) recorder->flush();
    }

    Result<StepReport> endStep(const StepContext& context, const StepTimes& times) {
        StepReport report{.step = state.global_steps,
                          .loss = meanLoss(0, plan.accumulation()),
                          .step_ns = times.end_ns - times.start_ns,
                          .learning_rate =
                              learningRate(options.config.scheduler, options.config.optimizer, state.updates),
                          .loss_scale = context.loss_scale};
        report.tokens_per_s =
            1e9 * static_cast<double>(tokens()) / static_cast<double>(std::max<int64_t>(report.step_ns, 1));
        if (plan.control != BufferId::none) {
            report.gradient_norm = static_cast<double>(control(GradientControl::norm));
            report.skipped = control(GradientControl::skip) != 0;
        }
        ++state.global_steps;
        if (report.skipped)
            ++state.skipped_steps;
        else if (!context.skip_update)
            ++state.updates;
        update_pending = options.config.delayed_update;
        if (capture) capture->endStep(report.step_ns);
        if (recorder) recorded_step_ns.push_back(report.step_ns);
        record(times, report);
        const Result<void> scaled = scaler.update(report.skipped);
        keepScaler();
        if (!scaled) return failed(scaled.error());
        return report;
    }

    // Ops of the lane that has most of them, in one step.
    int64_t mostOps() const {
        std::array<int64_t, all_lane_kinds.size()> ops{};
        for (const Op& op : plan.program.ops)
            if (op.kind != OpKind::alloc && op.kind != OpKind::free) ++ops[static_cast<size_t>(op.lane)];
        return *std::ranges::max_element(ops);
    }

    void tellTax() {
        if (!recorder || recorded_step_ns.empty()) return;
        recorder->flush();
        for (const int64_t ns : recorded_step_ns) tax.steps_ns += ns;
        tax.records = recorder->mostRecords();
        tax.record_ns = measureRecordNs();
        tax.writer_ns = recorder->writerProcessorNs();
        if (capture) {
            tax.cupti = true;
            tax.tags = mostOps() * std::ssize(recorded_step_ns);
            tax.tag_ns = capture->tagNs();
            tax.cupti_overhead_ns = capture->overheadNs();
        }
        for (TraceEvent& event : describe(tax)) recorder->post(std::move(event));
    }

    void checkLedger() {
        for (int64_t rank = 0; rank < plan.ranks && recorder; ++rank)
            for (const MemoryTier tier : all_memory_tiers) {
                const LedgerPeaks peaks = executor->peaks(rank, tier);
                const TierPlan& planned = memory.tier(tier);
                if (peaks.peak_bytes != planned.peak_bytes || peaks.category_peak != planned.category_peak)
                    recorder->post(WarningEvent{"memory_not_as_planned",
                                                "Rank " + std::to_string(rank) + " reached " +
                                                    std::to_string(peaks.peak_bytes) + " bytes of " +
                                                    std::string(toText(tier)) + " memory where " +
                                                    std::to_string(planned.peak_bytes) + " were planned."});
            }
    }
};

Engine::Engine(std::unique_ptr<Impl> impl)
    : m_impl(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::initialize(EngineOptions options, TraceSink* sink,
                                                   std::function<void()> commit) {
    Result<Plan> planned = shardscope::plan(options.config, options.model, options.ranks, options.sequence);
    if (!planned) return planned.error();
    auto impl = std::make_unique<Impl>(std::move(options), std::move(planned).value());
    if (Result<void> opened = impl->open(sink, std::move(commit)); !opened) return opened.error();
    return std::unique_ptr<Engine>(new Engine(std::move(impl)));
}

Result<StepReport> Engine::trainBatch(const BatchSource& source) {
    Impl& e = *m_impl;
    if (e.piece != 0) return e.outOfOrder("trainBatch()");
    StepContext context = e.context();
    context.load_batch = source;
    const Result<StepTimes> times = e.executor->runStep(context);
    if (!times) return e.failed(times.error());
    return e.endStep(context, *times);
}

Result<double> Engine::forward(const BatchSource& source) {
    Impl& e = *m_impl;
    if (e.piece % 2 != 0 || (e.piece > 0 && !e.stepped)) return e.outOfOrder("forward()");
    if (e.piece == 0) e.piece_context = e.context();
    e.piece_context.load_batch = source;
    const int64_t micro_batch = static_cast<int64_t>(e.piece / 2);
    if (const Result<void> ran = e.runPiece(); !ran) return ran.error();
    return e.meanLoss(micro_batch, micro_batch + 1);
}

Result<void> Engine::backward() {
    Impl& e = *m_impl;
    if (e.piece % 2 == 0) return e.outOfOrder("backward()");
    e.stepped = false;
    return e.runPiece();
}

Result<std::optional<StepReport>> Engine::step() {
    Impl& e = *m_impl;
    if (e.piece == 0 || e.piece % 2 != 0 || e.stepped) return e.outOfOrder("step()");
    e.stepped = true;
    if (e.piece + 1 < e.piece_ends.size()) return std::optional<StepReport>();
    if (const Result<void> ran = e.runPiece(); !ran) return ran.error();
    e.piece = 0;
    Result<StepReport> report = e.endStep(e.piece_context, e.piece_times);
    if (!report) return report.error();
    return std::optional(*report);
}

Result<void> Engine::drain() {
    Impl& e = *m_impl;
    if (e.piece != 0) return e.outOfOrder("drain() or saveCheckpoint()");
    if (!e.update_pending) return {};
    StepContext context = e.context();
    context.only_update = true;
    if (const Result<StepTimes> times = e.executor->runStep(context); !times) return e.failed(times.error());
    ++e.state.updates;
    e.update_pending = false;
    return {};
}

Result<std::string> Engine::saveCheckpoint(const std::string& folder, const std::string& tag) {
    Impl& e = *m_impl;
    if (const Result<void> drained = drain(); !drained) return drained.error();
    try {
        return writeCheckpoint(*e.executor, e.plan, e.state, e.options.seed, folder,
                               tag.empty() ? checkpointTag(e.state.global_steps) : tag);
    } catch (const std::exception& problem) {
        return Error{std::string("the checkpoint could not be written: ") + problem.what()};
    }
}

Result<void> Engine::loadCheckpoint(const std::string& folder, const std::string& tag) {
    Impl& e = *m_impl;
    if (e.piece != 0) return e.outOfOrder("loadCheckpoint()");
    const Result<CheckpointReader> opened = CheckpointReader::open(folder, tag);
    if (!opened) return opened.error();
    const CheckpointInfo& info = opened->info();
    if (const auto difference = findDifference(info.model, e.plan.model))
        return Error{info.path + " is a checkpoint of another model: " + *difference + "; train " + info.model.name +
                     " to continue it"};
    std::optional<Error> failure;
    const auto source = [&](StateKind kind, int32_t parameter, int64_t first, std::span<float> out) {
        if (failure) return;
        if (const Result<void> read = opened->read(kind, parameter, first, out); !read) failure = read.error();
    };
    try {
        setParameters(*e.executor, e.plan, [&](int32_t parameter, int64_t first, std::span<float> out) {
            source(StateKind::master, parameter, first, out);
        });
        setMoments(*e.executor, e.plan, source);
    } catch (const std::exception& problem) {
        failure = Error{problem.what()};
    }
    if (failure) return Error{"the checkpoint " + info.path + " could not be loaded: " + failure->message};
    e.state = info.state;
    e.options.seed = info.seed;
    e.update_pending = false;
    if (info.dynamic_loss_scale && e.scaler.dynamic())
        e.scaler.restore({.scale = info.state.loss_scale,
                          .updates = info.state.scaler_updates,
                          .last_overflow = info.state.scaler_last_overflow,
                          .hysteresis = info.state.scaler_hysteresis});
    else
        e.scaler = LossScaler(e.options.config.fp16);
    e.keepScaler();
    return {};
}

Result<void> Engine::compareWithPlainSteps(const BatchSource& source, int64_t steps, const std::atomic<bool>* stop) {
    Impl& e = *m_impl;
    if (e.piece != 0) return e.outOfOrder("compareWithPlainSteps()");
    if (!e.recorder || steps < 1 || e.recorded_step_ns.empty()) return {};
    e.executor->setRecording(false);
    if (e.capture) e.capture->setRecording(false);
    StepContext context = e.context();
    context.load_batch = source;
    context.skip_update = false;
    for (int64_t i = 0; i <= steps && !(stop && stop->load()); ++i) { // the first after the change is not counted
        const Result<StepTimes> times = e.executor->runStep(context);
        if (!times) return e.failed(times.error());
        if (i == 0) continue;
        e.tax.plain_step_ns.push_back(times->end_ns - times->start_ns);
        if (e.capture) e.capture->endStep(e.tax.plain_step_ns.back());
    }
    // As many of the last; the first of a run is warm-up.
    const size_t all = e.recorded_step_ns.size(), skipped = all > 1;
    const size_t count = std::min(e.tax.plain_step_ns.size(), all - skipped);
    e.tax.recorded_step_ns.assign(e.recorded_step_ns.end() - static_cast<std::ptrdiff_t>(count),
                                  e.recorded_step_ns.end());
    return {};
}

void Engine::finish() {
    if (std::exchange(m_impl->finished, true)) return;
    m_impl->checkLedger();
    if (m_impl->capture) m_impl->capture->close();
    m_impl->tellTax();
    if (m_impl->recorder) m_impl->recorder->stop();
}

const Plan& Engine::plan() const { return m_impl->plan; }
const EngineState& Engine::state() const { return m_impl->state; }
uint64_t Engine::seed() const { return m_impl->options.seed; }
Executor& Engine::executor() { return *m_impl->executor; }
std::vector<std::vector<float>> Engine::weights() { return collectWeights(*m_impl->executor, m_impl->plan); }

} // namespace shardscope
