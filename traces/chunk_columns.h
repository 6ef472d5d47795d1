// SPDX-License-Identifier: Apache-2.0
// The events of one chunk on their way into the file, a column each. Filled from many events at a time, column by
// column, so that the loops are short and the columns need no checks of room.
#pragma once
#include "traces/lane_index.h"
#include <array>
#include <span>

namespace shardscope {

// One field of `IntervalDetail`. Most have one value throughout a chunk, as those that an import does not know, and
// then nothing is stored.
class DetailColumn {
public:
    // value_of(i) for i < count, behind the `before` values that were added so far.
    template <class ValueOf> void add(size_t before, size_t count, ValueOf value_of) {
        if (before == 0) {
            m_value = value_of(0);
            m_values.clear();
        }
        if (m_values.empty()) {
            size_t same = 0;
            while (same < count && value_of(same) == m_value) ++same;
            if (same == count) return;
            m_values.reserve(written_chunk_events);
            m_values.assign(before, m_value);
        }
        m_values.resize(before + count);
        for (size_t i = 0; i < count; ++i) m_values[before + i] = value_of(i);
    }
    bool varies() const { return !m_values.empty(); }
    int64_t value() const { return m_value; }                       // of all
    const std::vector<int64_t>& values() const { return m_values; } // if they vary

private:
    int64_t m_value = 0;
    std::vector<int64_t> m_values;
};

struct ChunkColumns {
    static constexpr size_t details = 10;
    ShapeColumns shape;
    std::array<DetailColumn, details> detail; // in the order of the file

    size_t size() const { return shape.size(); }
    // In order of start; an id for each event.
    void add(std::span<const IntervalEvent>, std::span<const int64_t> ids);
};

} // namespace shardscope
