// SPDX-License-Identifier: Apache-2.0
// The pieces JSON traces are made of. Internal to the exporters.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shardscope {

// Quoted; control characters escaped, bytes that are not UTF-8 replaced.
std::string jsonString(std::string_view);
// Nanoseconds, at least 0, as microseconds with three decimals: exact.
std::string microseconds(int64_t ns);

// Gives every interval of a lane a row in which it nests: inside the innermost open interval or after it. Intervals
// come by start, the longer one first at the same start.
class NestingRows {
public:
    size_t rowFor(int64_t start_ns, int64_t end_ns);
    size_t rows() const { return m_open.size(); }

private:
    std::vector<std::vector<int64_t>> m_open; // per row the ends of open intervals, the innermost last
};

} // namespace shardscope
