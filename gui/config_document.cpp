// SPDX-License-Identifier: Apache-2.0
#include "gui/config_document.h"
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace shardscope::gui {
namespace {

constexpr int max_depth = 32; // as the engine's parser allows
constexpr size_t none = std::string::npos;

std::vector<std::string> partsOf(std::string_view path) {
    std::vector<std::string> parts;
    for (size_t from = 0; from <= path.size();) {
        const size_t dot = std::min(path.find('.', from), path.size());
        parts.emplace_back(path.substr(from, dot - from));
        from = dot + 1;
    }
    return parts;
}

bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string quoted(const std::string& name) {
    return nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// One past the comment that starts at `at`, or `at` if none does. A block comment without an end is no comment.
size_t skipComment(const std::string& text, size_t at) {
    const char c = at < text.size() ? text[at] : '\0', next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (c == '#' || (c == '/' && next == '/')) return std::min(text.find('\n', at), text.size());
    if (c != '/' || next != '*') return at;
    const size_t end = text.find("*/", at + 2);
    return end == std::string::npos ? at : end + 2;
}

size_t skipBlanks(const std::string& text, size_t at) {
    for (size_t before = text.size() + 1; before != at;) {
        before = at;
        while (at < text.size() && isBlank(text[at])) ++at;
        at = skipComment(text, at);
    }
    return at;
}

bool holdsComment(const std::string& text, size_t from, size_t to) {
    for (size_t at = from; at < to; ++at)
        if (skipComment(text, at) != at) return true; // between members there are no strings
    return false;
}

} // namespace

// Recursive descent over the text; it keeps spans and leaves the meaning of values to the engine.
class ConfigDocument::Scanner {
public:
    Scanner(const std::string& text, std::vector<Object>& objects)
        : m_text(text)
        , m_objects(objects) {}

    bool document() {
        const bool marked = m_text.starts_with("\xef\xbb\xbf");
        m_at = skipBlanks(m_text, marked ? 3 : 0);
        return peek() == '{' && object(0) >= 0 && (m_at = skipBlanks(m_text, m_at)) == m_text.size();
    }

private:
    char peek() const { return m_at < m_text.size() ? m_text[m_at] : '\0'; }
    bool take(char c) {
        m_at = skipBlanks(m_text, m_at);
        if (peek() != c) return false;
        ++m_at;
        return true;
    }

    int object(int depth) {
        if (depth >= max_depth || !take('{')) return -1;
        const auto self = static_cast<int>(m_objects.size());
        m_objects.push_back({{m_at - 1, 0}, {}});
        std::vector<Member> members;
        while (!take('}')) {
            if (!members.empty() && !m_separated) return -1;
            Member member;
            m_at = skipBlanks(m_text, m_at);
            if (peek() != '"' || !string(member.key, &member.name) || !take(':')) return -1;
            m_at = skipBlanks(m_text, m_at);
            member.value.begin = m_at;
            if (peek() == '{') {
                member.object = object(depth + 1);
                if (member.object < 0) return -1;
            } else if (!value(depth + 1)) {
                return -1;
            }
            member.value.end = m_at;
            members.push_back(std::move(member));
            m_separated = take(',');
        }
        m_objects[static_cast<size_t>(self)].span.end = m_at;
        m_objects[static_cast<size_t>(self)].members = std::move(members);
        return self;
    }

    bool value(int depth) {
        if (depth >= max_depth) return false;
        if (peek() == '[') return array(depth);
        if (peek() == '{') return nested(depth);
        TextSpan span;
        if (peek() == '"') return string(span, nullptr);
        const size_t begin = m_at;
        while (m_at < m_text.size() &&
               (std::isalnum(static_cast<unsigned char>(peek())) || peek() == '+' || peek() == '-' || peek() == '.'))
            ++m_at;
        return m_at > begin && nlohmann::json::accept(m_text.substr(begin, m_at - begin));
    }

    bool array(int depth) {
        ++m_at;
        bool separated = true;
        for (bool first = true; !take(']'); first = false) {
            m_at = skipBlanks(m_text, m_at);
            if ((!first && !separated) || !value(depth + 1)) return false;
            separated = take(',');
        }
        return true;
    }

    bool nested(int depth) { // an object within an array: nothing in it has a path
        const size_t known = m_objects.size();
        const bool fine = object(depth) >= 0;
        m_objects.resize(known);
        return fine;
    }

    bool string(TextSpan& span, std::string* content) {
        span.begin = m_at++;
        while (m_at < m_text.size() && m_text[m_at] != '"') m_at += m_text[m_at] == '\\' ? 2 : 1;
        if (m_at >= m_text.size()) return false;
        span.end = ++m_at;
        const auto parsed = nlohmann::json::parse(m_text.substr(span.begin, span.size()), nullptr, false);
        if (!parsed.is_string()) return false;
        if (content) *content = parsed.get<std::string>();
        return true;
    }

    const std::string& m_text;
    std::vector<Object>& m_objects;
    size_t m_at = 0;
    bool m_separated = true; // whether a comma followed the member before
};

ConfigDocument::ConfigDocument(std::string text)
    : m_text(std::move(text)) {
    m_valid = Scanner(m_text, m_objects).document();
    if (!m_valid) m_objects.clear();
}

ConfigDocument::Found ConfigDocument::find(const std::vector<std::string>& parts) const {
    Found found;
    for (const std::string& part : parts) {
        const auto& members = m_objects[static_cast<size_t>(found.object)].members;
        const auto member =
            std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.name == part; });
        if (member == members.end()) return found;
        ++found.depth;
        if (found.depth == parts.size() || member->object < 0) {
            found.member = static_cast<int>(member - members.begin());
            return found;
        }
        found.object = member->object;
    }
    return found;
}

