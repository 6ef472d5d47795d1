// SPDX-License-Identifier: Apache-2.0
// What is typed into the search field: words that a name or a config key contains, /a regular expression/ of names, and
// filters such as bucket:3 or class:all_gather. All of them have to hold.
#pragma once
#include "gui/canvas/timeline_marks.h"
#include "traces/result.h"
#include "traces/trace_reader.h"
#include <QRegularExpression>
#include <atomic>
#include <string>
#include <vector>

namespace shardscope::gui {

struct SearchQuery {
    std::vector<QString> words; // case does not matter
    std::vector<QRegularExpression> patterns;
    std::vector<QString> keys; // config keys that contain this
    std::optional<int32_t> bucket, layer, rank, step;
    std::optional<OpClass> op_class;
    std::optional<Phase> phase;
    std::optional<LaneKind> lane;
    bool empty() const;
};

Result<SearchQuery> parseSearch(const QString&); // the sentence says where a mistake is

inline constexpr int64_t most_kept_matches = 2'000'000;
// Everything that matches; what was found so far if cancelled meanwhile.
TraceMatches findMatches(const TraceReader&, const SearchQuery&, const std::atomic<bool>& cancelled);

struct MatchRef {
    LaneId lane = LaneId::none;
    TraceMatches::Match match;
};
// The kept match after (or before) a moment of a lane, in order of time and lane; from the other end where none is
// left.
std::optional<MatchRef> nextMatch(const TraceMatches&, int64_t start_ns, LaneId, bool forwards);
int64_t positionOf(const TraceMatches&, int64_t start_ns, LaneId); // 1 for the first in that order; 0: not a match

} // namespace shardscope::gui
