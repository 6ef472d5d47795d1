// SPDX-License-Identifier: Apache-2.0
#include "gui/search_query.h"
#include "gui/event_scan.h"
#include <algorithm>
#include <unordered_map>

namespace shardscope::gui {

namespace {

Error mistake(const QString& sentence) { return {sentence.toStdString()}; }

template <class E> QString wordsOf(std::initializer_list<E> values) {
    QStringList words;
    for (const E value : values) words << QString::fromUtf8(toText(value).data());
    return words.join(", ");
}

// "bucket:3" and its kin. False if the word is no filter.
Result<bool> takeFilter(const QString& word, SearchQuery& query) {
    const qsizetype colon = word.indexOf(':');
    if (colon <= 0) return false;
    const QString name = word.left(colon).toLower(), value = word.mid(colon + 1);
    const auto number = [&](std::optional<int32_t>& to) -> Result<bool> {
        bool ok = false;
        to = value.toInt(&ok);
        if (!ok) return mistake(QString("%1: wants a number, not '%2'; write %1:3.").arg(name, value));
        return true;
    };
    if (name == "bucket") return number(query.bucket);
    if (name == "rank") return number(query.rank);
    if (name == "step") return number(query.step);
    if (name == "layer") {
        if (value == "embedding") {
            query.layer = -2;
            return true;
        }
        return number(query.layer);
    }
    if (name == "key") {
        query.keys.push_back(value);
        return true;
    }
    const std::string text = value.toStdString();
    if (name == "class") {
        query.op_class = fromText<OpClass>(text);
        if (query.op_class) return true;
        return mistake(QString("There is no class '%1'; classes are %2 and others.")
                           .arg(value, wordsOf({OpClass::compute, OpClass::all_gather, OpClass::reduce_scatter,
                                                OpClass::all_reduce, OpClass::broadcast, OpClass::copy,
                                                OpClass::storage, OpClass::host})));
    }
    if (name == "phase") {
        query.phase = fromText<Phase>(text);
        if (query.phase) return true;
        return mistake(QString("There is no phase '%1'; phases are %2.")
                           .arg(value, wordsOf({Phase::initialize, Phase::forward, Phase::backward, Phase::recompute,
                                                Phase::optimizer, Phase::unknown})));
    }
    if (name == "lane") {
        query.lane = fromText<LaneKind>(text);
        if (query.lane) return true;
        return mistake(QString("There is no lane '%1'; lanes are %2.")
                           .arg(value, wordsOf({LaneKind::compute, LaneKind::comm, LaneKind::copy, LaneKind::storage,
                                                LaneKind::host})));
    }
    return false; // names of kernels have colons too
}

// Answers by id, each found out once.
class Memo {
public:
    template <class Ask> bool operator()(int64_t id, Ask ask) {
        const auto [entry, is_new] = m_known.try_emplace(id, false);
        if (is_new) entry->second = ask();
        return entry->second;
    }

private:
    std::unordered_map<int64_t, bool> m_known;
};

class Matcher {
public:
    Matcher(const TraceReader& trace, const SearchQuery& query)
        : m_trace(trace)
        , m_query(query) {}

    bool operator()(const IntervalEvent& e) {
        const SearchQuery& q = m_query;
        if (q.bucket && e.bucket != *q.bucket) return false;
        if (q.layer && e.layer != *q.layer) return false;
        if (q.step && e.step != *q.step) return false;
        if (q.op_class && e.op_class != *q.op_class) return false;
        if (q.phase && e.phase != *q.phase) return false;
        if (!q.patterns.empty() && !m_pattern(static_cast<int64_t>(e.name), [&] { return patternsIn(e.name); }))
            return false;
        if (!q.keys.empty() && !m_key(static_cast<int64_t>(e.op), [&] { return all(q.keys, keyOf(e.op)); }))
            return false;
        if (q.words.empty()) return true;
        if (m_word(static_cast<int64_t>(e.name), [&] { return all(q.words, nameOf(e.name)); })) return true;
        return m_word_of_key(static_cast<int64_t>(e.op), [&] { return all(q.words, keyOf(e.op)); });
    }

private:
    QString nameOf(NameId name) const { return QString::fromStdString(m_trace.name(name)); }
    QString keyOf(OpId op) const {
        const ProgramOpEvent* found = m_trace.op(op);
        return found ? QString::fromStdString(found->config_key) : QString();
    }
    static bool all(const std::vector<QString>& words, const QString& text) {
        return std::all_of(words.begin(), words.end(),
                           [&](const QString& word) { return text.contains(word, Qt::CaseInsensitive); });
    }
    bool patternsIn(NameId id) const {
        const QString name = nameOf(id);
        return std::all_of(m_query.patterns.begin(), m_query.patterns.end(),
                           [&](const QRegularExpression& pattern) { return pattern.match(name).hasMatch(); });
    }

