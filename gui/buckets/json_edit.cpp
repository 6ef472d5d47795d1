// SPDX-License-Identifier: Apache-2.0
#include "gui/buckets/json_edit.h"
#include <algorithm>
#include <cctype>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

namespace shardscope::gui {
namespace {

using Json = nlohmann::ordered_json;

// Walks a JSON text that is known to be valid, comments included.
class Walker {
public:
    explicit Walker(const std::string& text)
        : m_text(text) {}
    size_t at = 0;

    void skipSpace() {
        while (at < m_text.size()) {
            if (std::isspace(static_cast<unsigned char>(m_text[at]))) {
                ++at;
            } else if (m_text.compare(at, 2, "//") == 0) {
                at = std::min(m_text.find('\n', at), m_text.size());
            } else if (m_text.compare(at, 2, "/*") == 0) {
                const size_t end = m_text.find("*/", at + 2);
                at = end == std::string::npos ? m_text.size() : end + 2;
            } else {
                return;
            }
        }
    }
    std::string takeString() { // raw, without its quotes
        const size_t start = ++at;
        while (at < m_text.size() && m_text[at] != '"') at += m_text[at] == '\\' ? 2 : 1;
        const std::string raw = m_text.substr(start, std::min(at, m_text.size()) - start);
        ++at;
        return raw;
    }
    void skipValue() {
        skipSpace();
        if (at >= m_text.size()) return;
        if (m_text[at] == '"') {
            takeString();
            return;
        }
        if (m_text[at] != '{' && m_text[at] != '[') {
            while (at < m_text.size() && !std::strchr(",]} \t\r\n/", m_text[at])) ++at;
            return;
        }
        for (int depth = 0; at < m_text.size();) {
            skipSpace();
            if (at >= m_text.size()) return;
            const char c = m_text[at];
            if (c == '"') {
                takeString();
                continue;
            }
            ++at;
            if (c == '{' || c == '[') ++depth;
            if ((c == '}' || c == ']') && --depth == 0) return;
        }
    }

private:
    const std::string& m_text;
};

struct Member {
    size_t value_start, value_end;
};

struct Object {                               // whose members have been looked through
    size_t open = 0, close = 0, last_end = 0; // last_end: of the last member; `open` + 1 without any
    bool empty = true;
    size_t first_key = 0;
    std::optional<Member> wanted;
};

Object lookThrough(const std::string& text, size_t open, const std::string& key) {
    Object object{.open = open, .last_end = open + 1};
    Walker walker(text);
    walker.at = open + 1;
    for (walker.skipSpace(); walker.at < text.size() && text[walker.at] != '}'; walker.skipSpace()) {
        if (text[walker.at] == ',') {
            ++walker.at;
            continue;
        }
        if (object.empty) object.first_key = walker.at;
        object.empty = false;
        const bool wanted = walker.takeString() == key;
        walker.skipSpace();
        ++walker.at; // the colon
        walker.skipSpace();
        const size_t start = walker.at;
        walker.skipValue();
        if (wanted) object.wanted = Member{start, walker.at};
        object.last_end = walker.at;
    }
    object.close = walker.at;
    return object;
}

std::string indentBefore(const std::string& text, size_t at) { // of the line that `at` is in, if only space precedes it
    const size_t line = text.rfind('\n', at == 0 ? 0 : at - 1);
    const size_t start = line == std::string::npos ? 0 : line + 1;
    const std::string head = text.substr(start, at - start);
    return head.find_first_not_of(" \t") == std::string::npos ? head : head.substr(0, head.find_first_not_of(" \t"));
}

} // namespace

Result<std::string> withJsonKey(const std::string& text, const std::string& dotted_key, const std::string& value) {
    if (const Json parsed = Json::parse(text, nullptr, false, true); !parsed.is_object())
        return Error{"the file holds no JSON object; choose a DeepSpeed configuration, or a new file"};
    Walker walker(text);
    walker.skipSpace();
    size_t open = walker.at;
    std::string rest = dotted_key;
    for (;;) {
        const size_t dot = rest.find('.');
        const std::string part = rest.substr(0, dot);
        const Object object = lookThrough(text, open, part);
        if (object.wanted && dot != std::string::npos) {
            if (text[object.wanted->value_start] != '{')
                return Error{"\"" + part + "\" in this file is no section; remove it there first"};
            open = object.wanted->value_start;
            rest = rest.substr(dot + 1);
            continue;
        }
        if (object.wanted)
            return text.substr(0, object.wanted->value_start) + value + text.substr(object.wanted->value_end);
        // Not there: added as the last member, with the sections that are still to be named around it.
        const bool lines = object.empty || text.find('\n', object.open) < object.close;
        const std::string outer = indentBefore(text, object.close);
        const std::string own = object.empty ? outer + "  " : indentBefore(text, object.first_key);
        const std::string step = own.size() > outer.size() ? own.substr(outer.size()) : "  ";
        std::string member, tail, indent = own;
        for (std::string name = rest;;) {
            const size_t next = name.find('.');
            member += "\"" + name.substr(0, next) + "\": ";
            if (next == std::string::npos) break;
            tail = (lines ? "\n" + indent : std::string()) + "}" + tail;
            indent += step;
            member += lines ? "{\n" + indent : "{";
            name = name.substr(next + 1);
        }
        member += value + tail;
        if (object.empty) { // what stands between the braces are comments
            std::string inner = text.substr(object.open + 1, object.close - object.open - 1);
            inner.erase(inner.find_last_not_of(" \t\r\n") + 1);
            return text.substr(0, object.open + 1) + inner + "\n" + own + member + "\n" + outer +
                   text.substr(object.close);
        }
        if (!lines) return text.substr(0, object.last_end) + ", " + member + text.substr(object.last_end);
        // A comment behind the last member stays with it.
        size_t line_end = std::min(text.find('\n', object.last_end), object.close);
        const std::string behind = text.substr(object.last_end, line_end - object.last_end);
        if (line_end == object.close || behind.find("/*") != std::string::npos) line_end = object.last_end;
        return text.substr(0, object.last_end) + "," + text.substr(object.last_end, line_end - object.last_end) + "\n" +
               own + member + text.substr(line_end);
    }
}

std::vector<DiffLine> lineDiff(const std::string& before, const std::string& after, size_t context) {
    const auto linesOf = [](const std::string& text) {
        std::vector<std::string> lines;
        for (size_t start = 0; start <= text.size();) {
            const size_t end = std::min(text.find('\n', start), text.size());
            lines.push_back(text.substr(start, end - start));
            start = end + 1;
        }
        if (!lines.empty() && lines.back().empty()) lines.pop_back();
        return lines;
    };
    const std::vector<std::string> a = linesOf(before), b = linesOf(after);
    size_t head = 0, tail = 0; // one place changes, so what is equal at both ends is all that is equal
    while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
    while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
    std::vector<DiffLine> diff;
    for (size_t i = head > context ? head - context : 0; i < head; ++i) diff.push_back({DiffLine::same, a[i]});
    for (size_t i = head; i < a.size() - tail; ++i) diff.push_back({DiffLine::removed, a[i]});
    for (size_t i = head; i < b.size() - tail; ++i) diff.push_back({DiffLine::added, b[i]});
    for (size_t i = a.size() - tail; i < a.size() && i < a.size() - tail + context; ++i)
        diff.push_back({DiffLine::same, a[i]});
    return diff;
}

} // namespace shardscope::gui
