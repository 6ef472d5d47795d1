// SPDX-License-Identifier: Apache-2.0
// What all subcommands share: how they are registered, how they report a mistake, and their exit codes.
#pragma once
#include "traces/result.h"
#include <string>

namespace CLI {
class App;
}
namespace shardscope {
struct Config;
struct Report;
} // namespace shardscope

namespace shardscope::cli {

// 0 only on success.
enum ExitCode : int { success = 0, user_error = 1, usage_error = 2, interrupted = 130 };

struct Invocation {
    std::string command_line; // as typed, quoted where a shell would need it
    int exit_code = success;  // set by the subcommand that ran
};

void addRunCommand(CLI::App&, Invocation&);
void addSweepCommand(CLI::App&, Invocation&);
void addCheckpointCommands(CLI::App&, Invocation&); // checkpoint info, consolidate
void addTraceCommands(CLI::App&, Invocation&);      // info
void addAnalysisCommands(CLI::App&, Invocation&);   // summary, compare, critical-path, top, memory
void addDoctorCommand(CLI::App&, Invocation&);
void addQueryCommand(CLI::App&, Invocation&);
void addImportCommand(CLI::App&, Invocation&);
void addExportCommand(CLI::App&, Invocation&);
void addMergeCommand(CLI::App&, Invocation&);
void addPlanCommand(CLI::App&, Invocation&);
void addBenchCommand(CLI::App&, Invocation&);
void addConfigCommand(CLI::App&, Invocation&); // config explain
void addEstimateCommand(CLI::App&, Invocation&);

// How a command that answers with tables prints them.
struct ReportOptions {
    std::string format = "text", table;
};
void addReportOptions(CLI::App&, ReportOptions&); // --format text|json|csv, --table NAME
int printReport(const Report&, const ReportOptions&);

void addFormatOption(CLI::App&, std::string& format); // --format text|json
int fail(const Error&);                               // "shardscope: <sentence>" on stderr, user_error
void printNotices(const Config&);                     // "note: <sentence>" on stderr
std::string bytesText(int64_t bytes);                 // "512 B", "5.12 MiB", "-1.00 GiB"
void print(const std::string& text);                  // to stdout, with one line end at its end

} // namespace shardscope::cli
