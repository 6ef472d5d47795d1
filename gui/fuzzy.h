// SPDX-License-Identifier: Apache-2.0
// Finds "gtl" in "Go to lane": letters in order, better the more of them start a word or follow each other.
#pragma once
#include <QStringView>
#include <optional>
#include <vector>

namespace shardscope::gui {

struct FuzzyMatch {
    int score = 0;                    // higher is better; comparable for one pattern only
    std::vector<qsizetype> positions; // of the matched letters
};

// Spaces in the pattern are skipped. An empty pattern matches everything with score 0.
std::optional<FuzzyMatch> fuzzyMatch(QStringView pattern, QStringView text);

} // namespace shardscope::gui
