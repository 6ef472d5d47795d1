// SPDX-License-Identifier: Apache-2.0
// export: a trace as a file that other tools open.
#include "cli/command.h"
#include "traces/exporters/export.h"
#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <fmt/core.h>

namespace shardscope::cli {
namespace {

struct ExportCommand {
    std::string trace, output, format, range, table = "event";
    int32_t step = -1;
    bool no_flows = false;
};

// "10ms", "2500us", "1.5s", or plain nanoseconds.
std::optional<int64_t> parseTime(const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) return std::nullopt;
    const std::string unit(end, text.data() + text.size());
    const double factor = unit.empty() || unit == "ns" ? 1
                          : unit == "us"               ? 1e3
                          : unit == "ms"               ? 1e6
                          : unit == "s"                ? 1e9
                                                       : 0;
    if (factor == 0 || !(std::abs(value * factor) < 1e18)) return std::nullopt;
    return std::llround(value * factor);
}

Result<std::optional<TimeRange>> rangeOf(const ExportCommand& command) {
    if (command.step >= 0) {
        if (!command.range.empty()) return Error{"--range and --step exclude each other; give one of them."};
        const auto trace = TraceReader::open(command.trace);
        if (!trace) return trace.error();
        for (const StepEvent& step : (*trace)->steps())
            if (step.step == command.step) return std::optional(TimeRange{step.start_ns, step.end_ns});
        return Error{fmt::format("The trace has no step {}; 'shardscope summary' lists its steps.", command.step)};
    }
    if (command.range.empty()) return std::optional<TimeRange>();
    const size_t colon = command.range.find(':');
    const auto start = parseTime(command.range.substr(0, colon));
    const auto end = colon == std::string::npos ? std::nullopt : parseTime(command.range.substr(colon + 1));
    if (!start || !end)
        return Error{fmt::format(
            "--range '{}' cannot be read; write start:end, such as 10ms:25ms or plain nanoseconds.", command.range)};
    return std::optional(TimeRange{*start, *end});
}

// By the name where --format does not say it.
std::string formatOf(const ExportCommand& command) {
    if (!command.format.empty()) return command.format;
    std::string name = command.output;
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    if (name.ends_with(".csv")) return "csv";
    if (name.ends_with(".pt.trace.json")) return "kineto";
    if (name.ends_with(".json")) return "chrome";
    return name.ends_with(".sqlite") || name.ends_with(".db") ? "sqlite" : "";
}

int exportTrace(const ExportCommand& command) {
    const auto range = rangeOf(command);
    if (!range) return fail(range.error());
    const ExportOptions options{*range, !command.no_flows};
    const std::string format = formatOf(command);
    const auto end = [&]() -> Result<ExportEnd> {
        if (format == "chrome") return exportChrome(command.trace, command.output, options);
        if (format == "kineto") return exportKineto(command.trace, command.output, options);
        if (format == "csv") return exportCsv(command.trace, command.output, command.table, options);
        if (format == "sqlite") return exportSqlite(command.trace, command.output, options);
        return Error{fmt::format("The name '{}' does not tell the format; add --format chrome, kineto, csv or sqlite.",
                                 command.output)};
    }();
    if (!end) return fail(end.error());
    for (const std::string& file : end->files) print(fmt::format("{}", file));
    fmt::print(stderr, "shardscope: {} {} exported\n", end->events, format == "csv" ? "rows" : "intervals");
    return success;
}

} // namespace

void addExportCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<ExportCommand>();
    CLI::App* sub = app.add_subcommand("export", "A trace for other tools: Perfetto, HTA, spreadsheets, SQLite");
    sub->add_option("trace", command->trace, "A trace")->required()->type_name("FILE");
    sub->add_option("-o,--output", command->output, "The file to write; .gz compresses JSON and CSV")
        ->required()
        ->type_name("OUT");
    sub->add_option("--format", command->format,
                    "chrome: ui.perfetto.dev and chrome://tracing; kineto: as PyTorch's profiler writes, a file per "
                    "rank; csv: one table; sqlite: plain tables. Without: by the ending of OUT")
        ->check(CLI::IsMember({"chrome", "kineto", "csv", "sqlite"}));
    sub->add_option("--range", command->range, "Only this time, such as 10ms:25ms; intervals are cut at its ends")
        ->type_name("START:END");
    sub->add_option("--step", command->step, "Only this step");
    sub->add_option("--table", command->table, "csv: which table or view")->capture_default_str();
    sub->add_flag("--no-flows", command->no_flows, "chrome: without arrows from what an op waited for");
    sub->footer("Examples:\n"
                "  shardscope export zero3.shardscope -o zero3.json.gz\n"
                "  shardscope export zero3.shardscope -o zero3.{rank}.pt.trace.json --step 4\n"
                "  shardscope export zero3.shardscope -o collectives.csv --table collective");
    sub->callback([command, &invocation] { invocation.exit_code = exportTrace(*command); });
}

} // namespace shardscope::cli
