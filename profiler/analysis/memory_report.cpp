// SPDX-License-Identifier: Apache-2.0
#include "profiler/analysis/memory_report.h"
#include "profiler/analysis/summary.h"
#include "traces/query.h"
#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <set>

namespace shardscope {

namespace {

constexpr int64_t most_bytes = int64_t{1} << 56; // of one change; a file could claim more
constexpr size_t shown_buffers = 15;             // per rank and tier in text
constexpr const char* changes_in_order =
    "SELECT rank, tier, category, delta_bytes, buffer, op, step, time_ns FROM memory_row "
    "WHERE tier BETWEEN 0 AND 2 AND category BETWEEN 0 AND 7 ORDER BY rank, tier, time_ns, id";

struct Change {
    int32_t rank = 0;
    MemoryTier tier = MemoryTier::device;
    MemoryCategory category = MemoryCategory::other;
    int64_t delta_bytes = 0;
    NameId buffer = NameId::none;
    OpId op = OpId::none;
    int32_t step = -1;
    int64_t time_ns = 0;
};

int64_t integerOr(const Cell& cell, int64_t none) {
    const auto* value = std::get_if<int64_t>(&cell);
    return value ? *value : none;
}

template <class Visit> Result<QueryEnd> forEachChange(const TraceReader& trace, Visit visit) {
    return queryTrace(
        trace.path(), changes_in_order, {}, [](const auto&) {},
        [&](const Row& row) {
            const auto small = [&](size_t c, int64_t none) {
                return static_cast<int32_t>(std::clamp<int64_t>(integerOr(row[c], none), -1, INT32_MAX));
            };
            visit(Change{.rank = small(0, 0),
                         .tier = static_cast<MemoryTier>(integerOr(row[1], 0)),
                         .category = static_cast<MemoryCategory>(integerOr(row[2], 7)),
                         .delta_bytes = std::clamp(integerOr(row[3], 0), -most_bytes, most_bytes),
                         .buffer = static_cast<NameId>(small(4, -1)),
                         .op = static_cast<OpId>(small(5, -1)),
                         .step = small(6, -1),
                         .time_ns = integerOr(row[7], 0)});
            return true;
        });
}

// An allocation is recorded for the op that needs it, under a number just before that op's.
std::string opText(const TraceReader& trace, OpId op) {
    if (op == OpId::none) return {};
    const auto program = trace.program();
    const auto found = std::lower_bound(program.begin(), program.end(), op,
                                        [](const ProgramOpEvent& o, OpId id) { return o.op < id; });
    return found == program.end() ? std::string() : found->name;
}

int64_t saturatingSum(int64_t a, int64_t b) {
    int64_t sum = 0;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return b > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

using Key = std::pair<int32_t, MemoryTier>;

// How many changes lead to the first moment of the peak.
Result<std::map<Key, int64_t>> findPeaks(const TraceReader& trace) {
    struct Running {
        int64_t total = 0, peak = 0, changes = 0, at = 0;
    };
    std::map<Key, Running> running;
    const auto read = forEachChange(trace, [&](const Change& c) {
        Running& r = running[{c.rank, c.tier}];
        r.total = saturatingSum(r.total, c.delta_bytes);
        ++r.changes;
        if (r.total <= r.peak) return;
        r.peak = r.total;
        r.at = r.changes;
    });
    if (!read) return read.error();
    std::map<Key, int64_t> result;
    for (const auto& [key, r] : running)
        if (r.at > 0) result[key] = r.at;
    return result;
}

std::string runningAt(const TraceReader& trace, int32_t rank, int64_t time_ns) {
    std::string names;
    const auto lanes = trace.lanes();
    for (size_t i = 0; i < lanes.size(); ++i) {
        if (lanes[i].rank != rank) continue;
        for (const IntervalEvent& e : trace.events(static_cast<LaneId>(i), {time_ns, time_ns + 1}))
            names += (names.empty() ? "" : "; ") + trace.name(e.name);
    }
    return names;
}

} // namespace

Result<std::vector<MemoryPeak>> memoryPeaks(const TraceReader& trace) {
    const auto where = findPeaks(trace);
    if (!where) return where.error();
    std::map<Key, MemoryPeak> peaks;
    std::map<Key, int64_t> seen;
    std::map<Key, std::map<std::pair<NameId, MemoryCategory>, AliveBuffer>> alive;
    const auto read = forEachChange(trace, [&](const Change& c) {
        const Key key{c.rank, c.tier};
        const auto end = where->find(key);
        const int64_t nth = ++seen[key];
        if (end == where->end() || nth > end->second) return;
        MemoryPeak& peak = peaks[key];
        auto& bytes = peak.category_bytes[static_cast<size_t>(c.category)];
        bytes = saturatingSum(bytes, c.delta_bytes);
        peak.peak_bytes = saturatingSum(peak.peak_bytes, c.delta_bytes);
        AliveBuffer& buffer = alive[key][{c.buffer, c.category}];
        if (buffer.bytes == 0) buffer.op = opText(trace, c.op);
        buffer.bytes = saturatingSum(buffer.bytes, c.delta_bytes);
        buffer.count += c.delta_bytes > 0 ? 1 : -1;
        if (nth < end->second) return;
        peak.rank = c.rank;
        peak.tier = c.tier;
        peak.time_ns = c.time_ns;
        peak.step = c.step;
        peak.op = opText(trace, c.op);
        peak.buffer = trace.name(c.buffer);
        peak.running = runningAt(trace, c.rank, c.time_ns);
    });
    if (!read) return read.error();
    std::vector<MemoryPeak> result;
    for (auto& [key, peak] : peaks) {
        for (auto& [id, buffer] : alive[key]) {
            if (buffer.bytes == 0) continue;
            buffer.buffer = trace.name(id.first);
            buffer.category = id.second;
            peak.alive.push_back(std::move(buffer));
        }
        std::stable_sort(peak.alive.begin(), peak.alive.end(),
                         [](const AliveBuffer& a, const AliveBuffer& b) { return a.bytes > b.bytes; });
        result.push_back(std::move(peak));
    }
    return result;
}

Result<Report> memoryReport(const TraceReader& trace) {
    const auto peaks = memoryPeaks(trace);
    if (!peaks) return peaks.error();
    Table moments{"peaks",
                  "when memory peaked",
                  {"rank", "tier", "peak_bytes", "time_ns", "step", "op", "buffer", "running"},
                  {}};
    Table alive{"alive",
                "alive at the peak, the greatest first",
                {"rank", "tier", "bytes", "category", "buffer", "count", "op"},
                {}};
    Table categories{"categories",
                     "by category: promised by the plan, at its own peak, and when the total peaked",
                     {"rank", "tier", "category", "planned_peak_bytes", "peak_bytes", "at_total_peak_bytes"},
                     {}};
    Table fragmentation{"fragmentation",
                        "room that no buffer fills at the peak",
                        {"rank", "tier", "arena_bytes", "peak_bytes", "fragmentation_percent"},
                        {}};
    const auto text = [](std::string_view word) { return std::string(word); };
    const auto none = [](int32_t number) { return number < 0 ? Cell() : Cell(int64_t{number}); };
    std::map<std::pair<Key, std::string>, int64_t> at_peak;
    for (const MemoryPeak& p : *peaks) {
        moments.rows.push_back(
            {int64_t{p.rank}, text(toText(p.tier)), p.peak_bytes, p.time_ns, none(p.step), p.op, p.buffer, p.running});
        for (const AliveBuffer& b : p.alive)
            alive.rows.push_back(
                {int64_t{p.rank}, text(toText(p.tier)), b.bytes, text(toText(b.category)), b.buffer, b.count, b.op});
        for (const MemoryCategory c : all_memory_categories)
            at_peak[{{p.rank, p.tier}, text(toText(c))}] = p.category_bytes[static_cast<size_t>(c)];
        at_peak[{{p.rank, p.tier}, "total"}] = p.peak_bytes;
    }
    std::set<Key> planned;
    for (const PlannedPeakEvent& p : trace.plannedPeaks()) planned.insert({p.rank, p.tier});
    int64_t different = 0;
    for (const MemoryRow& m : memoryRows(trace)) {
        different += planned.count({m.rank, m.tier}) > 0 && m.planned_peak_bytes != m.peak_bytes;
        categories.rows.push_back({int64_t{m.rank}, text(toText(m.tier)), m.category,
                                   m.planned_peak_bytes ? Cell(m.planned_peak_bytes) : Cell(), m.peak_bytes,
                                   at_peak[{{m.rank, m.tier}, m.category}]});
    }
    const std::string arena_text = trace.runValue("arena_bytes");
    int64_t arena = 0;
    std::from_chars(arena_text.data(), arena_text.data() + arena_text.size(), arena);
    for (const MemoryPeak& p : *peaks) {
        if (p.tier != MemoryTier::device || arena <= 0 || p.peak_bytes > arena) continue;
        fragmentation.rows.push_back({int64_t{p.rank}, text(toText(p.tier)), arena, p.peak_bytes,
                                      100.0 * static_cast<double>(arena - p.peak_bytes) / static_cast<double>(arena)});
    }
    alive.text_rows = shown_buffers;
    Report report;
    if (peaks->empty()) report.notes.push_back("The trace holds no memory changes.");
    if (!planned.empty())
        report.notes.push_back(different == 0 ? "Planned and recorded peaks are equal to the byte."
                                              : fmt::format("{} peaks differ from what was planned.", different));
    for (Table* table : {&moments, &categories, &alive, &fragmentation}) report.tables.push_back(std::move(*table));
    return report;
}

} // namespace shardscope
