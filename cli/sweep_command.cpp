// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/sweep_child.h"
#include "cli/sweep_options.h"
#include "cli/sweep_progress.h"
#include "core_runtime/link_model.h"
#include "core_runtime/storage/durable_file.h"
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

namespace shardscope::cli {
namespace {

namespace fs = std::filesystem;

std::atomic<bool> sweep_stop_wanted = false;

// The first signal ends the sweep with what it has, the second ends the program on the spot.
void onSweepInterrupt(int) {
    if (sweep_stop_wanted.exchange(true)) _exit(interrupted);
}

void catchSweepInterrupts() {
    struct sigaction action {};
    action.sa_handler = onSweepInterrupt; // without SA_RESTART: waiting for a run ends at once
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

// The folder of a sweep, held for as long as this object lives, so that two sweeps never write the same files.
class SweepFolder {
public:
    static Result<SweepFolder> open(const std::string& path) {
        std::error_code problem;
        fs::create_directories(path, problem);
        if (problem)
            return Error{fmt::format("cannot make the folder {}: {}; choose a writable folder with -o", path,
                                     problem.message())};
        const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
            return Error{
                fmt::format("cannot open the folder {}: {}; choose another with -o", path, std::strerror(errno))};
        if (flock(folder, LOCK_EX | LOCK_NB) != 0) {
            close(folder);
            return Error{path + " is used by a sweep that is going on; wait for it or choose another folder with -o"};
        }
        return SweepFolder(path, folder);
    }
    SweepFolder(SweepFolder&& other) noexcept
        : m_path(std::move(other.m_path))
        , m_folder(std::exchange(other.m_folder, -1)) {}
    SweepFolder& operator=(SweepFolder&&) = delete;
    ~SweepFolder() {
        if (m_folder >= 0) close(m_folder);
    }
    std::string file(const std::string& name) const { return m_path + "/" + name; }

private:
    SweepFolder(std::string path, int folder)
        : m_path(std::move(path))
        , m_folder(folder) {}
    std::string m_path;
    int m_folder;
};

// "traces/reduce_bucket_size_1e5.0.shardscope": letters, digits and _.- only.
std::string pointFileName(const Sweep& sweep, size_t point) {
    std::string name = pointLabel(sweep, point).substr(0, 120);
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_') c = '_';
    return fmt::format("{}-{}", point + 1, name);
}

Result<void> saveSweep(const Sweep& sweep, const SweepFolder& folder) {
    if (auto written = writeDurably(folder.file(sweep_file_name), "the results of the sweep", sweepJson(sweep));
        !written)
        return written;
    const Result<std::string> csv = reportCsv(sweepReport(sweep));
    return csv ? writeDurably(folder.file("sweep.csv"), "the results of the sweep", *csv) : Result<void>(csv.error());
}

std::vector<std::string> runArguments(const SweepOptions& options, const std::string& config,
                                      const std::string& trace) {
    std::vector<std::string> arguments = {"run",
                                          "--config",
                                          config,
                                          "--model",
                                          options.model,
                                          "--ranks",
                                          std::to_string(options.ranks),
                                          "--sequence",
                                          std::to_string(options.sequence),
                                          "--steps",
                                          std::to_string(options.steps),
                                          "--seed",
                                          std::to_string(options.seed),
                                          "--link",
                                          options.link,
                                          "--host-link",
                                          options.host_link,
                                          "--storage-link",
                                          options.storage_link,
                                          "--trace",
                                          trace,
                                          "--progress",
                                          "json"};
    if (!options.data.empty()) arguments.insert(arguments.end(), {"--data", options.data});
    return arguments;
}

// Runs once and measures it. nullopt: it was interrupted.
std::optional<SweepRun> makeRun(const SweepOptions& options, const PlannedSweep& planned, const SweepFolder& folder,
                                size_t point, int64_t round, SweepProgress& progress) {
    const std::string name = pointFileName(planned.sweep, point);
    const std::string config = folder.file("traces/" + name + ".json");
    const std::string trace = fmt::format("traces/{}.{}.shardscope", name, round + 1);
    SweepRun run{.round = round};
    if (const auto written = writeDurably(config, "the configuration of a point", planned.configs[point]); !written) {
        run.error = written.error().message;
        return run;
    }
    std::error_code ignored;
    fs::remove(folder.file(trace), ignored); // of a run that was killed
    const ChildOutcome child = runChild(runArguments(options, config, folder.file(trace)), sweep_stop_wanted,
                                        [&](int64_t done) { progress.step(done); });
    if (child.stopped) {
        for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(folder.file(trace) + suffix, ignored);
        return std::nullopt;
    }
    run.error = child.error;
    if (run.measured()) {
        const auto reader = TraceReader::open(folder.file(trace));
        Result<SweepRun> measured =
            reader ? measureRun(**reader, options.warmup_steps) : Result<SweepRun>(reader.error());
        if (measured) {
            run = *std::move(measured);
            run.round = round;
            run.trace = trace;
        } else {
            run.error = measured.error().message;
        }
    }
    run.seconds = child.seconds;
    return run;
}

// Keeps the trace of the run that stands for its point. Only after the last run is it known which that is.
void dropOtherTraces(Sweep& sweep, const SweepFolder& folder) {
    const std::vector<PointFigures> figures = figuresOf(sweep);
    std::error_code ignored;
    for (size_t p = 0; p < sweep.points.size(); ++p)
        for (SweepRun& run : sweep.points[p].runs)
            if (!run.trace.empty() && folder.file(run.trace) != figures[p].trace) {
                fs::remove(folder.file(run.trace), ignored);
                run.trace.clear();
            }
}

int64_t roundsOf(const SweepPoint& point) { return static_cast<int64_t>(point.runs.size()); }

bool hasFailed(const SweepPoint& point) {
    return std::any_of(point.runs.begin(), point.runs.end(), [](const SweepRun& run) { return !run.measured(); });
}

int sweepCommand(const SweepOptions& options) {
    const Sweep nothing;
    const auto refuse = [&](const Error& error) {
        SweepProgress(progressMode(options.progress), nothing).error(error.message);
        return user_error;
    };
    std::error_code problem;
    const std::string results = options.output + "/" + sweep_file_name;
    std::optional<SweepFolder> held;
    std::optional<Sweep> earlier;
    if (!options.output.empty() && fs::exists(results, problem)) { // held before it is read: another sweep may write it
        Result<SweepFolder> opened = SweepFolder::open(options.output);
        if (!opened) return refuse(opened.error());
        held.emplace(*std::move(opened));
        Result<Sweep> read = readSweep(options.output);
        if (!read) return refuse(read.error());
        earlier = *std::move(read);
    }
    Result<PlannedSweep> planned = planSweep(options, earlier ? &*earlier : nullptr);
    if (!planned) return refuse(planned.error());
    Sweep& sweep = planned->sweep;
    SweepProgress progress(progressMode(options.progress), sweep);
    if (!held) { // a folder is made for a sweep that can run only
        Result<SweepFolder> opened = SweepFolder::open(options.output);
        if (!opened) return refuse(opened.error());
        held.emplace(*std::move(opened));
        if (fs::exists(results, problem))
            return refuse(
                {results + " was written by another sweep just now; give the command again to go on with it"});
    }
    const SweepFolder& folder = *held;
    sweep.folder = options.output;
    fs::create_directories(folder.file("traces"), problem);
    sweep.status = "running";
    if (const auto saved = saveSweep(sweep, folder); !saved) return refuse(saved.error());

    int64_t runs = 0;
    for (size_t p = 0; p < sweep.points.size(); ++p)
        if (sweep.points[p].same_plan_as < 0 && planned->wanted[p])
            runs += std::max<int64_t>(0, options.repeat - roundsOf(sweep.points[p]));
    catchSweepInterrupts();
    progress.start(options.output, runs);
    for (const std::string& notice : planned->notices) progress.notice(notice);
    int64_t twins = 0;
    for (const SweepPoint& point : sweep.points) twins += point.same_plan_as >= 0;
    if (twins > 0)
        progress.notice(fmt::format("{} of {} points plan to the same program as another and are not run again", twins,
                                    sweep.points.size()));
    // Round robin: whatever drifts on the machine, such as its temperature, meets every point.
    for (int64_t round = 0; round < options.repeat && !sweep_stop_wanted; ++round) {
        for (size_t p = 0; p < sweep.points.size() && !sweep_stop_wanted; ++p) {
            SweepPoint& point = sweep.points[p];
            if (point.same_plan_as >= 0 || roundsOf(point) > round || hasFailed(point) || !planned->wanted[p]) continue;
            progress.runStarts(p, round);
            std::optional<SweepRun> run = makeRun(options, *planned, folder, p, round, progress);
            if (!run) break;
            point.runs.push_back(*std::move(run));
            if (const auto saved = saveSweep(sweep, folder); !saved) return refuse(saved.error());
            progress.runEnds(point.runs.back());
        }
    }
    if (!sweep_stop_wanted && !options.keep_all_traces) dropOtherTraces(sweep, folder);
    sweep.status = sweep_stop_wanted ? "stopped" : "finished";
    if (const auto saved = saveSweep(sweep, folder); !saved) return refuse(saved.error());
    progress.end(sweep.status);
    if (options.format == "json") {
        print(sweepJson(sweep));
    } else if (options.format == "csv") {
        const Result<std::string> csv = reportCsv(sweepReport(sweep), options.table);
        if (!csv) return fail(csv.error());
        print(*csv);
    } else {
        print(sweepText(sweep) + fmt::format("results: {0}/{1}, {0}/sweep.csv; shardscope-gui {0} shows them\n",
                                             options.output, sweep_file_name));
    }
    if (sweep_stop_wanted) return interrupted;
    return std::any_of(sweep.points.begin(), sweep.points.end(), hasFailed) ? user_error : success;
}

} // namespace

void addSweepCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<SweepOptions>();
    CLI::App* sub = app.add_subcommand(
        "sweep", "Run a configuration again and again with other values of a key, and say which is best");
    sub->add_option(
           "--vary", command->vary,
           "KEY=a:b:log:n, KEY=a:b:lin:n or KEY=x,y,z; repeatable: every combination is run. KEY is any key of "
           "the DeepSpeed JSON, whole or its last part")
        ->type_name("KEY=VALUES")
        ->expected(1)
        ->take_all();
    sub->add_option("--repeat", command->repeat, "Runs per point, round robin; two or more give intervals")
        ->type_name("N")
        ->capture_default_str();
    sub->add_option("-o,--output", command->output,
                    "Folder for sweep.json, sweep.csv and a trace per point; a sweep that was interrupted goes on here")
        ->type_name("DIR");
    addRunOptions(*sub, *command);
    sub->add_option("--steps", command->steps, "Optimizer steps of a run")->type_name("N")->capture_default_str();
    sub->add_option("--warmup", command->warmup_steps, "Steps at the start of a run that are not measured")
        ->type_name("N")
        ->capture_default_str();
    addDataOption(*sub, command->data);
    addLinkOptions(*sub, command->link, command->host_link, command->storage_link);
    sub->add_option("--seed", command->seed, "Of the initial weights and the samples")
        ->type_name("N")
        ->capture_default_str();
    sub->add_flag("--keep-all-traces", command->keep_all_traces,
                  "Keep the trace of every run; else one per point is left at the end");
    sub->add_option("--progress", command->progress, "On stderr: bar, plain lines, one json object per line, none")
        ->check(CLI::IsMember({"auto", "bar", "plain", "json", "none"}))
        ->capture_default_str();
    sub->add_option("--format", command->format, "text for people, json for programs, csv for spreadsheets")
        ->check(CLI::IsMember({"text", "json", "csv"}))
        ->capture_default_str();
    sub->add_option("--table", command->table, "With --format csv: points or runs; points without")->type_name("NAME");
    sub->footer(
        "Examples:\n"
        "  shardscope sweep --stage 2 --link pcie4 --vary reduce_bucket_size=1e5:1e9:log:9 -o sweep\n"
        "  shardscope sweep --config ds.json --vary reduce_bucket_size=1e5,1e6,1e7 --vary overlap_comm=on,off -o "
        "sweep\n"
        "Points are measured for real, each run in a process of its own; the default is measured as well.\n"
        "Ctrl-C keeps what is done, and the same command goes on with the rest.");
    sub->callback([command, &invocation] { invocation.exit_code = sweepCommand(*command); });
}

} // namespace shardscope::cli
