// SPDX-License-Identifier: Apache-2.0
#include "traces/chunk_columns.h"
#include <cassert>

namespace shardscope {

namespace {

template <class Column, class ValueOf> void extend(std::vector<Column>& column, size_t count, ValueOf value_of) {
    const size_t before = column.size();
    if (before == 0) column.reserve(written_chunk_events);
    column.resize(before + count);
    for (size_t i = 0; i < count; ++i) column[before + i] = value_of(i);
}

} // namespace

void ChunkColumns::add(std::span<const IntervalEvent> events, std::span<const int64_t> ids) {
    assert(!events.empty() && events.size() == ids.size());
    const size_t before = size(), count = events.size();
    const auto take = [&](auto& column, auto IntervalEvent::*member) {
        extend(column, count, [&](size_t i) { return events[i].*member; });
    };
    take(shape.start_ns, &IntervalEvent::start_ns);
    take(shape.end_ns, &IntervalEvent::end_ns);
    shape.event.insert(shape.event.end(), ids.begin(), ids.end());
    take(shape.phase, &IntervalEvent::phase);
    take(shape.op_class, &IntervalEvent::op_class);
    take(shape.layer, &IntervalEvent::layer);
    take(shape.bucket, &IntervalEvent::bucket);

    size_t column = 0;
    const auto add = [&](auto IntervalEvent::*member) {
        detail[column++].add(before, count, [&](size_t i) { return static_cast<int64_t>(events[i].*member); });
    };
    add(&IntervalEvent::op);
    add(&IntervalEvent::name);
    add(&IntervalEvent::step);
    add(&IntervalEvent::elements);
    add(&IntervalEvent::bytes);
    add(&IntervalEvent::sent_bytes);
    add(&IntervalEvent::wait_ns);
    add(&IntervalEvent::emulated_ns);
    add(&IntervalEvent::correlation);
    add(&IntervalEvent::process_group);
    assert(column == details);
}

} // namespace shardscope
