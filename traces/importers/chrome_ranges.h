// SPDX-License-Identifier: Apache-2.0
// Ranges that a Chrome trace says in two events: B and E of one thread, b and e of one id. The former are paired when
// the file has ended and by time, because programs with several writers leave them out of order; those of the same time
// stay in the file's.
#pragma once
#include "traces/importers/import_table.h"
#include "traces/importers/json_event.h"
#include "traces/importers/text_map.h"
#include <functional>

namespace shardscope::importers {

class ThreadRanges {
public:
    void begin(int64_t time_ns, NameId name, OpClass op_class) { m_marks.push_back({time_ns, name, op_class, true}); }
    void end(int64_t time_ns) { m_marks.push_back({time_ns, NameId::none, OpClass::cpu_op, false}); }
    // Hands everything to the table; what never ended reaches to `until_ns`.
    void finish(ImportTable&, TrackIndex, int64_t until_ns);

private:
    struct Mark {
        int64_t time_ns;
        NameId name;
        OpClass op_class;
        bool begins;
    };
    std::vector<Mark> m_marks;
};

// Ranges that are tied together by an id and may overlap: one track for each name of a process.
class AsyncRanges {
public:
    explicit AsyncRanges(ImportTable& table)
        : m_table(table) {}
    void take(const JsonEvent&, int64_t ts, const std::function<RankIndex()>& rank);
    void finish();

private:
    static constexpr size_t most_open = 1 << 20; // ranges that began and have not ended
    ImportTable& m_table;
    TextMap<ImportedEvent> m_open;
    TextMap<TrackIndex> m_tracks; // by rank and name
    std::string m_key;
};

} // namespace shardscope::importers
