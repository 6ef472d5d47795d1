// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "core_runtime/bench.h"
#include "core_runtime/bench_ops.h"
#include "kernels/bench.h"
#include "profiler/bench.h"
#include "traces/bench.h"
#include "traces/importers/bench.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cassert>

namespace shardscope::cli {
namespace {

struct BenchCommand {
    std::string name, format = "text", backend = "cpu";
    BenchStepRequest step;
    int64_t events = 1'000'000;
    bool json() const { return format == "json"; }
};

struct Benchmark {
    const char* name;
    const char* description;
    Result<std::string> (*measure)(const BenchCommand&);
};

Result<std::string> step(const BenchCommand& command) {
    BenchStepRequest request = command.step;
    request.json = command.json();
    return benchStep(request);
}

Result<std::string> import(const BenchCommand& command) {
    return benchImport({.events = command.events, .json = command.json()});
}

constexpr std::array benchmarks = {
    Benchmark{"step", "A training step against the rate and traffic this machine reaches", step},
    Benchmark{"collectives", "Collectives of rank threads against a classic ring and the memory bound",
              [](const BenchCommand& c) -> Result<std::string> { return benchCollectives(c.json()); }},
    Benchmark{"adamw", "The optimizer against the streaming bound",
              [](const BenchCommand& c) -> Result<std::string> { return kernels::benchAdamW(c.json()); }},
    Benchmark{"record", "What recording one interval costs",
              [](const BenchCommand& c) -> Result<std::string> { return benchRecord(c.json()); }},
    Benchmark{"open", "Time to the first picture of traces of rising size",
              [](const BenchCommand& c) { return benchOpen({.events = c.events, .json = c.json()}); }},
    Benchmark{"zoom", "Answer times of a walk through a trace",
              [](const BenchCommand& c) { return benchZoom({.events = c.events, .json = c.json()}); }},
    Benchmark{"import", "Turning Chrome JSON into a trace against a bare simdjson pass", import},
    Benchmark{"ops", "Every kernel against its plain reference; on a GPU against its roofline",
              [](const BenchCommand& c) { return benchOps(c.backend, c.json()); }},
};

int bench(const BenchCommand& command) {
    const auto chosen =
        std::find_if(benchmarks.begin(), benchmarks.end(), [&](const Benchmark& b) { return command.name == b.name; });
    assert(chosen != benchmarks.end()); // the command line accepts only these names
    const Result<std::string> figures = chosen->measure(command);
    if (!figures) return fail(figures.error());
    print(*figures);
    return success;
}

} // namespace

void addBenchCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<BenchCommand>();
    CLI::App* sub = app.add_subcommand("bench", "Measure this machine; all results are ratios within one run");
    std::vector<std::string> names;
    std::string footer = "Benchmarks:\n";
    for (const Benchmark& benchmark : benchmarks) {
        names.emplace_back(benchmark.name);
        footer += "  " + names.back() + std::string(13 - names.back().size(), ' ') + benchmark.description + "\n";
    }
    sub->add_option("benchmark", command->name, "What to measure")->required()->check(CLI::IsMember(names));
    sub->add_option("--model", command->step.model, "step: the model")->type_name("MODEL")->capture_default_str();
    sub->add_option("--micro-batch", command->step.micro_batch, "step: samples of a rank")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}))
        ->capture_default_str();
    sub->add_option("--sequence", command->step.sequence, "step: tokens of a sample; 0 is the model's context")
        ->type_name("N")
        ->check(CLI::Range(int64_t{0}, int64_t{1'000'000}))
        ->capture_default_str();
    sub->add_option("--steps", command->step.steps, "step: how many are timed")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}))
        ->capture_default_str();
    sub->add_option("--backend", command->backend, "ops: whose kernels, the processor's or those of the first GPU")
        ->check(CLI::IsMember({"cpu", "cuda"}))
        ->capture_default_str();
    sub->add_option("--events", command->events, "open, zoom, import: events of the file that is made for it")
        ->type_name("N")
        ->check(CLI::Range(int64_t{1000}, int64_t{100'000'000}))
        ->capture_default_str();
    addFormatOption(*sub, command->format);
    sub->footer(footer + "Example:\n  shardscope bench adamw --format json");
    sub->callback([command, &invocation] { invocation.exit_code = bench(*command); });
}

} // namespace shardscope::cli
