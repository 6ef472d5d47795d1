// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/json_stream.h"
#include "traces/importers/importer.h"
#include <algorithm>
#include <cstring>
#include <exception>
#include <fmt/format.h>
#include <simdjson.h>
#include <thread>

namespace shardscope::importers {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr size_t window_bytes = 1 << 18; // with its events this stays in the caches
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
bool scalar(ondemand::value value, JsonBatch& batch, JsonField& field) {
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
    std::string_view resolved; // in memory of the parser's, which the next window takes
    if (value.get_string().get(resolved) != simdjson::SUCCESS) return false;
    field.value = batch.other_text.emplace_back(resolved);
    return true;
}

bool readArguments(ondemand::value value, JsonBatch& batch, JsonEvent& event) {
    ondemand::object object;
    if (value.get_object().get(object)) return false;
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field)) return false;
        if (batch.argumentCount() == JsonEvent::most_arguments) {
            event.arguments_left_out = true;
            continue;
        }
        JsonField argument;
        argument.key = keyOf(field.key());
        if (!scalar(field.value(), batch, argument)) return false;
        if (!argument.value.empty() || argument.is_string) batch.addArgument(argument);
    }
    return true;
}

// "id2": {"local": "0x1"}, an id that counts within its process or, if "global", within the file.
bool readNestedId(ondemand::value value, JsonBatch& batch, JsonEvent& event) {
    ondemand::object object;
    if (value.get_object().get(object)) return false;
    for (auto item : object) {
        ondemand::field field;
        JsonField id;
        if (std::move(item).get(field) || !scalar(field.value(), batch, id)) return false;
        if (!id.value.empty()) event.id = id.value;
    }
    return true;
}

// Where the value of a key belongs, if anywhere.
std::string_view JsonEvent::*placeOf(std::string_view key) {
    switch (key.size()) {
    case 2:
        return key == "ph" ? &JsonEvent::ph : key == "ts" ? &JsonEvent::ts : key == "id" ? &JsonEvent::id : nullptr;
    case 3:
        return key == "cat"   ? &JsonEvent::cat
               : key == "pid" ? &JsonEvent::pid
               : key == "tid" ? &JsonEvent::tid
               : key == "dur" ? &JsonEvent::dur
                              : nullptr;
    case 4:
        return key == "name" ? &JsonEvent::name : nullptr;
    case 5:
        return key == "scope" ? &JsonEvent::scope : nullptr;
    default:
        return nullptr;
    }
}

// Adds the event to the batch; false if it is damaged, and then nothing of it is there.
bool readEvent(ondemand::object object, JsonBatch& batch) {
    JsonEvent event;
    JsonField scratch;
    for (auto item : object) {
        ondemand::field field;
        if (std::move(item).get(field)) return batch.dropArguments(), false;
        const std::string_view key = keyOf(field.key());
        if (key == "args") {
            ondemand::value value = field.value();
            const std::string_view token = value.raw_json_token();
            if (token.empty() || token[0] != '{') continue;
            if (!readArguments(value, batch, event)) return batch.dropArguments(), false;
            continue;
        }
        if (key == "id2") {
            ondemand::value value = field.value();
            const std::string_view token = value.raw_json_token();
            if (token.empty() || token[0] != '{') continue;
            if (!readNestedId(value, batch, event)) return batch.dropArguments(), false;
            continue;
        }
        std::string_view JsonEvent::*const place = placeOf(key);
        if (!place) continue;
        if (!scalar(field.value(), batch, scratch)) return batch.dropArguments(), false;
        event.*place = scratch.value;
    }
    batch.addEvent(event);
    return true;
}

} // namespace

struct JsonStream::Impl {
    ByteSource source;
    JsonStreamCounts* counts = nullptr;
    JsonBatchQueue queue;
    size_t begin = headroom, end = headroom; // of what was read and not yet used
    int64_t base = 0, wasted = 0;            // place of the current batch's text in the file
    bool at_end = false;                     // of the file
    bool is_stopped = false;
    ondemand::parser parser, single;
    std::string repaired, first_key;
    std::exception_ptr failure; // of the thread that reads

