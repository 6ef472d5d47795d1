// SPDX-License-Identifier: Apache-2.0
// The bytes of a lane_chunk row: columns of variable-length integers inside one checksummed zstd frame, as FORMAT.md
// lays them out. Decoding trusts nothing: whatever is not exactly a chunk of the announced size is refused.
#pragma once
#include "traces/lane_index.h"
#include <array>
#include <optional>
#include <span>
#include <vector>

namespace shardscope {

// What `IntervalDetail` holds of one field. Most fields have one value throughout a chunk, as those that an import does
// not know, and then nothing is stored.
class DetailColumn {
public:
    void add(size_t i, int64_t value) { // i rises from 0
        if (i == 0) {
            m_value = value;
            m_values.clear();
        }
        if (!m_values.empty())
            m_values.push_back(value);
        else if (value != m_value)
            spread(i, value);
    }
    bool varies() const { return !m_values.empty(); }
    int64_t value() const { return m_value; }                        // of all
    const std::vector<int64_t>& values() const { return m_values; } // if they vary

private:
    void spread(size_t i, int64_t value) {
        m_values.assign(i, m_value);
        m_values.push_back(value);
    }
    int64_t m_value = 0;
    std::vector<int64_t> m_values;
};

struct DetailColumns {
    size_t count = 0;
    std::array<DetailColumn, 10> columns; // in the order of the file
    void add(const IntervalDetail&);
};

// Columns in order of start, at least one event.
std::vector<std::byte> encodeShape(const ShapeColumns&);
std::vector<std::byte> encodeDetail(const DetailColumns&);
std::optional<Chunk> decodeShape(std::span<const std::byte>, size_t count, bool with_counts);
std::optional<std::vector<IntervalDetail>> decodeDetail(std::span<const std::byte>, size_t count);

inline void DetailColumns::add(const IntervalDetail& d) {
    const std::array<int64_t, 10> values{static_cast<int64_t>(d.op), static_cast<int64_t>(d.name), d.step,
                                         d.elements, d.bytes, d.sent_bytes, d.wait_ns, d.emulated_ns, d.correlation,
                                         d.process_group};
    for (size_t column = 0; column < columns.size(); ++column) columns[column].add(count, values[column]);
    ++count;
}

} // namespace shardscope
