// SPDX-License-Identifier: Apache-2.0
#include "traces/importers/write_table.h"
#include "traces/importers/launch_index.h"
#include "traces/trace_writer.h"
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <numeric>
#include <set>

namespace shardscope::importers {

namespace {

constexpr size_t most_depths = 128; // lanes of one track; deeper calls share the last one
constexpr size_t batch_events = 1024;
constexpr int64_t events_between_questions = 65536;

class TableWriter {
public:
    TableWriter(ImportTable& table, const std::function<bool(int64_t, int64_t)>& proceed)
        : m_table(table)
        , m_proceed(proceed)
        , m_total(table.events()) {}

    Result<WrittenTrace> write(const std::string& destination, std::optional<bool> rows);

private:
    void numberRanks();
    void findOrigin();
    void indexLaunches();
    bool writeTrack(TraceWriter&, size_t track);
    size_t assignDepths(std::vector<ImportedEvent>&, bool& too_deep);
    void writeSmallTables(TraceWriter&);
    int32_t numberOf(RankIndex rank) const { return m_numbers[static_cast<size_t>(rank)]; }
    size_t processOf(RankIndex rank) const {
        return static_cast<size_t>(m_table.ranks[static_cast<size_t>(rank)].process);
    }
    // Time of a rank's process on the clock of the trace.
    int64_t shifted(RankIndex rank, int64_t time_ns) const;