    JsonBatch& batch() { return queue.current(); }
    std::vector<char>& buffer() { return queue.current().text; }
    std::string_view rest() { return {buffer().data() + begin, end - begin}; }
    static size_t room(const std::vector<char>& text) { return text.size() - simdjson::SIMDJSON_PADDING; }

    // What was read so far goes to the thread that uses it; the rest of its text moves to the next batch, where at
    // least as much can be added as is there.
    void passOn() {
        const JsonBatch& full = batch(); // its text stays as it is until the ring comes round to it
        const size_t left = end - begin;
        batch().position = source.position();
        queue.pass();
        JsonBatch& next = batch();
        next.clear();
        size_t size = window_bytes;
        while (size < left * 2) size *= 2;
        size += headroom + simdjson::SIMDJSON_PADDING;
        if (next.text.size() != size) next.text = std::vector<char>(size);
        std::memcpy(next.text.data() + headroom, full.text.data() + begin, left);
        base += static_cast<int64_t>(begin) - static_cast<int64_t>(headroom);
        begin = headroom;
        end = headroom + left;
    }

    // Reads on until the window is full; it grows if one value does not fit. False: no more.
    bool fill() {
        if (at_end) return false;
        passOn();
        if (queue.stopped()) is_stopped = true;
        std::vector<char>& text = buffer();
        const size_t got = source.read(std::span(text).subspan(end, room(text) - end));
        end += got;
        at_end = end < room(text);
        return got > 0 && !is_stopped;
    }

    // The next byte that is no space, without using it; 0 at the end.
    char peek() {
        do {
            while (begin < end && isSpace(buffer()[begin])) ++begin;
        } while (begin == end && fill());
        return begin < end ? buffer()[begin] : '\0';
    }

    // Uses one value of any size, keeping the first bytes of it. False at the end of the file.
    bool takeRaw(std::string& text, size_t most, bool& whole) {
        text.clear();
        whole = true;
        int64_t depth = 0;
        bool in_string = false, escaped = false;
        if (peek() == '\0') return false;
        for (;; ++begin) {
            if (begin == end && !fill()) return false;
            const char c = buffer()[begin];
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
        return !single.iterate(json).get(document) && !document.get_object().get(object) && readEvent(object, batch());
    }

    // One event, repaired where needed. Leaves `begin` behind it.
    void readSlowly() {
        size_t used = 0;
        RepairOutcome outcome = RepairOutcome::unfinished;
        while ((outcome = repairValue(rest(), repaired, used, counts->repairs)) == RepairOutcome::unfinished) {
            if (end - begin > longest_event || !fill()) break;
        }
        if (is_stopped) return;
        if (outcome == RepairOutcome::complete) {
            const size_t length = repaired.size();
            repaired.append(simdjson::SIMDJSON_PADDING, ' ');
            const std::string& text = batch().other_text.emplace_back(repaired);
            const bool is_object = length > 0 && text[0] == '{';
            if (!is_object)
                ++counts->not_objects;
            else if (handleOne(simdjson::padded_string_view(text.data(), length, text.size())))
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
            while (begin < end && buffer()[begin] != '{' && buffer()[begin] != ']') ++begin;
            if (end - begin < 256 && fill()) continue;
            if (is_stopped || begin == end) return;
            if (looksLikeEvent(begin) || (buffer()[begin] == ']' && end - begin < 4096 && at_end)) return;
            ++begin;
        }
    }

    // "{", then a key with which events begin.
    bool looksLikeEvent(size_t at) {
        if (buffer()[at] != '{') return false;
        do ++at;
        while (at < end && isSpace(buffer()[at]));
        const std::string_view text(buffer().data() + at, end - at);
        return text.starts_with("\"ph\"") || text.starts_with("\"name\"") ||
               (!first_key.empty() && text.starts_with(first_key));
    }

    // The last place in the window where an event begins behind another; 0 if there is none. A wrong guess makes
    // simdjson refuse the last event of the batch, and it is read slowly.
    size_t lastBoundary() {
        for (size_t at = end; at-- > begin + 1;) {
            const char* const found = static_cast<const char*>(memrchr(buffer().data() + begin, '{', at - begin + 1));
            if (!found) return 0;
            at = static_cast<size_t>(found - buffer().data());
            if (at <= begin + 1 || !looksLikeEvent(at)) continue;
            size_t before = at - 1;
            while (before > begin && isSpace(buffer()[before])) --before;
            if (buffer()[before] != ',') continue;
            do --before;
            while (before > begin && isSpace(buffer()[before]));
            if (buffer()[before] == '}' && before > begin) return before + 1;
        }
        return 0;
    }

    // Everything up to `cut` through simdjson; leaves `begin` at the first event that it refused, or at `cut`.
    void readBatch(size_t cut) {
        char &open = buffer()[begin - 1], &close = buffer()[cut];
        const char open_was = open, close_was = close;
        open = '[';
        close = ']';
        ondemand::document document;
        ondemand::array array;
        const size_t length = cut + 1 - (begin - 1);
        size_t done = begin;
        const char* const first = buffer().data();
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
                if (value.get_object().get(object) || !readEvent(object, batch())) {
                    sound = false;
                    break;
                }
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
            if (end - begin < window_bytes / 2) fill();
            if (is_stopped) return false;
            if (first_key.empty() && buffer()[begin] == '{') {
                size_t key = begin + 1;
                while (key < end && isSpace(buffer()[key])) ++key;
                const size_t close = rest().find('"', key + 1 - begin);
                if (key < end && buffer()[key] == '"' && close != std::string_view::npos)
                    first_key = std::string(buffer().data() + key, begin + close + 1 - key);
            }
            const size_t cut = buffer()[begin] == '{' ? lastBoundary() : 0;
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
                batch().members.emplace_back(key, repaired);
        }
        if (!is_stopped) counts->truncated = true;
    }

