// SPDX-License-Identifier: Apache-2.0
// A configuration as the text it is: where each member stands, so that one value can be changed and every other
// character stays: comments, order, blanks, keys we do not know. Reads the JSON that the engine reads
// (core_runtime/config_text.h): comments with #, // and /* */, and a comma after the last member.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope::gui {

struct TextSpan {
    size_t begin = 0, end = 0; // [begin, end)
    size_t size() const { return end - begin; }
    bool operator==(const TextSpan&) const = default;
};

class ConfigDocument {
public:
    explicit ConfigDocument(std::string text);
    bool valid() const { return m_valid; } // the text is one JSON object; otherwise nothing can be found or changed
    const std::string& text() const { return m_text; }

    // Of the value at a dotted path ("zero_optimization.stage").
    std::optional<TextSpan> value(std::string_view path) const;
    std::optional<TextSpan> key(std::string_view path) const; // with its quotes
    std::vector<std::string> paths() const;                   // of all members that are no objects, in order

    // The text with the value at a path replaced or added; `json` is JSON text. Sections on the way are made.
    std::string with(std::string_view path, const std::string& json) const;
    // The text without the member, and without sections that it leaves empty. Comments stay.
    std::string without(std::string_view path) const;

private:
    struct Member {
        std::string name;
        TextSpan key, value;
        int object = -1; // index of the object that is its value
    };
    struct Object {
        TextSpan span; // with its braces
        std::vector<Member> members;
    };
    struct Found { // how far a path leads: the last object on it and the member there, if there is one
        int object = 0;
        int member = -1;
        size_t depth = 0; // parts of the path that exist
    };
    class Scanner;
    Found find(const std::vector<std::string>& parts) const;
    std::string added(const Object&, const std::vector<std::string>& parts, const std::string& json) const;
    std::vector<TextSpan> removal(const Object&, size_t member) const; // what to erase, last first
    size_t skipBlank(size_t at) const;
    std::optional<size_t> endOfLine(size_t at) const;
    std::string indentation(size_t at) const;
    bool startsLine(size_t at) const;

    std::string m_text;
    std::vector<Object> m_objects; // the first one is the whole
    bool m_valid = false;
};

} // namespace shardscope::gui
