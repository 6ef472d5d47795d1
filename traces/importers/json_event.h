// SPDX-License-Identifier: Apache-2.0
// One event of a Chrome trace as text fields, and the batches in which events travel from the thread that reads JSON to
// the one that uses them. All views are good as long as their batch is.
#pragma once
#include "traces/result.h"
#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope::importers {

// The raw text of a value: quotes of a string taken off, escapes resolved. Empty: absent, null or not a scalar.
struct JsonField {
    std::string_view key, value;
    bool is_string = false;
};

struct JsonEvent {
    std::string_view ph, name, cat, ts, dur, pid, tid, id, scope;
    static constexpr size_t most_arguments = 64;
    std::span<const JsonField> arguments; // scalars only
    bool arguments_left_out = false;
};

class JsonBatch {
public:
    std::vector<char> text;                                   // of the file, from which the events were read
    std::deque<std::string> other_text;                       // repaired events and strings whose escapes were resolved
    std::vector<std::pair<std::string, std::string>> members; // of the top-level object, which stood among the text
    int64_t position = 0;                                     // in the file, for progress

    void clear(); // keeps memory
    void addArgument(const JsonField& field) { m_arguments.push_back(field); }
    // The event owns the arguments that were added since the one before.
    void addEvent(const JsonEvent& event) { m_events.push_back({event, m_arguments.size()}); }
    void dropArguments() { m_arguments.resize(m_events.empty() ? 0 : m_events.back().arguments_end); }
    size_t argumentCount() const { return m_arguments.size() - (m_events.empty() ? 0 : m_events.back().arguments_end); }

    template <class Use> void forEachEvent(Use use) {
        size_t first = 0;
        for (auto& [event, end] : m_events) {
            event.arguments = std::span(m_arguments).subspan(first, end - first);
            first = end;
            use(event);
        }
    }

private:
    struct Entry {
        JsonEvent event;
        size_t arguments_end;
    };
    std::vector<Entry> m_events;
    std::vector<JsonField> m_arguments;
};

// A ring of batches between one thread that fills and one that uses them.
class JsonBatchQueue {
public:
    // The thread that fills: pass() hands over the current batch and waits for a free one.
    JsonBatch& current() { return m_batches[m_filled % m_batches.size()]; }
    void pass();
    void close(); // after the last pass()

    // The thread that uses: next() waits; nothing after the last batch. release() frees what next() gave.
    JsonBatch* next();
    void release();
    // Any thread: the filling thread is to end; batches still come and are to be released.
    void stop();
    bool stopped() const;

private:
    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    std::array<JsonBatch, 4> m_batches;
    size_t m_filled = 0, m_used = 0;
    bool m_closed = false, m_stopped = false;
};

} // namespace shardscope::importers