std::optional<TextSpan> ConfigDocument::value(std::string_view path) const {
    if (!m_valid) return std::nullopt;
    const auto parts = partsOf(path);
    const Found found = find(parts);
    if (found.depth < parts.size()) return std::nullopt;
    return m_objects[static_cast<size_t>(found.object)].members[static_cast<size_t>(found.member)].value;
}

std::optional<TextSpan> ConfigDocument::key(std::string_view path) const {
    if (!m_valid) return std::nullopt;
    const auto parts = partsOf(path);
    const Found found = find(parts);
    if (found.depth < parts.size()) return std::nullopt;
    return m_objects[static_cast<size_t>(found.object)].members[static_cast<size_t>(found.member)].key;
}

std::vector<std::string> ConfigDocument::paths() const {
    std::vector<std::string> result;
    const auto walk = [&](const auto& self, const Object& object, const std::string& prefix) -> void {
        for (const Member& member : object.members) {
            if (member.object >= 0)
                self(self, m_objects[static_cast<size_t>(member.object)], prefix + member.name + ".");
            else
                result.push_back(prefix + member.name);
        }
    };
    if (m_valid) walk(walk, m_objects.front(), "");
    return result;
}

size_t ConfigDocument::skipBlank(size_t at) const { return skipBlanks(m_text, at); }

// Where the line ends that holds nothing more behind `at` than blanks and comments; none if there is more.
std::optional<size_t> ConfigDocument::endOfLine(size_t at) const {
    for (;;) {
        while (at < m_text.size() && (m_text[at] == ' ' || m_text[at] == '\t')) ++at;
        if (at == m_text.size()) return std::nullopt; // the last line needs its closing brace
        if (m_text[at] == '\n') return at;
        if (m_text[at] == '\r')
            return at + 1 < m_text.size() && m_text[at + 1] == '\n' ? std::optional(at) : std::nullopt;
        const size_t behind = skipComment(m_text, at);
        if (behind == at) return std::nullopt;
        at = behind;
        if (at > 0 && m_text[at - 1] == '\r') --at; // a line comment takes in the return of its line end
    }
}

bool ConfigDocument::startsLine(size_t at) const {
    while (at > 0 && (m_text[at - 1] == ' ' || m_text[at - 1] == '\t')) --at;
    return at > 0 && m_text[at - 1] == '\n';
}

std::string ConfigDocument::indentation(size_t at) const {
    const size_t newline = at == 0 ? std::string::npos : m_text.rfind('\n', at - 1);
    const size_t begin = newline == std::string::npos ? 0 : newline + 1;
    size_t end = begin;
    while (end < at && (m_text[end] == ' ' || m_text[end] == '\t')) ++end;
    return m_text.substr(begin, end - begin);
}

