// SPDX-License-Identifier: Apache-2.0
// Walks a Chrome trace of any size in a window of a quarter of a megabyte: the members of the top-level object, and the
// events of "traceEvents" (or of a bare array) one by one. Sound windows go through simdjson at once; what it refuses
// is read again, event by event, with repairs. A file that ends early gives all complete events. A second thread reads
// the file and its JSON; the handler is called on the caller's: events in their order, members in theirs.
#pragma once
#include "traces/importers/byte_source.h"
#include "traces/importers/json_event.h"
#include "traces/importers/json_repair.h"
#include <functional>
#include <memory>
#include <string_view>

namespace shardscope::importers {

struct JsonStreamCounts {
    RepairCounts repairs;
    int64_t repaired_events = 0; // read only with repairs
    int64_t skipped_pieces = 0;  // text in which no event could be found
    int64_t not_objects = 0;     // elements of the array that are no events
    bool truncated = false, found_events = false;
    bool gave_up = false; // so damaged that looking for events would never end
};

class JsonStream {
public:
    struct Handler {
        std::function<void(const JsonEvent&)> event;
        // Any member of the top-level object but traceEvents, as valid JSON; values above 4 MB are left out.
        std::function<void(const std::string& key, const std::string& json)> member;
        std::function<bool(int64_t bytes_done)> proceed; // false: stop
    };
    JsonStream();
    ~JsonStream();

    // An error only if nothing was readable or the handler stopped; everything else is counted.
    Result<void> read(const std::string& path, const Handler&);
    const JsonStreamCounts& counts() const { return m_counts; }
    const std::string& damage() const; // of the compression; empty if sound

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
    JsonStreamCounts m_counts;
};

} // namespace shardscope::importers
