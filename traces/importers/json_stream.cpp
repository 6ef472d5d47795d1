// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/json_stream.h"
#include "traces/importers/importer.h"
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <simdjson.h>

namespace shardscope::importers {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr size_t window_bytes = 1 << 20;
constexpr size_t longest_event = 32 << 20;
constexpr size_t longest_member = 4 << 20;
constexpr int64_t most_wasted = 512 << 20; // bytes looked through in vain
constexpr size_t headroom = 1;             // a byte before the window becomes the bracket of a batch

bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view token) {
    while (!token.empty() && isSpace(token.back())) token.remove_suffix(1);
    return token;
}

std::string_view keyOf(ondemand::raw_json_string key) {
    const char* const text = key.raw();
    return {text, static_cast<size_t>(static_cast<const char*>(std::memchr(text, '"', 1 << 20)) - text)};
}

// False if the value is damaged.
bool scalar(ondemand::value value, JsonField& field) {
    std::string_view token = value.raw_json_token();
    const char first = token.empty() ? '\0' : token[0];
    if (first != '"') {
        token = trimmed(token);
        field.value = first == '{' || first == '[' || token == "null" ? std::string_view() : token;
        field.is_string = false;
        return true;
    }
    field.is_string = true;
    token = trimmed(token);
    if (token.size() < 2 || token.back() != '"') return false;
    token = token.substr(1, token.size() - 2);
    if (std::memchr(token.data(), '\\', token.size()) == nullptr) {
        field.value = token;
        return true;
    }
    return value.get_string().get(field.value) == simdjson::SUCCESS;
}

bool readArguments(ondemand::value value, JsonEvent& event) {
    ondemand::object object;
    if (value.get_object().get(object)) return false;
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field)) return false;
        if (event.argument_count == JsonEvent::most_arguments) {
            event.arguments_left_out = true;
            continue;
        }
        JsonField& argument = event.arguments[event.argument_count];
        argument.key = keyOf(field.key());
        if (!scalar(field.value(), argument)) return false;
        event.argument_count += !argument.value.empty() || argument.is_string;
    }
    return true;
}

bool readEvent(ondemand::object object, JsonEvent& event) {
    event.ph = event.name = event.cat = event.ts = event.dur = event.pid = event.tid = event.id = event.scope = {};
    event.argument_count = 0;
    event.arguments_left_out = false;
    JsonField scratch;
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field)) return false;
        const std::string_view key = keyOf(field.key());
        if (key == "args") {
            ondemand::value value = field.value();
            const std::string_view token = value.raw_json_token();
            if (!token.empty() && token[0] == '{' && !readArguments(value, event)) return false;
            continue;
        }
        std::string_view* const wanted = key == "ph"      ? &event.ph
                                         : key == "name"  ? &event.name
                                         : key == "cat"   ? &event.cat
                                         : key == "ts"    ? &event.ts
                                         : key == "dur"   ? &event.dur
                                         : key == "pid"   ? &event.pid
                                         : key == "tid"   ? &event.tid
                                         : key == "id"    ? &event.id
                                         : key == "scope" ? &event.scope
                                                          : nullptr;
        if (!wanted) continue;
        if (!scalar(field.value(), scratch)) return false;
        *wanted = scratch.value;
    }
    return true;
}

} // namespace

struct JsonStream::Impl {
    ByteSource source;
    const Handler* handler = nullptr;
    JsonStreamCounts* counts = nullptr;
    std::string path;
    std::vector<char> buffer = std::vector<char>(headroom + window_bytes + simdjson::SIMDJSON_PADDING);
    size_t begin = headroom, end = headroom; // of what was read and not yet used
    int64_t base = 0, wasted = 0;            // place of the buffer in the file
    bool at_end = false;                     // of the file
    bool is_stopped = false;
    ondemand::parser parser, single;
    JsonEvent event;
    std::string repaired, first_key;

    std::string_view rest() const { return {buffer.data() + begin, end - begin}; }
    size_t room() const { return buffer.size() - simdjson::SIMDJSON_PADDING; }

    // Reads on until the window is full; `grow` makes it larger, because one value does not fit. False: no more.
    bool fill(bool grow) {
        if (at_end) return false;
        if (begin > headroom) {
            std::memmove(buffer.data() + headroom, buffer.data() + begin, end - begin);
            end -= begin - headroom;
            base += static_cast<int64_t>(begin - headroom);
            begin = headroom;
        }
        if (grow && end == room()) buffer.resize(buffer.size() * 2);
        const size_t got = source.read(std::span(buffer).subspan(end, room() - end));
        end += got;
        at_end = end < room();
        if (!handler->proceed(source.position())) is_stopped = true;
        return got > 0 && !is_stopped;
    }

