// SPDX-License-Identifier: Apache-2.0
#include "cli/help_format.h"
#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace shardscope::cli {
namespace {

constexpr size_t names_width = 30, narrowest = 60, widest = 120; // lines longer than that are hard to follow

size_t outputWidth() {
    size_t columns = 100; // into a file or a pipe
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) columns = size.ws_col;
    if (const char* given = std::getenv("COLUMNS"); given && std::atoi(given) > 0)
        columns = static_cast<size_t>(std::atoi(given));
    return std::clamp(columns, narrowest, widest);
}

size_t letters(const std::string& text) {
    return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

} // namespace

std::string wrapped(const std::string& text, size_t width) {
    std::string lines;
    std::istringstream paragraphs(text);
    for (std::string paragraph; std::getline(paragraphs, paragraph);) {
        if (!lines.empty()) lines += '\n';
        std::istringstream words(paragraph);
        size_t used = 0;
        for (std::string word; words >> word;) {
            const size_t length = letters(word);
            if (used > 0 && used + 1 + length > width) {
                lines += '\n';
                used = 0;
            }
            lines += (used > 0 ? " " : "") + word;
            used += (used > 0) + length;
        }
    }
    return lines;
}

HelpFormat::HelpFormat()
    : m_width(outputWidth() - names_width) {
    column_width(names_width);
}

std::string HelpFormat::make_option_desc(const CLI::Option* option) const {
    return wrapped(CLI::Formatter::make_option_desc(option), m_width);
}

std::string HelpFormat::make_option_usage(const CLI::Option* option) const {
    const std::string name = make_option_name(option, true) + (option->get_expected_max() > 1 ? "..." : "");
    return option->get_required() ? name : "[" + name + "]";
}

std::string HelpFormat::make_subcommand(const CLI::App* sub) const {
    std::stringstream out;
    CLI::detail::format_help(out, sub->get_display_name(true), wrapped(sub->get_description(), m_width), column_width_);
    return out.str();
}

std::string HelpFormat::make_footer(const CLI::App* app) const {
    std::istringstream lines(app->get_footer());
    std::string footer;
    for (std::string line; std::getline(lines, line);)
        footer += (line.starts_with(' ') ? line : wrapped(line, m_width + names_width)) + '\n';
    return footer;
}

} // namespace shardscope::cli
