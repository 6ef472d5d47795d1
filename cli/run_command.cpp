// SPDX-License-Identifier: Apache-2.0
#include "cli/checkpoint_name.h"
#include "cli/command.h"
#include "cli/held_sink.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "cli/run_output.h"
#include "cli/temporary_folder.h"
#include "cli/wall_clock_sink.h"
#include "core_runtime/checkpoint.h"
#include "core_runtime/memory_plan.h"
#include "core_runtime/model_file.h"
#include "core_runtime/planner.h"
#include "core_runtime/training.h"
#include "core_runtime/weights_file.h"
#include "profiler/analysis/summary.h"
#include "traces/trace_reader.h"
#include "traces/trace_writer.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <fmt/core.h>
#include <limits>
#include <optional>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace shardscope::cli {
namespace {

constexpr int64_t max_ranks = 256; // ranks are threads

struct RunCommand : RunOptions {
    int64_t steps = 20;
    std::string backend = "auto", devices, data, link = "none", host_link = "none", storage_link = "none", trace,
                weights, initial_weights, format = "text", progress = "auto";
    std::optional<uint64_t> seed;
    std::string checkpoint_folder, resume, output;
    bool overwrite = false;
    int64_t checkpoint_every = 0, checkpoint_keep = 0, measure_tax = -1;
};

std::atomic<bool> stop_wanted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// The first signal asks the run to end after its step, the second ends the program on the spot.
void onInterrupt(int) {
    if (stop_wanted.exchange(true)) _exit(interrupted);
}

void catchInterrupts() {
    struct sigaction action {};
    action.sa_handler = onInterrupt;
    action.sa_flags = SA_RESTART;
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

// Memory and swap. The system promises more than it has and then kills the process that takes it.
double machineMemory() {
    struct sysinfo info {};
    if (sysinfo(&info) != 0) return std::numeric_limits<double>::infinity();
    return (static_cast<double>(info.totalram) + static_cast<double>(info.totalswap)) * info.mem_unit;
}

// Whether a checkpoint is one that this run can continue. What is wrong with its tensors shows when it is loaded.
Result<void> continueFrom(const RunCommand& command, TrainingRequest& request) {
    const CheckpointName name = checkpointName(command.resume);
    const Result<CheckpointInfo> info = readCheckpointInfo(name.folder, name.tag);
    if (!info) return info.error();
    if (const auto difference = findDifference(info->model, request.model))
        return Error{fmt::format("--resume {} is a checkpoint of another model: {}; give --model {}", command.resume,
                                 *difference, info->model.name)};
    if (command.seed && *command.seed != info->seed)
        return Error{fmt::format("--seed is {}, but the checkpoint's run has seed {}; leave --seed out", *command.seed,
                                 info->seed)};
    if (info->state.global_steps >= command.steps)
        return Error{
            fmt::format("the checkpoint {} has made {} steps and --steps {} counts them; give a larger --steps",
                        info->path, info->state.global_steps, command.steps)};
    request.seed = info->seed;
    request.resume_folder = name.folder;
    request.resume_tag = info->tag; // what is latest now, also if that changes
    request.run_info.emplace_back("resumed_from", info->path);
    return {};
}

// What a run needs, made in the order in which a user can mend it: nothing is touched on disk before all of it is good.
Result<TrainingRequest> prepare(const RunCommand& command, const Invocation& invocation) {
    if (command.ranks < 1 || command.ranks > max_ranks)
        return Error{
            fmt::format("--ranks is {}; ranks are threads of one process, use 1 to {}", command.ranks, max_ranks)};
    if (command.steps < 1) return Error{fmt::format("--steps is {}; use at least 1", command.steps)};
    if (command.checkpoint_folder.empty() && (command.checkpoint_every > 0 || command.checkpoint_keep > 0))
        return Error{"--save-every and --keep need a folder for the checkpoints; give --save-checkpoint DIR"};
    if (!command.resume.empty() && !command.initial_weights.empty())
        return Error{"--init-weights and --resume both say what the weights are; give one of them"};
    if (!command.devices.empty() && command.backend == "cpu")
        return Error{"--devices chooses GPUs and --backend is cpu; give one of them"};
    if (command.output.empty() && command.overwrite)
        return Error{"--overwrite is about the folder of a run; give --output DIR as well"};
    if (!command.output.empty() && !command.trace.empty())
        return Error{"--output and --trace both say where the trace goes; give one of them"};
    Result<Given> given = readGiven(command, command.steps);
    if (!given) return given.error();

    Result<LinkModel> link = findLink(command.link);
    if (!link) return link.error();
    Result<LinkModel> host_link = findLink(command.host_link);
    if (!host_link) return host_link.error();
    Result<LinkModel> storage_link = findLink(command.storage_link);
    if (!storage_link) return storage_link.error();
    Result<BackendChoice> backend = chooseBackend(command.backend, command.ranks, command.devices);
    if (!backend) return backend.error();
    if (backend->create && (link->emulates() || host_link->emulates() || storage_link->emulates())) {
        if (command.backend != "auto" || !command.devices.empty())
            return Error{
                "a link is emulated on CPU ranks only; leave --link, --host-link and --storage-link out, or use "
                "--backend cpu"};
        backend = BackendChoice{};
    }
    // Sequence, layout, slices and memory are judged here, so that a mistake costs nothing but a sentence.
    const Result<Plan> planned = plan(given->config, given->model, command.ranks, command.sequence);
    if (!planned) return planned.error();
    const double needed =
        static_cast<double>(planMemory(planned->program).arenaBytes()) * static_cast<double>(command.ranks);
    if (const double present = machineMemory(); !backend->create && needed > present)
        return Error{fmt::format(
            "the {} ranks need {:.1f} GiB and this machine has {:.1f}; take fewer ranks, a smaller model or "
            "micro-batch, or a higher stage (shardscope plan tells what each needs)",
            command.ranks, needed / gib, present / gib)};
    TrainingRequest request;
    request.config = std::move(given->config);
    request.config_given = std::move(given->config_text);
    request.model = std::move(given->model);
    request.backend = *std::move(backend);
    request.link = *std::move(link);
    request.host_link = *std::move(host_link);
    request.storage_link = *std::move(storage_link);
    request.ranks = command.ranks;
    request.steps = command.steps;
    request.sequence = command.sequence;
    request.seed = command.seed.value_or(1);
    request.command = invocation.command_line;
    request.stop = &stop_wanted;
    request.keep_weights = !command.weights.empty();
    // Recording on a GPU goes through CUPTI, whose cost cannot be counted; a step there is short.
    request.plain_steps = command.measure_tax >= 0 ? command.measure_tax : request.backend.create ? 5 : 0;
    request.checkpoint_folder = command.checkpoint_folder;
    request.checkpoint_every = command.checkpoint_every;
    request.checkpoint_keep = command.checkpoint_keep;
    if (!command.initial_weights.empty()) {
        Result<WeightsReader> reader = WeightsReader::open(command.initial_weights, request.model);
        if (!reader) return reader.error();
        const auto shared = std::make_shared<WeightsReader>(*std::move(reader));
        request.initial_weights = [shared](int32_t p, int64_t first, std::span<float> out) {
            return shared->read(p, first, out);
        };
        request.run_info.emplace_back("initial_weights", command.initial_weights);
    }
    if (!command.resume.empty())
        if (const auto found = continueFrom(command, request); !found) return found.error();
    return request;
}

// The run with its trace, if one is wanted, and with a listener between the two.
Result<TrainingOutcome> record(const TrainingRequest& request, const std::string& trace,
                               std::optional<WallClockSink>& wall_clock, const std::function<void()>& announce) {
    const bool listens = request.config.wall_clock_breakdown;
    if (trace.empty()) {
        announce();
        if (listens) wall_clock.emplace(nullptr);
        return train(request, listens ? &*wall_clock : nullptr, [] {});
    }
    Result<std::unique_ptr<TraceWriter>> created = TraceWriter::create(trace);
    if (!created) return created.error();
    TraceWriter& writer = **created;
    HeldSink sink(writer);
    announce(); // what could be refused was refused
    if (listens) wall_clock.emplace(&sink);
    TraceSink& first = listens ? static_cast<TraceSink&>(*wall_clock) : sink;
    Result<TrainingOutcome> outcome = train(request, &first, [&] {
        sink.release();
        (void)writer.commit(); // a failure shows in finish()
    });
    if (!outcome && !sink.released()) return outcome;
    sink.release();
    if (!outcome) {
        const TraceEvent reason = RunInfoEvent{"error", outcome.error().message};
        writer.append({&reason, 1});
    }
    const auto finished = writer.finish(!outcome ? "failed" : outcome->stopped ? "stopped" : "finished");
    if (outcome && !finished) return finished.error();
    return outcome;
}

std::string textReport(const TrainingOutcome& outcome, const RunCommand& command,
                       const std::vector<StepReport>& reports) {
    std::vector<int64_t> times;
    for (const StepReport& report : reports) times.push_back(report.step_ns);
    if (times.size() > 2) times.erase(times.begin()); // the first step is warm-up
    std::string text;
    if (!times.empty()) {
        std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
        text += fmt::format("{} {}, loss {:.4f} to {:.4f}, median step {:.2f} ms\n", outcome.completed_steps,
                            outcome.completed_steps == 1 ? "step" : "steps", outcome.losses.front(),
                            outcome.losses.back(), static_cast<double>(times[times.size() / 2]) * 1e-6);
    }
    if (!command.checkpoint_folder.empty() && outcome.completed_steps > 0)
        text += fmt::format("checkpoint: {0} (shardscope run --resume {0} continues it)\n", command.checkpoint_folder);
    if (!command.weights.empty()) text += fmt::format("weights: {}\n", command.weights);
    if (!command.output.empty())
        text += fmt::format("output: {}\n", command.output);
    else if (command.trace.empty())
        text += "nothing was recorded; add --trace FILE.shardscope to keep a timeline\n";
    else
        text += fmt::format("trace: {} (shardscope summary {})\n", command.trace, command.trace);
    return text;
}

int run(const RunCommand& command, const Invocation& invocation) {
    Progress progress(progressMode(command.progress), command.steps);
    const auto refuse = [&](const Error& error) {
        progress.error(error.message);
        return user_error;
    };
    Result<TrainingRequest> request = prepare(command, invocation);
    if (!request) return refuse(request.error());
    const Result<Dataset> data = Dataset::open(command.data);
    if (!data) return refuse(data.error());
    request->data = &*data;

    std::optional<RunOutput> output;
    if (!command.output.empty()) {
        Result<RunOutput> prepared = RunOutput::prepare(command.output, command.overwrite);
        if (!prepared) return refuse(prepared.error());
        output.emplace(*std::move(prepared));
    }
    std::optional<SafetensorsWriter> weights;
    if (!command.weights.empty()) {
        Result<SafetensorsWriter> created = SafetensorsWriter::create(command.weights, "the weights");
        if (!created) return refuse(created.error());
        weights.emplace(*std::move(created));
    }
    std::optional<TemporaryFolder> folder;
    std::string trace = output ? output->trace() : command.trace;
    if (trace.empty() && command.format == "json") { // the summary is made from a trace
        Result<TemporaryFolder> created = TemporaryFolder::create();
        if (!created) return refuse(created.error());
        trace = folder.emplace(*std::move(created)).path() + "/run.shardscope";
    }

    std::vector<StepReport> reports;
    std::optional<WallClockSink> wall_clock;
    const auto tellTimers = [&] {
        if (wall_clock) progress.timers(wall_clock->takeText());
    };
    request->on_step = [&](const StepReport& report) {
        reports.push_back(report);
        progress.step(report);
        tellTimers();
    };
    request->on_checkpoint = [&](const std::string& path) { progress.checkpoint(path); };
    catchInterrupts();
    const std::string what =
        fmt::format("{}, {} parameters, ZeRO-{}, {} {} ranks, {}, link {}", request->model.name,
                    parameterCount(request->model), request->config.zero.stage, request->ranks,
                    request->backend.create ? "CUDA" : "CPU", toText(request->config.precision()), request->link.name);
    const auto announce = [&] {
        if (output) output->clear();
        std::string title = what;
        if (!command.resume.empty())
            title += fmt::format("; continues {}/{} up to step {}", request->resume_folder, request->resume_tag,
                                 request->steps);
        progress.start(title, output ? output->trace() : command.trace);
        for (const std::string& notice : request->config.notices) progress.notice(notice);
    };
    const Result<TrainingOutcome> outcome = record(*request, trace, wall_clock, announce);
    tellTimers();
    if (output && !reports.empty())
        if (const auto written = output->write(what, request->config); !written && outcome)
            return refuse(written.error());
    if (!outcome) return refuse(outcome.error());
    if (weights && outcome->completed_steps > 0) {
        const auto written = writeWeights(
            *weights, request->model, DType::f32,
            {{"format", "pt"}, {"model", request->model.name}, {"steps", std::to_string(outcome->global_steps)}},
            [&](int32_t p, std::span<float> out) -> Result<void> {
                std::ranges::copy(outcome->weights[static_cast<size_t>(p)], out.begin());
                return {};
            });
        if (!written) return refuse(written.error());
    }
    progress.end(outcome->stopped ? "stopped" : "finished");
    if (command.format == "json") {
        const auto reader = TraceReader::open(trace);
        if (!reader) return refuse(reader.error());
        print(summaryJson(summarize(**reader)));
    } else {
        print(textReport(*outcome, command, reports));
    }
    return outcome->stopped ? interrupted : success;
}

} // namespace

void addRunCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<RunCommand>();
    CLI::App* sub = app.add_subcommand(
        "run", "Train a GPT-2 or LLaMA with ZeRO, on CPU ranks or GPUs, and record what every lane did");
    addRunOptions(*sub, *command);
    sub->add_option("--steps", command->steps, "Optimizer steps")->type_name("N")->capture_default_str();
    sub->add_option(
           "--backend", command->backend,
           "What ranks compute on: cpu, cuda, or auto, which is GPUs where the program was built for them, finds "
           "one and no link is emulated")
        ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
        ->capture_default_str();
    sub->add_option("--devices", command->devices,
                    "Which GPUs, in the order of the ranks, such as 0,2; without: all, in the driver's order")
        ->type_name("LIST");
    addDataOption(*sub, command->data);
    addLinkOptions(*sub, command->link, command->host_link, command->storage_link);
    sub->add_option("--seed", command->seed, "Of the initial weights and the samples; 1 if not given")->type_name("N");
    sub->add_option("--trace", command->trace, "Record into this file")->type_name("FILE");
    sub->add_option("--init-weights", command->initial_weights,
                    "Start from the weights of this .safetensors file with Hugging Face's names (F32, F16 or BF16)")
        ->type_name("FILE");
    sub->add_option("--output", command->output,
                    "Fill this folder: trace, training_metrics.csv, training_curves.png, summary.json, "
                    "deepspeed_config_auto.json")
        ->type_name("DIR");
    sub->add_flag("--overwrite", command->overwrite, "Replace the run that the output folder holds");
    sub->add_option("--save-weights", command->weights,
                    "Write the final fp32 weights as .safetensors, loadable by Hugging Face's GPT-2 or LLaMA")
        ->type_name("FILE");
    sub->add_option("--save-checkpoint", command->checkpoint_folder,
                    "Write checkpoints into this folder: after the last step, also when interrupted")
        ->type_name("DIR");
    sub->add_option("--save-every", command->checkpoint_every, "A checkpoint after every N steps as well")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    sub->add_option("--keep", command->checkpoint_keep, "Keep only the N newest of them; 0 keeps all")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
    sub->add_option("--resume", command->resume,
                    "Continue the latest checkpoint in this folder, or the one named TAG, to --steps in all; another "
                    "world size, stage, offload or precision is fine")
        ->type_name("DIR[:TAG]");
    sub->add_option("--measure-tax", command->measure_tax,
                    "After the last step make N more without recording, to tell what recording costs; they change no "
                    "result. Without: 5 on GPUs, none on CPU ranks, where records are counted")
        ->type_name("N")
        ->check(CLI::Range(int64_t{0}, int64_t{1'000'000}));
    sub->add_option("--progress", command->progress, "On stderr: bar, plain lines, one json object per line, none")
        ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
        ->capture_default_str();
    addFormatOption(*sub, command->format);
    sub->footer("Examples:\n"
                "  shardscope run --stage 2 --ranks 4 --steps 20 --link pcie4 --trace zero2.shardscope\n"
                "  shardscope run --config ds.json --set zero_optimization.overlap_comm=true --format json\n"
                "  shardscope run --steps 100 --save-checkpoint here --save-every 10\n"
                "  shardscope run --steps 200 --resume here --save-checkpoint here\n"
                "Ctrl-C ends the run after its current step and closes the trace; a second Ctrl-C ends it at once.");
    sub->callback([command, &invocation] { invocation.exit_code = run(*command, invocation); });
}

} // namespace shardscope::cli
