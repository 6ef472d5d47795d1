// SPDX-License-Identifier: Apache-2.0
#include "profiler/report/html_text.h"
#include <cstdint>
#include <fmt/format.h>

namespace shardscope {

namespace {

constexpr char32_t invalid = 0xfffd;

// The character at `at`, which moves behind it.
char32_t nextCharacter(std::string_view text, size_t& at) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at++);
    if (first < 0x80) return first;
    const int more = first >= 0xf0 && first < 0xf5   ? 3
                     : first >= 0xe0 && first < 0xf0 ? 2
                     : first >= 0xc2 && first < 0xe0 ? 1
                                                     : 0;
    if (more == 0) return invalid;
    char32_t character = first & (0x3fu >> more);
    for (int i = 0; i < more; ++i) {
        if (at >= text.size() || (byte(at) & 0xc0) != 0x80) return invalid;
        character = character << 6 | (byte(at++) & 0x3fu);
    }
    constexpr char32_t shortest[] = {0, 0x80, 0x800, 0x10000};
    const bool surrogate = character >= 0xd800 && character < 0xe000;
    return character < shortest[more] || character > 0x10ffff || surrogate ? invalid : character;
}

bool steers(char32_t c) {
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0xfffe || c == 0xffff;
}

} // namespace

std::string escapedHtml(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const size_t start = at;
        const char32_t c = nextCharacter(text, at);
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\'')
            out += "&#39;";
        else if (c == invalid || steers(c))
            out += "\xef\xbf\xbd";
        else
            out += text.substr(start, at - start);
    }
    return out;
}

std::string htmlTable(const std::vector<HtmlColumn>& columns, const std::vector<std::vector<std::string>>& rows,
                      std::string_view css_class) {
    std::string out = css_class.empty() ? "<div class=\"scroll\"><table>"
                                        : fmt::format("<div class=\"scroll\"><table class=\"{}\">", css_class);
    const auto mark = [&](size_t column) {
        return column < columns.size() && columns[column].numbers ? " class=\"number\"" : "";
    };
    out += "\n<thead><tr>";
    for (size_t c = 0; c < columns.size(); ++c)
        out += fmt::format("<th scope=\"col\"{}>{}</th>", mark(c), escapedHtml(columns[c].head));
    out += "</tr></thead>\n<tbody>\n";
    for (const auto& row : rows) {
        out += "<tr>";
        for (size_t c = 0; c < row.size(); ++c)
            out += c == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", mark(c), row[c])
                          : fmt::format("<td{}>{}</td>", mark(c), row[c]);
        out += "</tr>\n";
    }
    return out + "</tbody></table></div>\n";
}

} // namespace shardscope
