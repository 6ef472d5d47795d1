// SPDX-License-Identifier: Apache-2.0
// The ranges of one thread that a Chrome trace says in two events, B and E. They are paired when the file has ended and
// by time, because programs with several writers leave them out of order; those of the same time stay in the file's.
#pragma once
#include "traces/importers/import_table.h"

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

} // namespace shardscope::importers
