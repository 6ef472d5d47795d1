// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "cli/help_format.h"
#include "core_runtime/nearest_name.h"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <vector>

namespace {

std::string commandLine(int argc, char** argv) {
    std::string line = "shardscope";
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        const bool plain =
            !argument.empty() && argument.find_first_of(" \t\n\"'\\$`*?;&|<>(){}[]#~!") == std::string::npos;
        if (plain) {
            line += " " + argument;
            continue;
        }
        line += " '";
        for (const char c : argument) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
        line += "'";
    }
    return line;
}

// CLI11 says what it expected; this says what was typed and what to type instead.
std::string explained(const CLI::Error& error) {
    const std::string said = error.what(), unreadable = "Could not convert: ";
    if (said.starts_with(unreadable)) {
        const size_t equals = said.find(" = ");
        if (equals != std::string::npos)
            return said.substr(unreadable.size(), equals - unreadable.size()) + " is " + said.substr(equals + 3) +
                   "; write a number";
    }
    return said;
}

// Before CLI11 asks for a subcommand although one was typed, with a slip.
std::string unknownSubcommand(const CLI::App& app, const std::string& typed) {
    std::vector<std::string> names;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(sub->get_name());
    if (typed.empty() || typed.front() == '-' || std::ranges::find(names, typed) != names.end()) return {};
    const std::string close = shardscope::closeName(typed, std::vector<std::string_view>(names.begin(), names.end()));
    return "there is no subcommand '" + typed + "'" + (close.empty() ? "" : "; did you mean " + close + "?");
}

} // namespace

int main(int argc, char** argv) {
    using namespace shardscope;
    std::signal(SIGXFSZ,
                SIG_IGN); // beyond a limit of file size write() fails, as on a full disk, and the trace is closed
    cli::Invocation invocation{commandLine(argc, argv)};
    CLI::App app("Shardscope shows what ZeRO does to a training step: run it, record it, compare configurations.",
                 "shardscope");
    app.set_version_flag("--version", "shardscope " SHARDSCOPE_VERSION);
    app.require_subcommand(1);
    app.formatter(std::make_shared<cli::HelpFormat>()); // before there are subcommands, which inherit it
    app.footer(
        "A first look:\n"
        "  shardscope run --stage 1 --ranks 4 --steps 20 --trace zero1.shardscope\n"
        "  shardscope run --stage 3 --ranks 4 --steps 20 --trace zero3.shardscope\n"
        "  shardscope compare zero1.shardscope zero3.shardscope\n"
        "Every subcommand explains itself: shardscope run --help.\n"
        "Exit codes: 0 success, 1 a mistake that is explained on stderr, 2 a wrong command line, 130 interrupted.");
    app.failure_message([](const CLI::App* root, const CLI::Error& error) {
        const auto chosen = root->get_subcommands();
        return "shardscope: " + explained(error) + "\nshardscope " +
               (chosen.empty() ? "" : chosen.front()->get_name() + " ") + "--help explains the command line.\n";
    });
    cli::addRunCommand(app, invocation);
    cli::addSweepCommand(app, invocation);
    cli::addPlanCommand(app, invocation);
    cli::addEstimateCommand(app, invocation);
    cli::addConfigCommand(app, invocation);
    cli::addCheckpointCommands(app, invocation);
    cli::addTraceCommands(app, invocation);
    cli::addAnalysisCommands(app, invocation);
    cli::addDoctorCommand(app, invocation);
    cli::addQueryCommand(app, invocation);
    cli::addImportCommand(app, invocation);
    cli::addExportCommand(app, invocation);
    cli::addMergeCommand(app, invocation);
    cli::addBenchCommand(app, invocation);

    if (const std::string unknown = unknownSubcommand(app, argc > 1 ? argv[1] : ""); !unknown.empty()) {
        cli::fail({unknown});
        std::fputs("shardscope --help lists them.\n", stderr);
        return cli::usage_error;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? cli::success : cli::usage_error;
    }
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
        return cli::fail({"the output could not be written; check the disk or the pipe it goes to"});
    return invocation.exit_code;
}
