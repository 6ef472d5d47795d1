// SPDX-License-Identifier: Apache-2.0
// Which rank the text of a process number means, in files of several ranks that a tool joined.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace shardscope::importers {

// "rank0 17", "[rank 0] 17", "rank0 Spans" and "rank0" all belong to what is called "rank0": the text before its last
// number, or all of it up to its only one. Empty for "17", "Spans" and "".
struct RankText {
    std::string_view name;
    std::optional<int32_t> number;
};

RankText rankInPid(std::string_view pid);

} // namespace shardscope::importers
