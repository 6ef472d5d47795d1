// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

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
    app.footer(
        "A first look:\n"
        "  shardscope run --stage 1 --ranks 4 --steps 20 --trace zero1.shardscope\n"
        "  shardscope run --stage 3 --ranks 4 --steps 20 --trace zero3.shardscope\n"
        "  shardscope compare zero1.shardscope zero3.shardscope\n"
        "Every subcommand explains itself: shardscope run --help.\n"
        "Exit codes: 0 success, 1 a mistake that is explained on stderr, 2 a wrong command line, 130 interrupted.");
    app.failure_message([](const CLI::App* root, const CLI::Error& error) {
        const auto chosen = root->get_subcommands();
        return "shardscope: " + std::string(error.what()) + "\nshardscope " +
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

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? cli::success : cli::usage_error;
    }
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
        return cli::fail({"the output could not be written; check the disk or the pipe it goes to"});
    return invocation.exit_code;
}