    // The thread that reads.
    void run() {
        try {
            batch().text.resize(headroom + simdjson::SIMDJSON_PADDING);
            fill();
            if (rest().starts_with("\xef\xbb\xbf")) begin += 3;
            const char first = peek();
            if (first == '[') {
                ++begin;
                readEvents();
            } else if (first == '{') {
                ++begin;
                readMembers();
            }
            end = begin;
            passOn();
        } catch (...) {
            failure = std::current_exception();
        }
        queue.close();
    }
};

JsonStream::JsonStream()
    : m_impl(std::make_unique<Impl>()) {}
JsonStream::~JsonStream() = default;

const std::string& JsonStream::damage() const { return m_impl->source.damage(); }

Result<void> JsonStream::read(const std::string& path, const Handler& handler) {
    Impl& s = *m_impl;
    s.counts = &m_counts;
    if (Result<void> opened = s.source.open(path); !opened) return opened;
    std::thread reader([&s] { s.run(); });
    const struct End { // whatever the handler throws, the thread ends first
        JsonBatchQueue& queue;
        std::thread& thread;
        ~End() {
            queue.stop();
            for (; queue.next(); queue.release()) {
            }
            thread.join();
        }
    } end{s.queue, reader};
    bool proceed = true;
    for (JsonBatch* batch = nullptr; proceed && (batch = s.queue.next()); s.queue.release()) {
        batch->forEachEvent(handler.event);
        for (const auto& [key, json] : batch->members) handler.member(key, json);
        proceed = handler.proceed(batch->position);
    }
    if (!proceed) return stopped();
    if (s.failure) std::rethrow_exception(s.failure);
    if (!m_counts.found_events)
        return Error{fmt::format("'{}' has no traceEvents{}; choose a trace of the PyTorch profiler or another program "
                                 "that writes Chrome traces.",
                                 path, s.source.damage().empty() ? "" : ", because " + s.source.damage())};
    return {};
}

} // namespace shardscope::importers