    // The next byte that is no space, without using it; 0 at the end.
    char peek() {
        do {
            while (begin < end && isSpace(buffer[begin])) ++begin;
        } while (begin == end && fill(false));
        return begin < end ? buffer[begin] : '\0';
    }

    // Uses one value of any size, keeping the first bytes of it. False at the end of the file.
    bool takeRaw(std::string& text, size_t most, bool& whole) {
        text.clear();
        whole = true;
        int64_t depth = 0;
        bool in_string = false, escaped = false;
        if (peek() == '\0') return false;
        for (;; ++begin) {
            if (begin == end && !fill(false)) return false;
            const char c = buffer[begin];
            const bool scalar_ends = depth == 0 && !in_string && (c == ',' || c == '}' || c == ']' || c == ':');
            if (scalar_ends) return true;
            if (text.size() < most)
                text += c;
            else
                whole = false;
            if (in_string) {
                if (!escaped && c == '"') in_string = false;
                escaped = !escaped && c == '\\';
                if (!in_string && depth == 0) break;
                continue;
            }
            if (c == '"') in_string = true;
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
            if (depth == 0 && (c == '}' || c == ']')) break;
        }
        ++begin;
        return true;
    }

    bool handleOne(simdjson::padded_string_view json) {
        ondemand::document document;
        ondemand::object object;
        if (single.iterate(json).get(document) || document.get_object().get(object) || !readEvent(object, event))
            return false;
        handler->event(event);
        return true;
    }

    // One event, repaired where needed. Leaves `begin` behind it.
    void readSlowly() {
        size_t used = 0;
        RepairOutcome outcome = RepairOutcome::unfinished;
        while ((outcome = repairValue(rest(), repaired, used, counts->repairs)) == RepairOutcome::unfinished) {
            if (end - begin > longest_event || !fill(true)) break;
        }
        if (is_stopped) return;
        const size_t length = repaired.size();
        repaired.append(simdjson::SIMDJSON_PADDING, ' ');
        if (outcome == RepairOutcome::complete) {
            const bool is_object = length > 0 && repaired[0] == '{';
            if (!is_object)
                ++counts->not_objects;
            else if (handleOne(simdjson::padded_string_view(repaired.data(), length, repaired.size())))
                ++counts->repaired_events;
            else
                ++counts->skipped_pieces;
            begin += used;
            return;
        }
        const bool maybe_truncated = outcome == RepairOutcome::unfinished && at_end;
        wasted += static_cast<int64_t>(used);
        ++begin;
        findNextEvent();
        if (wasted > most_wasted) {
            counts->gave_up = true;
            begin = end;
        }
        if (maybe_truncated && begin == end)
            counts->truncated = true;
        else
            ++counts->skipped_pieces;
    }

    // After text that makes no sense: on to what looks like the begin of an event.
    void findNextEvent() {
        for (;;) {
            while (begin < end && buffer[begin] != '{' && buffer[begin] != ']') ++begin;
            if (end - begin < 256 && fill(false)) continue;
            if (is_stopped || begin == end) return;
            if (looksLikeEvent(begin) || (buffer[begin] == ']' && end - begin < 4096 && at_end)) return;
            ++begin;
        }
    }

    // "{", then a key with which events begin.
    bool looksLikeEvent(size_t at) const {
        if (buffer[at] != '{') return false;
        do ++at;
        while (at < end && isSpace(buffer[at]));
        const std::string_view text(buffer.data() + at, end - at);
        return text.starts_with("\"ph\"") || text.starts_with("\"name\"") ||
               (!first_key.empty() && text.starts_with(first_key));
    }

    // The last place in the window where an event begins behind another; 0 if there is none. A wrong guess makes
    // simdjson refuse the last event of the batch, and it is read slowly.
    size_t lastBoundary() const {
        for (size_t at = end; at-- > begin + 1;) {
            const char* const found = static_cast<const char*>(memrchr(buffer.data() + begin, '{', at - begin + 1));
            if (!found) return 0;
            at = static_cast<size_t>(found - buffer.data());
            if (at <= begin + 1 || !looksLikeEvent(at)) continue;
            size_t before = at - 1;
            while (before > begin && isSpace(buffer[before])) --before;
            if (buffer[before] != ',') continue;
            do --before;
            while (before > begin && isSpace(buffer[before]));
            if (buffer[before] == '}' && before > begin) return before + 1;
        }
        return 0;
    }

