// SPDX-License-Identifier: Apache-2.0
#include "gui/tables/details_tables.h"
#include "gui/canvas/format.h"
#include "profiler/analysis/communication.h"
#include "profiler/analysis/doctor.h"
#include "profiler/analysis/kernel_rates.h"
#include "profiler/analysis/memory_report.h"
#include <algorithm>
#include <unordered_map>

namespace shardscope::gui {
namespace {

Cell orNothing(int64_t number, int64_t none = -1) { return number == none ? Cell() : Cell(number); }
std::string word(std::string_view text) { return std::string(text); }

bool stopped(const DetailsLimits& limits) { return limits.stop && limits.stop->load(std::memory_order_relaxed); }

// Time spent in events of one kind, and where the longest of them is.
struct Tally {
    int64_t calls = 0, total_ns = 0, shortest_ns = INT64_MAX, longest_ns = -1;
    LaneId lane = LaneId::none;
    int64_t longest_start_ns = 0;
    void add(const IntervalEvent& e) {
        const int64_t duration = e.end_ns - e.start_ns;
        ++calls;
        total_ns += duration;
        shortest_ns = std::min(shortest_ns, duration);
        if (duration <= longest_ns) return;
        longest_ns = duration;
        longest_start_ns = e.start_ns;
        lane = e.lane;
    }
    TableLink link() const {
        TableLink link;
        link.lane = lane;
        if (calls > 0) link.time_ns = longest_start_ns;
        return link;
    }
};

// Every event once, by lane and start.
template <class Visit> void forEachEvent(const TraceReader& trace, const DetailsLimits& limits, Visit visit) {
    constexpr int64_t events_at_once = 500'000; // a window of time holds about so many
    const TimeRange span = trace.span();
    const int64_t windows = std::clamp<int64_t>(trace.eventCount() / events_at_once, 1, 1'000);
    const int64_t width = span.duration() / windows + 1;
    for (size_t lane = 0; lane < trace.lanes().size(); ++lane)
        for (int64_t from = span.start_ns; from <= span.end_ns && !stopped(limits); from += width)
            for (const IntervalEvent& e : trace.events(static_cast<LaneId>(lane), {from, from + width}))
                if (e.start_ns >= from) visit(e); // others began in the window before
}

void leaveOut(TableData& table, const DetailsLimits& limits, const std::string& what) {
    if (table.rows.size() <= limits.rows) return;
    const size_t left = table.rows.size() - limits.rows;
    table.rows.resize(limits.rows);
    table.links.resize(limits.rows);
    table.notes.push_back(formatCount(static_cast<int64_t>(left)) + " " + what + " are left out; SQL finds them");
}

TableData programTable(const TraceReader& trace, const DetailsLimits& limits) {
    TableData table{.name = "ops", .columns = {}, .rows = {}, .links = {}, .notes = {}};
    table.columns = {{"op", ColumnKind::count, "position in the program of one step"},
                     {"name", ColumnKind::text, {}},
                     {"lane", ColumnKind::text, {}, 5},
                     {"phase", ColumnKind::text, {}, 3},
                     {"class", ColumnKind::text, {}, 6},
                     {"layer", ColumnKind::text, {}, 1},
                     {"bucket", ColumnKind::count, {}, 4},
                     {"elements", ColumnKind::count, "of the whole range a collective works on", 2},
                     {"size", ColumnKind::bytes, "of that range; bytes written by a computation", 7},
                     {"calls", ColumnKind::count, "on all ranks and in all steps"},
                     {"mean", ColumnKind::time, {}},
                     {"max", ColumnKind::time, "double click leads there"},
                     {"because of", ColumnKind::text, "the configuration key that caused the op"}};
    std::unordered_map<int32_t, Tally> tallies;
    if (!trace.program().empty())
        forEachEvent(trace, limits, [&](const IntervalEvent& e) {
            if (e.op != OpId::none) tallies[static_cast<int32_t>(e.op)].add(e);
        });
    std::unordered_map<int32_t, OpRate> rates; // of computations, where the trace tells what they work
    if (!trace.runValue("op_work").empty() && !stopped(limits))
        for (const OpRate& rate : opRates(trace)) rates[static_cast<int32_t>(rate.op)] = rate;
    const std::optional<DevicePeaks> peaks = devicePeaks(trace);
    if (!rates.empty()) {
        table.columns.push_back({"GFLOP/s", ColumnKind::rate, "arithmetic of the op by the time it took"});
        table.columns.push_back({"GB/s", ColumnKind::rate, "least traffic of the op by the time it took"});
        if (peaks)
            table.columns.push_back({"of roofline", ColumnKind::percent,
                                     "least time of the op by " + peaks->source + ", by the time it took"});
    }
    const auto rate_of = [](double per_second) { return per_second > 0 ? Cell(per_second * 1e-9) : Cell(); };
    for (const ProgramOpEvent& op : trace.program()) {
        const Tally& tally = tallies[static_cast<int32_t>(op.op)];
        const bool ran = tally.calls > 0;
        table.rows.push_back({static_cast<int64_t>(op.op), op.name, word(toText(op.lane)), word(toText(op.phase)),
                              word(toText(op.op_class)), layerText(trace, op.layer), orNothing(op.bucket),
                              orNothing(op.elements, 0), orNothing(op.bytes, 0), tally.calls,
                              ran ? Cell(tally.total_ns / tally.calls) : Cell(), ran ? Cell(tally.longest_ns) : Cell(),
                              op.config_key});
        if (!rates.empty()) {
            const OpRate& rate = rates[static_cast<int32_t>(op.op)];
            table.rows.back().insert(table.rows.back().end(),
                                     {rate_of(rate.flopsPerSecond()), rate_of(rate.bytesPerSecond())});
            if (peaks) {
                const auto share = rate.rooflinePercent(*peaks);
                table.rows.back().push_back(share ? Cell(*share) : Cell());
            }
        }
        table.links.push_back(tally.link());
    }
    if (trace.program().empty())
        table.notes.push_back("an imported trace has no program; Statistics shows what ran by name");
    leaveOut(table, limits, "later ops");
    return table;
}

TableData statisticsTable(const TraceReader& trace, const DetailsLimits& limits) {
    TableData table{.name = "statistics", .columns = {}, .rows = {}, .links = {}, .notes = {}};
    table.columns = {{"name", ColumnKind::text, {}},
                     {"class", ColumnKind::text, {}, 2},
                     {"count", ColumnKind::count, {}},
                     {"total", ColumnKind::time, "added up over all lanes of all ranks"},
                     {"share", ColumnKind::percent, "of the time of all work; calls and annotations are no work"},
                     {"mean", ColumnKind::time, {}},
                     {"min", ColumnKind::time, {}, 1},
                     {"max", ColumnKind::time, "double click leads there"}};
    table.sorted_by = 3;
    table.descending = true;
    std::unordered_map<int64_t, Tally> tallies; // by name and class
    int64_t work_ns = 0;
    forEachEvent(trace, limits, [&](const IntervalEvent& e) {
        tallies[static_cast<int64_t>(e.name) * 256 + static_cast<int64_t>(e.op_class)].add(e);
        if (isWork(e.op_class)) work_ns += e.end_ns - e.start_ns;
    });
    std::vector<std::pair<int64_t, Tally>> sorted(tallies.begin(), tallies.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        return a.second.total_ns != b.second.total_ns ? a.second.total_ns > b.second.total_ns : a.first < b.first;
    });
    for (const auto& [key, tally] : sorted) {
        const auto op_class = static_cast<OpClass>(key & 255);
        const std::string name = trace.name(static_cast<NameId>(key >> 8));
        const bool work = isWork(op_class) && work_ns > 0;
        table.rows.push_back(
            {name.empty() ? std::string("–") : name, word(toText(op_class)), tally.calls, tally.total_ns,
             work ? Cell(100.0 * static_cast<double>(tally.total_ns) / static_cast<double>(work_ns)) : Cell(),
             tally.total_ns / tally.calls, tally.shortest_ns, tally.longest_ns});
        table.links.push_back(tally.link());
    }
    leaveOut(table, limits, "names with less time");
    return table;
}

TableData collectivesTable(const TraceReader& trace, const DetailsLimits& limits) {
    TableData table{.name = "collectives", .columns = {}, .rows = {}, .links = {}, .notes = {}};
    table.columns = {{"rank", ColumnKind::count, {}},
                     {"step", ColumnKind::count, {}},
                     {"name", ColumnKind::text, {}},
                     {"collective", ColumnKind::text, {}, 1},
                     {"bucket", ColumnKind::count, {}, 2},
                     {"start", ColumnKind::time, "on the trace's clock", 7},
                     {"size", ColumnKind::bytes, "of the whole gathered or reduced range", 5},
                     {"wait", ColumnKind::time, "until the last rank had arrived"},
                     {"transfer", ColumnKind::time, "from there to the end"},
                     {"exposed", ColumnKind::time, "not covered by compute of its rank"},
                     {"emulated", ColumnKind::time, "of the transfer, added by the link model", 3},
                     {"bus GB/s", ColumnKind::rate, "as nccl-tests define it; with a link model the model's", 6},
                     {"because of", ColumnKind::text, {}, 4}};
    table.sorted_by = 9;
    table.descending = true;
    std::vector<CollectiveShare> shares;
    for (const int32_t rank : ranksOf(trace)) {
        if (stopped(limits)) break;
        const RankActivity activity = activityOf(trace, rank);
        const std::vector<CollectiveShare> of_rank = collectiveShares(trace, activity);
        shares.insert(shares.end(), of_rank.begin(), of_rank.end());
    }
    std::stable_sort(shares.begin(), shares.end(),
                     [](const CollectiveShare& a, const CollectiveShare& b) { return a.exposed_ns > b.exposed_ns; });
    const auto groups = trace.processGroups();
    for (const CollectiveShare& share : shares) {
        const IntervalEvent& e = share.event;
        const int64_t wait = std::min(e.wait_ns, e.end_ns - e.start_ns), transfer = e.end_ns - e.start_ns - wait;
        int64_t size = trace.ranks();
        for (const ProcessGroupEvent& group : groups)
            if (group.group == e.process_group && group.size > 0) size = group.size;
        const ProgramOpEvent* op = trace.op(e.op);
        table.rows.push_back(
            {int64_t{share.rank}, orNothing(e.step), trace.name(e.name), word(toText(e.op_class)), orNothing(e.bucket),
             e.start_ns, orNothing(e.bytes, 0), wait, transfer, share.exposed_ns, e.emulated_ns,
             e.bytes > 0 && transfer > 0
                 ? Cell(static_cast<double>(e.bytes) * busFactor(e.op_class, size) / static_cast<double>(transfer))
                 : Cell(),
             op ? op->config_key : std::string()});
        TableLink& link = table.links.emplace_back();
        link.lane = e.lane;
        link.time_ns = e.start_ns;
        if (table.rows.size() > limits.rows && shares.size() > limits.rows) break;
    }
    if (shares.size() > limits.rows) {
        table.rows.resize(limits.rows);
        table.links.resize(limits.rows);
        table.notes.push_back(formatCount(static_cast<int64_t>(shares.size() - limits.rows)) +
                              " less exposed ones are left out; SQL finds them in collective");
    }
    if (shares.empty()) table.notes.push_back("the trace holds no collectives");
    return table;
}

Result<TableData> peaksTable(const TraceReader& trace) {
    const auto peaks = memoryPeaks(trace);
    if (!peaks) return peaks.error();
    TableData table{.name = "memory_peaks", .columns = {}, .rows = {}, .links = {}, .notes = {}};
    table.columns = {{"rank", ColumnKind::count, {}},
                     {"tier", ColumnKind::text, {}},
                     {"peak", ColumnKind::bytes, {}},
                     {"planned", ColumnKind::bytes, "by the memory plan, before the run"},
                     {"difference", ColumnKind::bytes, "recorded less planned", 4},
                     {"at", ColumnKind::time, "the first moment, on the trace's clock"},
                     {"step", ColumnKind::count, {}, 3},
                     {"allocation", ColumnKind::text, "that reached the peak"},
                     {"for", ColumnKind::text, "the op that needed it"},
                     {"buffers alive", ColumnKind::count, "double click lists them", 2},
                     {"running", ColumnKind::text, {}, 1}};
    table.sorted_by = 2;
    table.descending = true;
    for (const MemoryPeak& peak : *peaks) {
        Cell planned, difference;
        for (const PlannedPeakEvent& p : trace.plannedPeaks())
            if (p.rank == peak.rank && p.tier == peak.tier && !p.category) {
                planned = p.bytes;
                difference = peak.peak_bytes - p.bytes;
            }
        int64_t alive = 0;
        for (const AliveBuffer& buffer : peak.alive) alive += buffer.count;
        table.rows.push_back({int64_t{peak.rank}, word(toText(peak.tier)), peak.peak_bytes, planned, difference,
                              peak.time_ns, orNothing(peak.step), peak.buffer, peak.op, alive, peak.running});
        TableLink& link = table.links.emplace_back();
        link.time_ns = peak.time_ns;
        link.memory = {peak.rank, peak.tier};
    }
    if (peaks->empty()) table.notes.push_back("the trace holds no memory changes");
    return table;
}

TableData warningsTable(const TraceReader& trace) {
    TableData table{.name = "warnings", .columns = {}, .rows = {}, .links = {}, .notes = {}};
    table.columns = {{"about", ColumnKind::text, "recording, reading or importing; or a finding about the run itself"},
                     {"kind", ColumnKind::text, {}},
                     {"count", ColumnKind::count, {}, 1},
                     {"cost in a step", ColumnKind::time, "as far as it can be said"},
                     {"reason", ColumnKind::text, {}},
                     {"because of", ColumnKind::text, "the configuration key it comes from", 2}};
    for (const WarningEvent& warning : trace.warnings())
        table.rows.push_back(
            {std::string("recording"), warning.kind, warning.count, Cell(), warning.text, std::string()});
    for (const Finding& finding : diagnose(trace))
        table.rows.push_back({finding.kind, finding.subject, Cell(), orNothing(finding.cost_ns, 0), finding.sentence,
                              finding.config_key});
    table.links.resize(table.rows.size());
    if (table.rows.empty()) table.notes.push_back("nothing to be said: no warnings and no findings");
    return table;
}

} // namespace

const char* titleOf(DetailsKind kind) {
    switch (kind) {
    case DetailsKind::program:
        return "Ops";
    case DetailsKind::statistics:
        return "Statistics";
    case DetailsKind::collectives:
        return "Collectives";
    case DetailsKind::memory_peaks:
        return "Memory peaks";
    case DetailsKind::warnings:
        break;
    }
    return "Warnings";
}

Result<TableData> detailsTable(const TraceReader& trace, DetailsKind kind, const DetailsLimits& limits) {
    switch (kind) {
    case DetailsKind::program:
        return programTable(trace, limits);
    case DetailsKind::statistics:
        return statisticsTable(trace, limits);
    case DetailsKind::collectives:
        return collectivesTable(trace, limits);
    case DetailsKind::memory_peaks:
        return peaksTable(trace);
    case DetailsKind::warnings:
        break;
    }
    return warningsTable(trace);
}

EventId eventOf(const TraceReader& trace, const TableLink& link) {
    if (link.event != EventId::none || !link.time_ns || link.lane == LaneId::none) return link.event;
    constexpr double finest = 1e-3; // ns per pixel: every event by itself
    EventId longest = EventId::none;
    int64_t longest_ns = -1;
    for (const LaneRect& rect : trace.rects(link.lane, {*link.time_ns, *link.time_ns + 1}, finest)) {
        if (rect.start_ns != *link.time_ns || rect.end_ns - rect.start_ns <= longest_ns) continue;
        longest = rect.event;
        longest_ns = rect.end_ns - rect.start_ns;
    }
    return longest;
}

} // namespace shardscope::gui
