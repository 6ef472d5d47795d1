// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/core.h>

namespace shardscope::cli {

void addFormatOption(CLI::App& app, std::string& format) {
    app.add_option("--format", format, "text for people, json for programs")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
}

int fail(const Error& error) {
    fmt::print(stderr, "shardscope: {}\n", error.message);
    return user_error;
}

void print(const std::string& text) {
    fmt::print("{}", text);
    if (!text.ends_with('\n')) fmt::print("\n");
}

} // namespace shardscope::cli