    ImportTable& m_table;
    const std::function<bool(int64_t, int64_t)>& m_proceed;
    int64_t m_total = 0, m_done = 0, m_origin = 0, m_unlinked = 0, m_too_deep = 0;
    std::vector<int32_t> m_numbers;   // by RankIndex
    std::vector<Launches> m_launches; // by ProcessIndex
    std::vector<Steps> m_steps;       // by RankIndex
    WrittenTrace m_written;
};

void TableWriter::numberRanks() {
    std::set<int32_t> taken;
    int64_t clashes = 0;
    m_numbers.assign(m_table.ranks.size(), -1);
    for (size_t i = 0; i < m_numbers.size(); ++i) {
        const auto& number = m_table.ranks[i].number;
        if (!number || *number < 0 || *number >= 65536) continue;
        taken.insert(*number).second ? void(m_numbers[i] = *number) : void(++clashes);
    }
    m_table.warn("same_rank", "Several files or processes claim the same rank; all but the first got a free number.",
                 clashes);
    std::vector<size_t> open;
    for (size_t i = 0; i < m_numbers.size(); ++i)
        if (m_numbers[i] < 0) open.push_back(i);
    std::sort(open.begin(), open.end(),
              [&](size_t a, size_t b) { return m_table.ranks[a].order < m_table.ranks[b].order; });
    int32_t next = 0;
    for (const size_t i : open) {
        while (taken.contains(next)) ++next;
        taken.insert(m_numbers[i] = next);
    }
}

int64_t TableWriter::shifted(RankIndex rank, int64_t time_ns) const {
    // Both are below 2^61, and the origin is the sum of such a pair.
    const int64_t common = time_ns + m_table.processes[processOf(rank)].clock_offset_ns;
    int64_t result = 0;
    if (__builtin_sub_overflow(common, m_origin, &result)) result = common < 0 ? -latest_ns : latest_ns;
    return std::clamp(result, -latest_ns, latest_ns);
}

void TableWriter::findOrigin() {
    m_origin = 0;
    int64_t earliest = std::numeric_limits<int64_t>::max();
    const auto see = [&](RankIndex rank, int64_t time_ns) { earliest = std::min(earliest, shifted(rank, time_ns)); };
    for (const ImportedTrack& track : m_table.tracks)
        if (track.events.size() > 0) see(track.rank, track.events.earliestStart());
    for (const MemoryEvent& m : m_table.memory) see(static_cast<RankIndex>(m.rank), m.time_ns);
    if (earliest != std::numeric_limits<int64_t>::max()) m_origin = earliest;
}

void TableWriter::indexLaunches() {
    m_launches.resize(m_table.processes.size());
    for (ImportedTrack& track : m_table.tracks) {
        if (track.kind != TrackKind::host) continue;
        for (size_t i = 0; i < track.events.size(); ++i) {
            const ImportedEvent& e = track.events.at(i);
            if (e.op_class == OpClass::api_call && e.correlation != no_correlation)
                m_launches[processOf(track.rank)].add(e.correlation, e.start_ns);
        }
        m_launches[processOf(track.rank)].endOfThread();
    }
    m_steps.resize(m_table.ranks.size());
    for (const ImportedStep& step : m_table.steps) {
        // Ranks of one process have the same steps.
        for (size_t rank = 0; rank < m_steps.size(); ++rank)
            if (processOf(static_cast<RankIndex>(rank)) == processOf(step.rank)) m_steps[rank].add(step);
    }
    for (Steps& steps : m_steps) steps.sort();
}

// Gives every event the first depth that is free when it starts; a call inside another is one deeper. Returns how many
// depths there are. The events are in order of start, the longer one first.
size_t TableWriter::assignDepths(std::vector<ImportedEvent>& events, bool& too_deep) {
    std::array<int64_t, most_depths> busy_until{};
    size_t depths = 0;
    for (ImportedEvent& e : events) {
        size_t depth = 0;
        while (depth < depths && busy_until[depth] > e.start_ns) ++depth;
        if (depth == most_depths) {
            too_deep = true;
            ++m_too_deep;
            --depth;
            busy_until[depth] = std::max(busy_until[depth], e.start_ns + e.duration_ns);
        } else {
            depths = std::max(depths, depth + 1);
            busy_until[depth] = e.start_ns + e.duration_ns;
        }
        e.depth = static_cast<uint8_t>(depth);
    }
    return depths;
}

LaneKind kindOf(TrackKind track, const std::vector<ImportedEvent>& events) {
    if (track != TrackKind::device) return LaneKind::host;
    int64_t comm_ns = 0, copy_ns = 0, other_ns = 0;
    for (const ImportedEvent& e : events)
        (isCollective(e.op_class) ? comm_ns : e.op_class == OpClass::copy ? copy_ns : other_ns) += e.duration_ns;
    if (comm_ns > copy_ns + other_ns) return LaneKind::comm;
    return copy_ns > comm_ns + other_ns ? LaneKind::copy : LaneKind::compute;
}

bool TableWriter::writeTrack(TraceWriter& writer, size_t index) {
    ImportedTrack& track = m_table.tracks[index];
    std::vector<ImportedEvent> events = track.events.take();
    if (events.empty()) return true;
    const auto before = [](const ImportedEvent& a, const ImportedEvent& b) {
        if (a.start_ns != b.start_ns) return a.start_ns < b.start_ns;
        if (a.duration_ns != b.duration_ns) return a.duration_ns > b.duration_ns;
        return std::pair{a.name, a.correlation} < std::pair{b.name, b.correlation};
    };
    if (!std::is_sorted(events.begin(), events.end(), before)) std::sort(events.begin(), events.end(), before);
    bool too_deep = false;
    const size_t depths = assignDepths(events, too_deep);
    const LaneKind kind = kindOf(track.kind, events);

    // Lane after lane: the events of each depth, in order.
    std::vector<size_t> first(depths + 1, 0);
    for (const ImportedEvent& e : events) ++first[e.depth + size_t{1}];
    std::partial_sum(first.begin(), first.end(), first.begin());
    std::vector<uint32_t> order(events.size());
    std::vector<size_t> next(first.begin(), first.end() - 1);
    for (size_t i = 0; i < events.size(); ++i) order[next[events[i].depth]++] = static_cast<uint32_t>(i);

    const int32_t rank = numberOf(track.rank);
    const Launches& launches = m_launches[processOf(track.rank)];
    const Steps& steps = m_steps[static_cast<size_t>(track.rank)];
    std::vector<IntervalEvent> batch(std::min(batch_events, events.size()));
    for (size_t depth = 0; depth < depths; ++depth) {
        std::string name = fmt::format("rank {} {}", rank, track.name);
        if (depth > 0) name += fmt::format(", depth {}", depth);
        const LaneId lane = writer.addLane({rank, kind, name});
        ++m_written.lanes;
        size_t filled = 0;
        for (size_t k = first[depth]; k < first[depth + 1]; ++k) {
            const ImportedEvent& e = events[order[k]];
            IntervalEvent out;
            out.lane = lane;
            out.name = e.name;
            out.start_ns = shifted(track.rank, e.start_ns);
            out.end_ns = out.start_ns + e.duration_ns;
            out.phase = Phase::unknown;
            out.op_class = e.op_class;
            int64_t caused_ns = e.start_ns;
            if (e.correlation != no_correlation) {
                out.correlation = e.correlation;
                if (track.kind == TrackKind::device) {
                    const int64_t* const launch = launches.find(e.correlation);
                    launch ? void(caused_ns = *launch) : void(++m_unlinked);
                }
            }
            out.step = steps.at(caused_ns);
            if (e.extra != no_extra) {
                const EventExtra& extra = m_table.extras[e.extra];
                out.elements = extra.elements;
                out.bytes = extra.bytes;
                out.sent_bytes = extra.sent_bytes;
                out.process_group = extra.process_group;
            }
            batch[filled++] = out;
            ++m_done;
            if (filled < batch.size()) continue;
            writer.append(std::span<const IntervalEvent>(batch));
            filled = 0;
            if (m_done % events_between_questions < static_cast<int64_t>(batch.size()) && m_proceed &&
                !m_proceed(m_done, m_total))
                return false;
        }
        writer.append(std::span<const IntervalEvent>(batch).first(filled));
    }
    return !writer.failure();
}

void TableWriter::writeSmallTables(TraceWriter& writer) {
    std::vector<TraceEvent> out;
    const auto put = [&](TraceEvent event) {
        out.push_back(std::move(event));
        if (out.size() < batch_events) return;
        writer.append(out);
        out.clear();
    };
    for (auto& [key, value] : m_table.run) put(RunInfoEvent{key, value});
    for (const ProcessGroupEvent& group : m_table.groups) put(group);
    std::map<int32_t, StepEvent> steps;
    for (const ImportedStep& s : m_table.steps) {
        const int64_t start = shifted(s.rank, s.start_ns), end = shifted(s.rank, s.end_ns);
        const auto [step, fresh] = steps.try_emplace(s.step);
        if (fresh) {
            constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
            step->second = {s.step, start, end, unknown, unknown, 0};
        }
        step->second.start_ns = std::min(step->second.start_ns, start);
        step->second.end_ns = std::max(step->second.end_ns, end);
    }
    for (const auto& [number, step] : steps) put(step);
    std::stable_sort(m_table.memory.begin(), m_table.memory.end(), [&](const MemoryEvent& a, const MemoryEvent& b) {
        return shifted(static_cast<RankIndex>(a.rank), a.time_ns) < shifted(static_cast<RankIndex>(b.rank), b.time_ns);
    });
    for (MemoryEvent m : m_table.memory) {
        const auto rank = static_cast<RankIndex>(m.rank);
        m.time_ns = shifted(rank, m.time_ns);
        m.rank = numberOf(rank);
        put(m);
    }
    for (CounterEvent c : m_table.counters) {
        const auto rank = static_cast<RankIndex>(c.rank);
        c.time_ns = shifted(rank, c.time_ns);
        c.rank = numberOf(rank);
        put(c);
    }
    m_table.warn("not_utf8", "Names that were not valid UTF-8 show a replacement character.", m_table.names.repaired());
    m_table.warn("long_names", "Names of more than 16 KB were cut.", m_table.names.shortened());
    m_table.warn("deep_nesting", "Calls nested more than 128 deep share one lane.", m_too_deep);
    m_table.warn("unlinked_kernels",
                 "Kernels and copies whose launching call is not in the trace have no step of their "
                 "launch.",
                 m_unlinked);
    for (const auto& [kind, warning] : m_table.warnings()) {
        put(warning);
        m_written.warnings.push_back(warning);
    }
    writer.append(out);
}

Result<WrittenTrace> TableWriter::write(const std::string& destination, std::optional<bool> rows) {
    m_written.events = m_table.events();
    m_written.rows = rows.value_or(m_total <= most_events_with_rows);
    auto created = TraceWriter::createSorted(destination, m_written.rows);
    if (!created) return created.error();
    TraceWriter& writer = **created;
    for (size_t i = 0; i < m_table.names.size(); ++i) writer.intern(m_table.names.text(static_cast<NameId>(i)));
    numberRanks();
    findOrigin();
    indexLaunches();

    std::vector<size_t> order(m_table.tracks.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        const ImportedTrack &x = m_table.tracks[a], &y = m_table.tracks[b];
        const auto key = [&](const ImportedTrack& t) { return std::tuple(numberOf(t.rank), t.kind, t.sort_index); };
        return key(x) != key(y) ? key(x) < key(y) : x.name != y.name ? x.name < y.name : a < b;
    });
    std::set<int32_t> seen;
    for (const size_t track : order) {
        if (m_table.tracks[track].events.size() > 0) seen.insert(numberOf(m_table.tracks[track].rank));
        if (!writeTrack(writer, track) && !writer.failure())
            return Error{"The import was stopped; nothing was written."};
    }
    m_written.ranks = static_cast<int32_t>(seen.size());
    std::string devices;
    for (size_t i = 0; i < m_table.ranks.size(); ++i)
        if (!m_table.ranks[i].device.empty())
            devices += fmt::format("{}rank {}: {}", devices.empty() ? "" : ", ", m_numbers[i], m_table.ranks[i].device);
    if (!devices.empty()) m_table.run["hardware"] = devices;
    m_table.run["ranks"] = std::to_string(m_written.ranks);
    std::string offsets; // a source's own time stamp is the trace's plus this
    for (size_t i = 0; i < m_table.ranks.size(); ++i)
        offsets += fmt::format("{}\"{}\":{}", offsets.empty() ? "" : ",", m_numbers[i],
                               m_origin - m_table.processes[processOf(static_cast<RankIndex>(i))].clock_offset_ns);
    m_table.run["source_offsets_ns"] = "{" + offsets + "}";
    writeSmallTables(writer);
    if (Result<void> finished = writer.finish("finished"); !finished) return finished.error();
    return m_written;
}

} // namespace

Result<WrittenTrace> writeTable(ImportTable& table, const std::string& destination, std::optional<bool> rows,
                                const std::function<bool(int64_t, int64_t)>& proceed) {
    return TableWriter(table, proceed).write(destination, rows);
}

} // namespace shardscope::importers
