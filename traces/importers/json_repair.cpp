// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/json_repair.h"
#include "traces/importers/name_table.h"
#include <charconv>
#include <optional>

namespace shardscope::importers {

namespace {

constexpr int most_depth = 64;

bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool endsWord(char c) { return isSpace(c) || c == ',' || c == '}' || c == ']' || c == ':' || c == '"'; }

class Repair {
public:
    Repair(std::string_view text, std::string& out, RepairCounts& counts)
        : m_text(text)
        , m_out(out)
        , m_counts(counts) {}

    RepairOutcome run(size_t& used) {
        m_out.clear();
        const bool ok = value(0);
        used = m_at;
        return ok                      ? RepairOutcome::complete
               : m_at >= m_text.size() ? RepairOutcome::unfinished
                                       : RepairOutcome::hopeless;
    }

private:
    bool atEnd() const { return m_at >= m_text.size(); }
    char here() const { return m_text[m_at]; }
    void skipSpace() {
        while (!atEnd() && isSpace(here())) ++m_at;
    }

    bool value(int depth) {
        skipSpace();
        if (atEnd()) return false;
        switch (here()) {
        case '{':
            return container('{', '}', depth);
        case '[':
            return container('[', ']', depth);
        case '"':
            return string(false);
        case '}':
        case ']':
        case ',':
        case ':':
            return false;
        default:
            return word();
        }
    }

    bool container(char open, char close, int depth) {
        // Too deep: read on without writing, without recursion.
        if (depth >= most_depth) return skipDeep();
        m_out += open;
        ++m_at;
        for (bool first = true;; first = false) {
            skipSpace();
            while (!atEnd() && here() == ',') { // also repeated and trailing ones
                ++m_at;
                skipSpace();
            }
            if (atEnd()) return false;
            if (here() == close) {
                ++m_at;
                m_out += close;
                return true;
            }
            if (!first) m_out += ',';
            if (open == '{') {
                if (here() != '"' || !string(true)) return false;
                skipSpace();
                if (atEnd() || here() != ':') return false;
                ++m_at;
                m_out += ':';
            }
            if (!value(depth + 1)) return false;
        }
    }

    bool skipDeep() {
        ++m_counts.deep;
        m_out += "null";
        int64_t depth = 0;
        bool in_string = false;
        for (; !atEnd(); ++m_at) {
            const char c = here();
            if (in_string) {
                if (c == '\\') ++m_at;
                if (c == '"') in_string = false;
                continue;
            }
            if (c == '"') in_string = true;
            if (c == '{' || c == '[') ++depth;
            if ((c == '}' || c == ']') && --depth == 0) {
                ++m_at;
                return true;
            }
        }
        return false;
    }

    // Whether a quote here ends its string: what follows must be able to stand after a string.
    bool endsString(size_t quote, bool is_key) const {
        const auto next = [&](size_t from) {
            while (from < m_text.size() && isSpace(m_text[from])) ++from;
            return from;
        };
        const size_t after = next(quote + 1);
        if (after >= m_text.size()) return true;
        const char c = m_text[after];
        if (is_key) return c == ':';
        if (c == '}' || c == ']') return true;
        if (c != ',') return false;
        const size_t then = next(after + 1);
        return then >= m_text.size() ||
               std::string_view("\"{[]}-0123456789tfn").find(m_text[then]) != std::string_view::npos;
    }

    bool string(bool is_key) {
        m_string.clear();
        for (++m_at; !atEnd(); ++m_at) {
            const char c = here();
            if (c == '"') {
                if (endsString(m_at, is_key)) {
                    ++m_at;
                    writeString();
                    return true;
                }
                ++m_counts.quotes;
                m_string += "\\\"";
            } else if (c == '\\') {
                if (m_at + 1 >= m_text.size()) {
                    m_at = m_text.size();
                    return false;
                }
                escape();
            } else if (static_cast<unsigned char>(c) < 0x20) {
                ++m_counts.controls;
                m_string += ' ';
            } else {
                m_string += c;
            }
        }
        return false;
    }

    // The number of "\u12ab" at a place; none if it is not one.
    std::optional<unsigned> unitAt(size_t at) const {
        if (at + 5 >= m_text.size() || m_text[at] != '\\' || m_text[at + 1] != 'u') return std::nullopt;
        unsigned code = 0;
        const char* const end = m_text.data() + at + 6;
        const auto [last, error] = std::from_chars(end - 4, end, code, 16);
        return error == std::errc() && last == end ? std::optional(code) : std::nullopt;
    }

    void escape() {
        const char c = m_text[m_at + 1];
        if (c == 'u') {
            const auto code = unitAt(m_at);
            const bool begins_pair = code && *code >= 0xd800 && *code < 0xdc00;
            const auto second = begins_pair ? unitAt(m_at + 6) : std::nullopt;
            const bool pair = second && *second >= 0xdc00 && *second < 0xe000;
            if (pair || (code && (*code < 0xd800 || *code > 0xdfff))) { // half a pair would be refused
                const size_t length = pair ? 12 : 6;
                m_string.append(m_text.substr(m_at, length));
                m_at += length - 1;
                return;
            }
            if (code) {
                ++m_counts.escapes;
                m_string += "\xef\xbf\xbd";
                m_at += 5;
                return;
            }
        } else if (std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos) {
            m_string += '\\';
            m_string += c;
            ++m_at;
            return;
        }
        ++m_counts.escapes; // C:\Users: the backslash was meant
        m_string += "\\\\";
    }

    void writeString() {
        bool repaired = false;
        const std::string valid = validUtf8(m_string, repaired);
        m_counts.bytes += repaired;
        m_out += '"';
        m_out += repaired ? valid : m_string;
        m_out += '"';
    }

    // A number or literal as it is; any other word becomes a string.
    bool word() {
        const size_t first = m_at;
        while (!atEnd() && !endsWord(here())) ++m_at;
        if (atEnd()) return false; // it may go on
        const std::string_view text = m_text.substr(first, m_at - first);
        double number = 0;
        const bool minus = text.starts_with("-");
        const std::string_view digits = text.substr(minus);
        const bool starts_well = !digits.empty() && digits[0] >= '0' && digits[0] <= '9' && digits.back() != '.' &&
                                 !(digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9');
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if ((starts_well && end == text.data() + text.size() && error != std::errc::invalid_argument) ||
            text == "true" || text == "false" || text == "null") {
            m_out += text;
            return true;
        }
        ++m_counts.words;
        m_string.clear();
        for (const char c : text) m_string += c == '\\' ? '/' : static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        writeString();
        return true;
    }

    std::string_view m_text;
    std::string& m_out;
    RepairCounts& m_counts;
    std::string m_string;
    size_t m_at = 0;
};

} // namespace

RepairOutcome repairValue(std::string_view text, std::string& out, size_t& used, RepairCounts& counts) {
    return Repair(text, out, counts).run(used);
}

} // namespace shardscope::importers
