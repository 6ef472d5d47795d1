// SPDX-License-Identifier: Apache-2.0
// merge: traces of single ranks as one trace.
#include "cli/command.h"
#include "profiler/analysis/merge.h"
#include "profiler/analysis/table.h"
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace shardscope::cli {
namespace {

struct MergeCommand : ReportOptions {
    std::vector<std::string> files;
    std::string output;
    bool uncalibrated = false;
};

int merge(const MergeCommand& command) {
    const auto merged = mergeTraces(command.files, command.output, command.uncalibrated);
    if (!merged) return fail(merged.error());
    Table table{"inputs", "", {"file", "ranks", "matches", "shift_ns", "drift_ppm", "residual_ns"}, {}};
    for (const MergedInput& input : *merged) {
        const bool fitted = input.fit.matches > 0;
        table.rows.push_back({input.path, fmt::format("{}", fmt::join(input.ranks, " ")), input.fit.matches,
                              input.fit.shift_ns, fitted ? Cell(input.fit.drift * 1e6) : Cell(),
                              fitted ? Cell(input.fit.residual_ns) : Cell()});
    }
    return printReport({{std::move(table)}, {}}, command);
}

} // namespace

void addMergeCommand(CLI::App& app, Invocation& invocation) {
    auto command = std::make_shared<MergeCommand>();
    CLI::App* sub = app.add_subcommand("merge", "Traces of single ranks as one, their clocks fitted by collectives");
    sub->add_option("files", command->files, "Traces of one run; the first one's clock is kept")
        ->required()
        ->type_name("FILE")
        ->expected(2, 65536)
        ->option_text("FILE ... REQUIRED");
    sub->add_option("-o,--output", command->output, "The trace to write")->required()->type_name("OUT");
    sub->add_flag("--uncalibrated", command->uncalibrated,
                  "Join clocks that cannot be fitted as they are, with a warning in the trace");
    addReportOptions(*sub, *command);
    sub->footer("Example:\n  shardscope merge rank0.shardscope rank1.shardscope -o run.shardscope");
    sub->callback([command, &invocation] { invocation.exit_code = merge(*command); });
}

} // namespace shardscope::cli