    const TraceReader& m_trace;
    const SearchQuery& m_query;
    Memo m_pattern, m_word, m_key, m_word_of_key;
};

bool before(const MatchRef& a, int64_t start_ns, LaneId lane) {
    return a.match.start_ns != start_ns ? a.match.start_ns < start_ns : a.lane < lane;
}

} // namespace

bool SearchQuery::empty() const {
    return words.empty() && patterns.empty() && keys.empty() && !bucket && !layer && !rank && !step && !op_class &&
           !phase && !lane;
}

Result<SearchQuery> parseSearch(const QString& text) {
    SearchQuery query;
    for (qsizetype at = 0; at < text.size();) {
        if (text[at].isSpace()) {
            ++at;
            continue;
        }
        if (text[at] == '/') {
            qsizetype end = at + 1;
            while (end < text.size() && (text[end] != '/' || text[end - 1] == '\\')) ++end;
            const QRegularExpression pattern(text.mid(at + 1, end - at - 1), QRegularExpression::CaseInsensitiveOption);
            if (!pattern.isValid())
                return mistake(QString("The regular expression is wrong at character %1: %2.")
                                   .arg(pattern.patternErrorOffset() + 1)
                                   .arg(pattern.errorString()));
            if (!pattern.pattern().isEmpty()) query.patterns.push_back(pattern);
            at = end + 1;
            continue;
        }
        qsizetype end = at;
        while (end < text.size() && !text[end].isSpace()) ++end;
        const QString word = text.mid(at, end - at);
        const Result<bool> filter = takeFilter(word, query);
        if (!filter) return filter.error();
        if (!*filter) query.words.push_back(word);
        at = end;
    }
    return query;
}

TraceMatches findMatches(const TraceReader& trace, const SearchQuery& query, const std::atomic<bool>& cancelled) {
    TraceMatches matches;
    const auto lanes = trace.lanes();
    matches.lanes.resize(lanes.size());
    const TimeRange span = trace.span(), all{span.start_ns, span.end_ns + 1};
    Matcher matcher(trace, query);
    int64_t looked_at = 0, kept = 0;
    for (size_t i = 0; i < lanes.size() && !cancelled; ++i) {
        if ((query.rank && lanes[i].rank != *query.rank) || (query.lane && lanes[i].kind != *query.lane)) continue;
        forEachEvent(trace, static_cast<LaneId>(i), all, [&](EventId id, const IntervalEvent& event) {
            if (matcher(event)) {
                ++matches.count;
                if (kept < most_kept_matches) {
                    ++kept;
                    matches.lanes[i].push_back({event.start_ns, id});
                }
            }
            return (++looked_at & 4095) != 0 || !cancelled;
        });
    }
    return matches;
}

std::optional<MatchRef> nextMatch(const TraceMatches& matches, int64_t start_ns, LaneId lane, bool forwards) {
    std::optional<MatchRef> best, far; // beyond the moment, and at the other end
    for (size_t i = 0; i < matches.lanes.size(); ++i) {
        const auto& list = matches.lanes[i];
        if (list.empty()) continue;
        const auto id = static_cast<LaneId>(i);
        // The first that is not before (start, lane); the moment itself is neither after nor before itself.
        auto at = std::lower_bound(list.begin(), list.end(), start_ns,
                                   [](const TraceMatches::Match& m, int64_t time) { return m.start_ns < time; });
        const auto take = [&](std::optional<MatchRef>& to, const TraceMatches::Match& match, bool earliest) {
            const MatchRef found{id, match};
            if (!to || before(found, to->match.start_ns, to->lane) == earliest) to = found;
        };
        if (forwards) {
            while (at != list.end() && at->start_ns == start_ns && id <= lane) ++at;
            if (at != list.end()) take(best, *at, true);
            take(far, list.front(), true);
        } else {
            while (at != list.end() && at->start_ns == start_ns && id < lane) ++at;
            if (at != list.begin()) take(best, *std::prev(at), false);
            take(far, list.back(), false);
        }
    }
    return best ? best : far;
}

int64_t positionOf(const TraceMatches& matches, int64_t start_ns, LaneId lane) {
    int64_t position = 0;
    bool is_one = false;
    for (size_t i = 0; i < matches.lanes.size(); ++i) {
        const auto& list = matches.lanes[i];
        auto at = std::lower_bound(list.begin(), list.end(), start_ns,
                                   [](const TraceMatches::Match& m, int64_t time) { return m.start_ns < time; });
        is_one |= static_cast<LaneId>(i) == lane && at != list.end() && at->start_ns == start_ns;
        while (at != list.end() && at->start_ns == start_ns && static_cast<LaneId>(i) < lane) ++at;
        position += at - list.begin();
    }
    return is_one ? position + 1 : 0;
}

} // namespace shardscope::gui