// The text with a new member behind the last one: on a line of its own where that one has one.
std::string ConfigDocument::added(const Object& object, const std::vector<std::string>& parts,
                                  const std::string& json) const {
    const std::string newline = m_text.find("\r\n") == std::string::npos ? "\n" : "\r\n";
    const bool empty = object.members.empty();
    const bool whole = &object == &m_objects.front();
    const size_t anchor = empty ? object.span.begin + 1 : object.members.back().key.begin;
    const bool own_line =
        empty ? endOfLine(anchor).has_value() || (whole && object.span.size() == 2) : startsLine(anchor);
    const std::string outer = indentation(object.span.begin);
    const std::string step =
        outer.find('\t') != std::string::npos || indentation(anchor).find('\t') != std::string::npos ? "\t" : "  ";
    const std::string indent = empty ? outer + step : indentation(anchor);

    std::string member, closing;
    for (size_t i = 0; i < parts.size(); ++i) { // sections that are missing are made on the way
        member += quoted(parts[i]) + ": ";
        if (i + 1 == parts.size()) break;
        std::string inner = indent;
        for (size_t depth = 0; depth < i; ++depth) inner += step;
        member += own_line ? "{" + newline + inner + step : "{";
        closing = (own_line ? newline + inner + "}" : "}") + closing;
    }
    member += json + closing;

    std::string text = m_text;
    if (empty) {
        const auto line_end = endOfLine(anchor);
        if (own_line && line_end) return text.insert(*line_end, newline + indent + member);
        if (own_line)
            return text.replace(object.span.begin, 2, "{" + newline + indent + member + newline + outer + "}");
        return text.insert(object.span.end - 1, member);
    }
    const size_t value_end = object.members.back().value.end;
    const size_t next = skipBlank(value_end);
    const bool trailing_comma = m_text[next] == ',';
    const size_t base = trailing_comma ? next + 1 : value_end;
    const size_t place = own_line ? endOfLine(base).value_or(base) : base;
    if (trailing_comma) member += ",";
    text.insert(place, (own_line ? newline + indent : std::string(" ")) + member);
    if (!trailing_comma) text.insert(value_end, ",");
    return text;
}

std::string ConfigDocument::with(std::string_view path, const std::string& json) const {
    if (!m_valid) return m_text;
    const auto parts = partsOf(path);
    const Found found = find(parts);
    const Object& object = m_objects[static_cast<size_t>(found.object)];
    if (found.member < 0)
        return added(object, {parts.begin() + static_cast<std::ptrdiff_t>(found.depth), parts.end()}, json);
    std::string value = json; // a value that stands where a section is needed makes room for it
    for (size_t depth = parts.size(); depth > found.depth; --depth)
        value = "{" + quoted(parts[depth - 1]) + ": " + value + "}";
    const TextSpan span = object.members[static_cast<size_t>(found.member)].value;
    std::string text = m_text;
    return text.replace(span.begin, span.size(), value);
}

// What goes with a member: its line where that holds nothing else, otherwise the blanks up to its neighbour; and one
// comma. Comments within it stay.
std::vector<TextSpan> ConfigDocument::removal(const Object& object, size_t index) const {
    const Member& member = object.members[index];
    const size_t next = skipBlank(member.value.end);
    size_t comma = none; // the one that goes, while it is not within a span
    if (m_text[next] == ',')
        comma = next;
    else if (index > 0)
        comma = skipBlank(object.members[index - 1].value.end);
    std::vector<TextSpan> spans;
    TextSpan span{member.key.begin, member.value.end};
    if (holdsComment(m_text, member.key.end, member.value.begin)) {
        const size_t colon = skipBlank(member.key.end);
        spans = {member.key, {colon, colon + 1}, member.value};
    } else {
        if (comma != none && comma >= span.end && !holdsComment(m_text, span.end, comma)) {
            span.end = comma + 1;
            comma = none;
        }
        size_t behind = span.end;
        while (behind < m_text.size() && (m_text[behind] == ' ' || m_text[behind] == '\t')) ++behind;
        const bool line_ends = m_text[behind] == '\n' || m_text[behind] == '\r';
        if (startsLine(span.begin) && line_ends) {
            while (m_text[span.begin - 1] != '\n') --span.begin;
            span.end = m_text.find('\n', behind) + 1;
        } else if (comma < span.begin && !holdsComment(m_text, comma, span.begin)) {
            span.begin = comma;
            comma = none;
        } else if (!line_ends) {
            span.end = behind;
        }
        spans = {span};
    }
    if (comma != none) spans.push_back({comma, comma + 1});
    std::sort(spans.begin(), spans.end(), [](const TextSpan& a, const TextSpan& b) { return a.begin > b.begin; });
    return spans;
}

std::string ConfigDocument::without(std::string_view path) const {
    if (!m_valid) return m_text;
    const auto parts = partsOf(path);
    const Found found = find(parts);
    if (found.depth < parts.size()) return m_text;
    const Object& object = m_objects[static_cast<size_t>(found.object)];
    const Member& member = object.members[static_cast<size_t>(found.member)];
    std::string text = m_text;
    for (const TextSpan& span : removal(object, static_cast<size_t>(found.member))) text.erase(span.begin, span.size());
    const bool leaves_section_empty = found.object > 0 && object.members.size() == 1 &&
                                      !holdsComment(m_text, object.span.begin, member.key.begin) &&
                                      !holdsComment(m_text, member.key.end, member.value.begin) &&
                                      !holdsComment(m_text, member.value.end, object.span.end);
    if (!leaves_section_empty) return text;
    return ConfigDocument(text).without(path.substr(0, path.rfind('.')));
}

} // namespace shardscope::gui
