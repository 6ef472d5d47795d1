// SPDX-License-Identifier: Apache-2.0
#include "gui/fuzzy.h"

namespace shardscope::gui {
namespace {

constexpr int word_start = 12, follows = 8, any_letter = 1, at_front = 6;

bool startsWord(QStringView text, qsizetype at) {
    return at == 0 || !text[at - 1].isLetterOrNumber() || (text[at].isUpper() && text[at - 1].isLower()) ||
           (text[at].isDigit() && !text[at - 1].isDigit());
}

// From each place where the first letter stands, greedily: a letter that starts a word is preferred to one within.
std::optional<FuzzyMatch> matchFrom(QStringView pattern, QStringView text, qsizetype first) {
    FuzzyMatch match;
    qsizetype at = first;
    for (const QChar wanted : pattern) {
        if (wanted.isSpace()) continue;
        const auto same = [&](qsizetype i) { return text[i].toCaseFolded() == wanted.toCaseFolded(); };
        const bool next_to_last = !match.positions.empty() && at < text.size() && same(at);
        if (!next_to_last) {
            qsizetype found = -1;
            for (qsizetype i = at; i < text.size(); ++i) {
                if (!same(i)) continue;
                if (found < 0) found = i;
                if (!startsWord(text, i)) continue;
                found = i;
                break;
            }
            if (found < 0) return std::nullopt;
            at = found;
        }
        match.score += any_letter + (startsWord(text, at) ? word_start : 0) + (next_to_last ? follows : 0);
        match.positions.push_back(at++);
    }
    if (!match.positions.empty()) {
        if (match.positions.front() == 0) match.score += at_front;
        match.score -= static_cast<int>(std::min<qsizetype>(text.size(), 60) / 12); // of two, the shorter one
    }
    return match;
}

} // namespace

std::optional<FuzzyMatch> fuzzyMatch(QStringView pattern, QStringView text) {
    pattern = pattern.trimmed();
    if (pattern.isEmpty()) return FuzzyMatch{};
    std::optional<FuzzyMatch> best;
    for (qsizetype first = 0; first < text.size(); ++first) {
        if (text[first].toCaseFolded() != pattern.front().toCaseFolded()) continue;
        auto match = matchFrom(pattern, text, first);
        if (match && (!best || match->score > best->score)) best = std::move(match);
    }
    return best;
}

} // namespace shardscope::gui
