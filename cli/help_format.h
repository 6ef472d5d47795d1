// SPDX-License-Identifier: Apache-2.0
// The look of --help: descriptions are wrapped at the width of the terminal, or COLUMNS, and names that may be repeated
// are followed by dots.
#pragma once
#include <CLI/CLI.hpp>

namespace shardscope::cli {

// Words of `text` in lines of at most `width` letters; line ends that it has already stay. UTF-8 counts by letter.
std::string wrapped(const std::string& text, size_t width);

class HelpFormat : public CLI::Formatter {
public:
    HelpFormat();
    std::string make_option_desc(const CLI::Option*) const override;
    std::string make_option_usage(const CLI::Option*) const override;
    std::string make_subcommand(const CLI::App*) const override;
    std::string make_footer(const CLI::App*) const override; // examples, which are indented, stay as they are

private:
    size_t m_width; // of the description beside the names
};

} // namespace shardscope::cli
