// SPDX-License-Identifier: Apache-2.0
// summary, compare, critical-path, top, memory: what the numbers of a trace mean.
#include "cli/command.h"
#include "profiler/analysis/compare.h"
#include "profiler/analysis/critical_path.h"
#include "profiler/analysis/hta_compatible.h"
#include "profiler/analysis/kernel_rates.h"
#include "profiler/analysis/memory_report.h"
#include "profiler/analysis/summary.h"
#include "profiler/analysis/top.h"
#include "profiler/report/comparison_html.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/core.h>
#include <functional>

namespace shardscope::cli {
namespace {

// A subcommand on one trace; `answer` prints and gives the exit code.
template <class Options> using Answer = std::function<int(const TraceReader&, const Options&)>;

struct OneTrace : ReportOptions {
    std::string file;
};

template <class Options>
CLI::App* addOneTrace(CLI::App& app, Invocation& invocation, const char* name, const char* description,
                      const char* footer, std::shared_ptr<Options> options, Answer<Options> answer) {
    CLI::App* sub = app.add_subcommand(name, description);
    sub->add_option("file", options->file, "A trace")->required()->type_name("FILE");
    addReportOptions(*sub, *options);
    sub->footer(footer);
    sub->callback([options, answer, &invocation] {
        const auto trace = TraceReader::open(options->file);
        invocation.exit_code = trace ? answer(**trace, *options) : fail(trace.error());
    });
    return sub;
}

int printResult(const Result<Report>& report, const ReportOptions& options) {
    return report ? printReport(*report, options) : fail(report.error());
}

struct SummaryCommand : OneTrace {
    bool hta_compatible = false, include_last_step = false, exact = false;
};

int summary(const TraceReader& trace, const SummaryCommand& command) {
    if (command.exact) return printReport(htaExactReport(trace, command.include_last_step), command);
    if (command.hta_compatible) return printReport(htaReport(htaBreakdown(trace, command.include_last_step)), command);
    const Summary figures = summarize(trace);
    if (command.format == "csv") return printReport(summaryReport(figures), command);
    print(command.format == "json" ? summaryJson(figures) : summaryText(figures));
    return success;
}

void addSummary(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<SummaryCommand>();
    CLI::App* sub = addOneTrace<SummaryCommand>(
        app, invocation, "summary", "Step budget, overlap, exposed communication, memory and traffic",
        "In every budget compute + exposed communication + exposed copy + other + idle = span, to the nanosecond.\n"
        "Examples:\n"
        "  shardscope summary zero2.shardscope --format json\n"
        "  shardscope summary zero2.shardscope --format csv --table communication",
        command, summary);
    CLI::Option* hta =
        sub->add_flag("--hta-compatible", command->hta_compatible,
                      "The breakdown of Holistic Trace Analysis instead: whole microseconds, without the "
                      "last profiler step");
    sub->add_flag("--include-last-step", command->include_last_step, "With --hta-compatible: keep the last step")
        ->needs(hta);
    sub->add_flag("--exact", command->exact,
                  "With --hta-compatible: what it counts, in nanoseconds instead of its rounding")
        ->needs(hta);
}

struct CompareCommand : ReportOptions {
    std::vector<std::string> files, gates;
    std::string baseline = "A", html;
};

Table gateTable(const std::vector<GateResult>& results) {
    Table table{"gates", "gates", {"gate", "run", "value", "passed"}, {}};
    for (const GateResult& r : results)
        table.rows.push_back({r.gate, r.run, r.value, std::string(r.passed ? "yes" : "no")});
    return table;
}

int compareTraces(const CompareCommand& command) {
    std::vector<Gate> gates;
    for (const std::string& text : command.gates) {
        auto gate = parseGate(text);
        if (!gate) return fail(gate.error());
        gates.push_back(*std::move(gate));
    }
    std::vector<std::unique_ptr<TraceReader>> traces;
    std::vector<const TraceReader*> pointers;
    for (const std::string& file : command.files) {
        auto trace = TraceReader::open(file);
        if (!trace) return fail(trace.error());
        pointers.push_back(traces.emplace_back(*std::move(trace)).get());
    }
    const auto baseline = static_cast<size_t>(command.baseline[0] - 'A');
    if (baseline >= pointers.size())
        return fail({fmt::format("--baseline {}: there are {} traces, A to {}.", command.baseline, pointers.size(),
                                 static_cast<char>('A' + pointers.size() - 1))});
    if (!command.html.empty()) {
        const auto written = writeComparisonHtml(pointers, baseline, command.html);
        if (!written) return fail(written.error());
        if (gates.empty()) {
            fmt::print("wrote {}\n", command.html);
            return success;
        }
    }
    const Comparison comparison = compare(pointers, baseline);
    const auto results = checkGates(comparison, gates);
    if (!results) return fail(results.error());
    if (command.format == "csv") {
        Report report = comparisonReport(comparison);
        report.tables.push_back(gateTable(*results));
        if (const int printed = printReport(report, command); printed != success) return printed;
    } else if (command.format == "json") {
        print(comparisonJson(comparison, *results));
    } else {
        std::string text = comparisonText(comparison);
        for (const GateResult& result : *results) text += result.sentence + "\n";
        print(text);
    }
    const auto failed = std::count_if(results->begin(), results->end(), [](const GateResult& r) { return !r.passed; });
    return failed == 0 ? int{success} : fail({fmt::format("{} of {} gates failed.", failed, results->size())});
}

void addCompare(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<CompareCommand>();
    CLI::App* sub = app.add_subcommand("compare", "Two to four traces side by side, with what is more than noise");
    sub->add_option("files", command->files, "Two to four traces, called A, B, C and D in this order")
        ->required()
        ->type_name("FILE")
        ->expected(2, 4)
        ->option_text("FILE ... REQUIRED");
    sub->add_option("--baseline", command->baseline, "The trace that the others are compared with")
        ->check(CLI::IsMember({"A", "B", "C", "D"}))
        ->capture_default_str();
    sub->add_option("--html", command->html,
                    "Write the comparison as one self-contained HTML file instead of printing it")
        ->type_name("FILE");
    sub->add_option("--gate", command->gates,
                    "Exit with 1 unless this holds for every run but the baseline: a metric of --table metrics, < <= > "
                    ">=, and a change against the baseline in percent or a value; may be given several times")
        ->type_name("METRIC<LIMIT")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    addReportOptions(*sub, *command);
    sub->footer("Examples:\n"
                "  shardscope compare zero1.shardscope zero2.shardscope zero3.shardscope\n"
                "  shardscope compare zero0.shardscope zero2.shardscope --html report.html\n"
                "  shardscope compare main.shardscope change.shardscope --gate \"exposed_comm_ns<5%\" --gate "
                "\"peak_total_bytes<=0%\"");
    sub->callback([command, &invocation] { invocation.exit_code = compareTraces(*command); });
}

struct CriticalPathCommand : OneTrace {
    int32_t step = -1;
};

void addCriticalPath(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<CriticalPathCommand>();
    CLI::App* sub = addOneTrace<CriticalPathCommand>(
        app, invocation, "critical-path", "What made a step as long as it was, and what would make it shorter",
        "Examples:\n"
        "  shardscope critical-path zero3.shardscope\n"
        "  shardscope critical-path zero3.shardscope --step 4 --format csv --table what_if",
        command, [](const TraceReader& trace, const CriticalPathCommand& options) {
            return printResult(criticalPathReport(trace, options.step), options);
        });
    sub->add_option("--step", command->step, "Which step; without: the one with the median duration");
}

struct TopCommand : OneTrace {
    TopOptions top;
    bool kernels = false;
    double peak_gflops = 0, peak_gbps = 0;
};

int top(const TraceReader& trace, const TopCommand& command) {
    if (!command.kernels) return printResult(topReport(trace, command.top), command);
    KernelOptions options{.limit = command.top.limit, .rank = command.top.rank, .step = command.top.step, .peaks = {}};
    if (command.peak_gflops > 0 || command.peak_gbps > 0)
        options.peaks = DevicePeaks{command.peak_gflops * 1e9, command.peak_gbps * 1e9, "as given"};
    return printResult(kernelReport(trace, options), command);
}

void addTop(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<TopCommand>();
    CLI::App* sub = addOneTrace<TopCommand>(
        app, invocation, "top", "Where the time goes: intervals grouped by name, class, phase, layer ...",
        "Examples:\n"
        "  shardscope top zero3.shardscope --by layer\n"
        "  shardscope top zero3.shardscope --class all_gather --sort max --limit 5\n"
        "  shardscope top zero3.shardscope --kernels --peak-gflops 70 --peak-gbps 12",
        command, top);
    CLI::Option* kernels =
        sub->add_flag("--kernels", command->kernels,
                      "Computations by kind and kernels by name, with the arithmetic and traffic they "
                      "reached and their share of the roofline");
    sub->add_option("--peak-gflops", command->peak_gflops,
                    "With --kernels: what a rank's device can do, instead of what the trace says of it")
        ->type_name("GFLOP/S")
        ->check(CLI::PositiveNumber)
        ->needs(kernels);
    sub->add_option("--peak-gbps", command->peak_gbps, "With --kernels: the same of its memory")
        ->type_name("GB/S")
        ->check(CLI::PositiveNumber)
        ->needs(kernels);
    sub->add_option("--by", command->top.by, "What makes a group")
        ->check(CLI::IsMember(topGroups()))
        ->excludes(kernels)
        ->capture_default_str();
    sub->add_option("--sort", command->top.sort, "Which groups come first")
        ->check(CLI::IsMember(topOrders()))
        ->excludes(kernels)
        ->capture_default_str();
    sub->add_option("--limit", command->top.limit, "How many groups; 0: all")->capture_default_str();
    sub->add_option("--class", command->top.op_class, "Only intervals of this class")
        ->type_name("CLASS")
        ->excludes(kernels);
    sub->add_option("--rank", command->top.rank, "Only this rank");
    sub->add_option("--step", command->top.step, "Only this step");
}

void addMemory(CLI::App& app, Invocation& invocation) {
    addOneTrace<OneTrace>(
        app, invocation, "memory", "Why memory peaked: the moment, what was alive, planned against recorded",
        "Examples:\n"
        "  shardscope memory zero3.shardscope\n"
        "  shardscope memory zero3.shardscope --format csv --table alive",
        std::make_shared<OneTrace>(),
        [](const TraceReader& trace, const OneTrace& options) { return printResult(memoryReport(trace), options); });
}

} // namespace

void addAnalysisCommands(CLI::App& app, Invocation& invocation) {
    addSummary(app, invocation);
    addCompare(app, invocation);
    addCriticalPath(app, invocation);
    addTop(app, invocation);
    addMemory(app, invocation);
}

} // namespace shardscope::cli
