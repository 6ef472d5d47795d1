// SPDX-License-Identifier: Apache-2.0
#include "core_runtime/config_text.h"
#include <algorithm>
#include <string_view>

namespace shardscope {
namespace {

void blank(std::string& text, size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
        if (text[i] != '\n' && text[i] != '\r') text[i] = ' ';
}

// One past the string's closing quote.
size_t endOfString(const std::string& text, size_t quote) {
    for (size_t i = quote + 1; i < text.size(); ++i) {
        if (text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            return i + 1;
    }
    return text.size();
}

} // namespace

std::string strictJson(std::string text) {
    const std::string_view before_no_value = "{[,:"; // a comma after one of these is a mistake, not a trailing one
    size_t comma = std::string::npos;                // the last significant character, if it is a comma after a value
    char last = '{';
    for (size_t i = 0; i < text.size();) {
        const char c = text[i];
        const bool line_comment = c == '#' || (c == '/' && i + 1 < text.size() && text[i + 1] == '/');
        const bool block_comment = c == '/' && i + 1 < text.size() && text[i + 1] == '*';
        if (line_comment || block_comment) {
            const size_t mark = text.find(line_comment ? "\n" : "*/", i + (line_comment ? 1 : 2));
            if (block_comment && mark == std::string::npos) return text; // the parser will say where it starts
            const size_t end = std::min(mark, text.size()) + (block_comment ? 2 : 0);
            blank(text, i, end);
            i = end;
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            ++i;
            continue;
        }
        if ((c == '}' || c == ']') && comma != std::string::npos) text[comma] = ' ';
        comma = c == ',' && before_no_value.find(last) == std::string_view::npos ? i : std::string::npos;
        last = c;
        i = c == '"' ? endOfString(text, i) : i + 1;
    }
    return text;
}

} // namespace shardscope
