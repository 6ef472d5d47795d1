// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include "core_runtime/config.h"
#include "profiler/analysis/table.h"
#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <cstdio>
#include <fmt/core.h>

namespace shardscope::cli {

void addFormatOption(CLI::App& app, std::string& format) {
    app.add_option("--format", format, "text for people, json for programs")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
}

void addReportOptions(CLI::App& app, ReportOptions& options) {
    app.add_option("--format", options.format, "text for people, json for programs, csv for spreadsheets")
        ->check(CLI::IsMember({"text", "json", "csv"}))
        ->capture_default_str();
    app.add_option("--table", options.table,
                   "With --format csv: which of the tables that json lists; the first without")
        ->type_name("NAME");
    app.parse_complete_callback([&options] {
        if (!options.table.empty() && options.format != "csv")
            throw CLI::ValidationError("--table", "chooses what --format csv writes; add --format csv");
    });
}

int printReport(const Report& report, const ReportOptions& options) {
    if (options.format == "csv") {
        const auto csv = reportCsv(report, options.table);
        if (!csv) return fail(csv.error());
        print(*csv);
    } else {
        print(options.format == "json" ? reportJson(report) : reportText(report));
    }
    return success;
}

int fail(const Error& error) {
    fmt::print(stderr, "shardscope: {}\n", error.message);
    return user_error;
}

void printNotices(const Config& config) {
    for (const std::string& notice : config.notices) fmt::print(stderr, "note: {}\n", printable(notice));
}

std::string bytesText(int64_t bytes) {
    constexpr std::array units = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    auto amount = static_cast<double>(bytes);
    if (std::abs(amount) < 1024) return fmt::format("{} B", bytes);
    size_t unit = 0;
    for (amount /= 1024; std::abs(amount) >= 1024 && unit + 1 < units.size(); ++unit) amount /= 1024;
    return fmt::format("{:.2f} {}", amount, units[unit]);
}

void print(const std::string& text) {
    fmt::print("{}", text);
    if (!text.ends_with('\n')) fmt::print("\n");
}

} // namespace shardscope::cli
