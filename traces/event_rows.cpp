// SPDX-License-Identifier: Apache-2.0
#include "traces/event_rows.h"
#include "traces/sqlite_db.h"
#include <algorithm>
#include <limits>

namespace shardscope {

RowState readEvent(const Statement& row, LaneEntry& entry) {
    bool valid = true;
    const auto small = [&](int column, int64_t none) {
        const int64_t value = row.integerOr(column, none);
        valid = valid && value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
        return static_cast<int32_t>(value);
    };
    const auto choice = [&](int column, int64_t last) {
        const int64_t value = row.integerOr(column, -1);
        valid = valid && value >= 0 && value <= last;
        return static_cast<uint8_t>(value);
    };
    LaneRect& r = entry.rect;
    IntervalDetail& d = entry.detail;
    r.event = static_cast<EventId>(row.integer(0));
    r.start_ns = row.integer(1);
    r.end_ns = row.integer(2);
    r.count = 1;
    d.op = static_cast<OpId>(small(3, -1));
    d.name = static_cast<NameId>(small(4, -1));
    d.step = small(5, -1);
    r.phase = static_cast<Phase>(choice(6, static_cast<int64_t>(Phase::unknown)));
    r.op_class = static_cast<OpClass>(choice(7, static_cast<int64_t>(OpClass::annotation)));
    r.layer = small(8, -1);
    r.bucket = small(9, -1);
    d.elements = row.integer(10);
    d.bytes = row.integer(11);
    d.sent_bytes = row.integer(12);
    d.wait_ns = row.integer(13);
    d.emulated_ns = row.integer(14);
    d.correlation = std::max<int64_t>(row.integerOr(16, -1), -1);
    d.process_group = small(17, -1);
    if (!valid || r.event < EventId{0}) return RowState::invalid;
    return clampToLimits(r, d) ? RowState::clamped : RowState::good;
}

} // namespace shardscope