    // Everything up to `cut` through simdjson; leaves `begin` at the first event that it refused, or at `cut`.
    void readBatch(size_t cut) {
        char &open = buffer[begin - 1], &close = buffer[cut];
        const char open_was = open, close_was = close;
        open = '[';
        close = ']';
        ondemand::document document;
        ondemand::array array;
        const size_t length = cut + 1 - (begin - 1);
        size_t done = begin;
        const char* const first = buffer.data();
        const simdjson::padded_string_view text(first + begin - 1, length, length + simdjson::SIMDJSON_PADDING);
        bool sound = !parser.iterate(text).get(document) && !document.get_array().get(array);
        if (sound) {
            for (auto element : array) {
                ondemand::value value;
                ondemand::object object;
                if (element.get(value)) {
                    sound = false;
                    break;
                }
                done = static_cast<size_t>(value.raw_json_token().data() - first);
                if (value.get_object().get(object) || !readEvent(object, event)) {
                    sound = false;
                    break;
                }
                handler->event(event);
            }
        }
        open = open_was;
        close = close_was;
        begin = sound ? cut : done;
    }

    // Behind the opening bracket of the array of events. True when its end was there.
    bool readEvents() {
        counts->found_events = true;
        while (!is_stopped) {
            char c = peek();
            while (c == ',') {
                ++begin;
                c = peek();
            }
            if (c == ']') {
                ++begin;
                return true;
            }
            if (c == '\0') {
                counts->truncated = true;
                return false;
            }
            if (end - begin < window_bytes / 2) fill(false);
            if (is_stopped) return false;
            if (first_key.empty() && buffer[begin] == '{') {
                size_t key = begin + 1;
                while (key < end && isSpace(buffer[key])) ++key;
                const size_t close = rest().find('"', key + 1 - begin);
                if (key < end && buffer[key] == '"' && close != std::string_view::npos)
                    first_key = std::string(buffer.data() + key, begin + close + 1 - key);
            }
            const size_t cut = buffer[begin] == '{' ? lastBoundary() : 0;
            if (cut > begin) readBatch(cut);
            // The rest of a refused batch, or what has no boundary, such as the last event of the file.
            const int64_t until = base + static_cast<int64_t>(cut > 0 ? cut : end);
            while (!is_stopped && base + static_cast<int64_t>(begin) < until) {
                c = peek();
                if (c == ',')
                    ++begin;
                else if (c == ']' || c == '\0')
                    break;
                else if (base + static_cast<int64_t>(begin) < until)
                    readSlowly();
            }
        }
        return false;
    }

    void readMembers() {
        std::string key, text;
        bool whole = true;
        while (!is_stopped) {
            char c = peek();
            if (c == ',') {
                ++begin;
                continue;
            }
            if (c == '}') return;
            if (c != '"' || !takeRaw(key, longest_member, whole) || peek() != ':') break;
            ++begin;
            key = key.size() >= 2 ? key.substr(1, key.size() - 2) : key;
            c = peek();
            if (key == "traceEvents" && c == '[') {
                ++begin;
                if (!readEvents()) return;
                continue;
            }
            if (!takeRaw(text, longest_member, whole)) break;
            size_t used = 0;
            text += ' ';
            if (whole && repairValue(text, repaired, used, counts->repairs) == RepairOutcome::complete)
                handler->member(key, repaired);
        }
        if (!is_stopped) counts->truncated = true;
    }
};

JsonStream::JsonStream()
    : m_impl(std::make_unique<Impl>()) {}
JsonStream::~JsonStream() = default;

const std::string& JsonStream::damage() const { return m_impl->source.damage(); }

Result<void> JsonStream::read(const std::string& path, const Handler& handler) {
    Impl& s = *m_impl;
    s.handler = &handler;
    s.counts = &m_counts;
    s.path = path;
    if (Result<void> opened = s.source.open(path); !opened) return opened;
    s.fill(false);
    if (s.rest().starts_with("\xef\xbb\xbf")) s.begin += 3;
    const char first = s.peek();
    if (first == '[') {
        ++s.begin;
        s.readEvents();
    } else if (first == '{') {
        ++s.begin;
        s.readMembers();
    }
    if (s.is_stopped) return stopped();
    if (!m_counts.found_events)
        return Error{fmt::format("'{}' has no traceEvents{}; choose a trace of the PyTorch profiler or another program "
                                 "that writes Chrome traces.",
                                 path, s.source.damage().empty() ? "" : ", because " + s.source.damage())};
    return {};
}

} // namespace shardscope::importers
